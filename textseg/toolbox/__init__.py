"""The operations that people and programs share: typed, JSON-safe arguments in, typed facts out.

The command line, panels in notebooks and assistants all call these functions, so that each of them
gets the same checks, the same facts and the same files. Heavy libraries are loaded only when an
operation runs.
"""

from __future__ import annotations

from textseg.checking import Facts, check_arguments, explain
from textseg.provenance import Credentials
from textseg.toolbox.box import Limits, Toolbox, open_toolbox
from textseg.toolbox.caption import CaptionArguments, CaptionResult, caption_image
from textseg.toolbox.changing import change_facts
from textseg.toolbox.common import ErrorFacts, Setup, error_facts
from textseg.toolbox.create import (
    CreateAnswer,
    create_image,
    created_name,
    refuse_create_output,
    save_create,
)
from textseg.toolbox.create_facts import Change, CreateArguments, CreateFiles, CreateResult
from textseg.toolbox.edit import EditAnswer, edit_image, edited_name, refuse_edit_output, save_edit
from textseg.toolbox.edit_facts import (
    ChangeFacts,
    CheckFacts,
    EditArguments,
    EditResult,
    EvaluationFacts,
    LookFacts,
    Operation,
    look_words,
)
from textseg.toolbox.segment import SegmentAnswer, refuse_output, save_answer, segment_image
from textseg.toolbox.segment_facts import FileNames, QueryFacts, SegmentArguments, SegmentResult
from textseg.toolbox.selecting import RegionFacts, Selecting
from textseg.toolbox.shelf_facts import (
    CorrectArguments,
    Correction,
    ImageFacts,
    ListArguments,
    ListResult,
    MaskFacts,
    UndoArguments,
    UndoResult,
)

__all__ = [
    "CaptionArguments",
    "CaptionResult",
    "Change",
    "ChangeFacts",
    "CheckFacts",
    "CorrectArguments",
    "Correction",
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
    "ImageFacts",
    "Limits",
    "ListArguments",
    "ListResult",
    "LookFacts",
    "MaskFacts",
    "Operation",
    "QueryFacts",
    "RegionFacts",
    "SegmentAnswer",
    "SegmentArguments",
    "SegmentResult",
    "Selecting",
    "Setup",
    "Toolbox",
    "UndoArguments",
    "UndoResult",
    "caption_image",
    "change_facts",
    "check_arguments",
    "create_image",
    "created_name",
    "edit_image",
    "edited_name",
    "error_facts",
    "explain",
    "look_words",
    "open_toolbox",
    "refuse_create_output",
    "refuse_edit_output",
    "refuse_output",
    "save_answer",
    "save_create",
    "save_edit",
    "segment_image",
]
