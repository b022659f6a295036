"""The operations that people and programs share: typed, JSON-safe arguments in, typed facts out.

The command line, panels in notebooks and assistants all call these functions, so that each of them
gets the same checks, the same facts and the same files. Heavy libraries are loaded only when an
operation runs.
"""

from __future__ import annotations

from textseg.provenance import Credentials
from textseg.toolbox.caption import CaptionArguments, CaptionResult, caption_image
from textseg.toolbox.common import ErrorFacts, Facts, checked, error_facts, explain
from textseg.toolbox.create import (
    CreateAnswer,
    create_image,
    created_name,
    refuse_create_output,
    save_create,
)
from textseg.toolbox.create_facts import Change, CreateArguments, CreateFiles, CreateResult
from textseg.toolbox.edit import EditAnswer, edit_image, refuse_edit_output, save_edit
from textseg.toolbox.edit_facts import (
    ChangeFacts,
    EditArguments,
    EditResult,
    EvaluationFacts,
    Operation,
)
from textseg.toolbox.segment import (
    FileNames,
    QueryFacts,
    RegionFacts,
    SegmentAnswer,
    SegmentArguments,
    SegmentResult,
    refuse_output,
    save_answer,
    segment_image,
)

__all__ = [
    "CaptionArguments",
    "CaptionResult",
    "Change",
    "ChangeFacts",
    "CreateAnswer",
    "CreateArguments",
    "CreateFiles",
    "CreateResult",
    "Credentials",
    "EditAnswer",
    "EditArguments",
    "EditResult",
    "ErrorFacts",
    "EvaluationFacts",
    "Facts",
    "FileNames",
    "Operation",
    "QueryFacts",
    "RegionFacts",
    "SegmentAnswer",
    "SegmentArguments",
    "SegmentResult",
    "caption_image",
    "checked",
    "create_image",
    "created_name",
    "edit_image",
    "error_facts",
    "explain",
    "refuse_create_output",
    "refuse_edit_output",
    "refuse_output",
    "save_answer",
    "save_create",
    "save_edit",
    "segment_image",
]
