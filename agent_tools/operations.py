"""The tools, once for all protocols: what they are called, take, say and return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import ValidationError

from agent_tools.sentences import (
    arranged,
    changed,
    compared,
    described,
    found,
    limit_words,
    listed,
    made,
    quoted,
    retouched,
    unanswered,
    undone,
)
from textseg.toolbox import (
    ArrangeResult,
    AskResult,
    CompareResult,
    CreateResult,
    DescribeResult,
    EditResult,
    ExportResult,
    Facts,
    ListResult,
    RetouchResult,
    SegmentResult,
    UndoResult,
    browsing,
)
from textseg.toolbox.inputs import (
    AskInput,
    CompareInput,
    DescribeInput,
    EditInput,
    ExportInput,
    GenerateInput,
    ListInput,
    SegmentInput,
    ToolInput,
    UndoInput,
)
from textseg.toolbox.retouch_inputs import ArrangeInput, RetouchInput

if TYPE_CHECKING:
    from PIL import Image

    from textseg.progress import Follow
    from textseg.toolbox import Toolbox

EXPORT: Final = "export_image"

InputT = TypeVar("InputT", bound=ToolInput)


@dataclass(frozen=True)
class Hints:
    """What a client may assume of a tool, in the words of MCP.

    Attributes:
        read_only: a call leaves nothing behind, not even a mask, but the file that it names, which
            is in the workspace from then on.
        destructive: a call may delete or overwrite something.
        idempotent: the same call again changes nothing more.
        open_world: a call may reach beyond the workspace and the folders of the person.
    """

    read_only: bool
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True)
class ToolAnswer:
    """What a call gives.

    Attributes:
        result: the facts, the same object that every other surface gets.
        text: the most important of them in at most ``MOST_WORDS`` words for each thing.
        shown: handles of the pictures or masks that previews show.
        drawn: a picture that previews show and that has no handle.
    """

    result: Facts
    text: str
    shown: tuple[str, ...] = ()
    drawn: Image.Image | None = None


@dataclass(frozen=True)
class Operation(Generic[InputT]):
    """A tool.

    Attributes:
        name: as models call it.
        title: for people.
        description: when and how to use it.
        takes: the input.
        returns: the kind of the facts.
        hints: what a client may assume.
        run: the call itself.
    """

    name: str
    title: str
    description: str
    takes: type[InputT]
    returns: type[Facts]
    run: Callable[[Toolbox, InputT, Follow], ToolAnswer] = field(repr=False)
    hints: Hints = field(default_factory=lambda: Hints(read_only=False))


def segment_image(toolbox: Toolbox, asked: SegmentInput, follow: Follow) -> ToolAnswer:
    """Find one thing or several in a picture."""
    result = toolbox.segment_image(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    said = [limit_words(found(result, facts)) for facts in result.queries]
    said += unanswered(result.missing)
    handles = _handles(*(facts.mask for facts in result.queries))
    return ToolAnswer(result, "\n".join(said), handles)


def edit_image(toolbox: Toolbox, asked: EditInput, follow: Follow) -> ToolAnswer:
    """Change one thing in a picture."""
    result = toolbox.edit_image(asked.arguments(), progress=follow.progress, cancel=follow.cancel)
    return ToolAnswer(result, limit_words(changed(result, result.image)), _handles(result.picture))


def generate_and_edit(toolbox: Toolbox, asked: GenerateInput, follow: Follow) -> ToolAnswer:
    """Make a picture, and change one thing in it."""
    result = toolbox.generate_and_edit(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    return ToolAnswer(result, limit_words(made(result)), _handles(result.picture))


def describe_image(toolbox: Toolbox, asked: DescribeInput, follow: Follow) -> ToolAnswer:
    """Say what a picture shows."""
    result = toolbox.describe_image(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    said = "\n".join([limit_words(described(result)), *unanswered(result.missing)])
    return ToolAnswer(result, said, _handles(str(result.image)))


def ask_image(toolbox: Toolbox, asked: AskInput, follow: Follow) -> ToolAnswer:
    """Answer a question about one thing or several in a picture."""
    result = toolbox.ask_image(asked.arguments(), progress=follow.progress, cancel=follow.cancel)
    answers = (f"{result.image}: {answer.answer}" for answer in result.answers)
    said = [limit_words(iter([answer])) for answer in answers]
    return ToolAnswer(result, "\n".join([*said, *unanswered(result.missing)]))


def list_images(toolbox: Toolbox, asked: ListInput, _: Follow) -> ToolAnswer:
    """List the pictures."""
    result = toolbox.list_images(asked.arguments())
    return ToolAnswer(result, limit_words(listed(result, asked.name)))


def undo(toolbox: Toolbox, asked: UndoInput, _: Follow) -> ToolAnswer:
    """Go back to another picture."""
    result = toolbox.undo(asked.arguments())
    return ToolAnswer(result, limit_words(undone(result)), _handles(result.image.handle))


def compare_images(toolbox: Toolbox, asked: CompareInput, _: Follow) -> ToolAnswer:
    """Measure how two pictures differ, and show them side by side."""
    result = toolbox.compare_images(asked.arguments())
    shown = browsing.both(toolbox.workspace, result)
    return ToolAnswer(result, limit_words(compared(result)), drawn=shown)


def export_image(toolbox: Toolbox, asked: ExportInput, _: Follow) -> ToolAnswer:
    """Write a picture into the folder that a person opened for it."""
    result: ExportResult = toolbox.export_image(asked.arguments())
    text = f"Exported {result.image} as {quoted(result.name)}, {result.width} x {result.height}."
    return ToolAnswer(result, text)


def retouch_image(toolbox: Toolbox, asked: RetouchInput, follow: Follow) -> ToolAnswer:
    """Change a thing, or what is around it, without a model."""
    result = toolbox.retouch_image(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    said = limit_words(retouched(result))
    return ToolAnswer(result, said, _handles(result.picture))


def arrange_image(toolbox: Toolbox, asked: ArrangeInput, follow: Follow) -> ToolAnswer:
    """Move, copy, scale or mirror a thing."""
    result = toolbox.arrange_image(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    return ToolAnswer(result, limit_words(arranged(result)), _handles(result.picture))


OPERATIONS: tuple[Operation[Any], ...] = (  # Any: each takes its own input
    Operation(
        "segment_image",
        "Find in a picture",
        "Find a thing in a picture by a noun phrase, or several in one call: whether each is "
        "there, its regions (box, size, colour, position) and a mask handle.",
        SegmentInput,
        SegmentResult,
        segment_image,
    ),
    Operation(
        "edit_image",
        "Change a picture",
        "Replace, remove or add one thing, or change the setting; every pixel elsewhere stays. "
        "Gives a new picture, the latest then, and what was measured. One call per thing.",
        EditInput,
        EditResult,
        edit_image,
    ),
    Operation(
        "generate_and_edit",
        "Make a picture",
        "Make a new picture from a description, and change one thing in it if asked.",
        GenerateInput,
        CreateResult,
        generate_and_edit,
    ),
    Operation(
        "describe_image",
        "Describe a picture",
        "Caption a picture, and find the things in the caption.",
        DescribeInput,
        DescribeResult,
        describe_image,
        Hints(read_only=True, idempotent=True),
    ),
    Operation(
        "ask_image",
        "Ask about a picture",
        "Answer about things in a picture by measuring.",
        AskInput,
        AskResult,
        ask_image,
        Hints(read_only=True, idempotent=True),
    ),
    Operation(
        "list_images",
        "List the pictures",
        "List pictures, with handles, and files that may be named, newest first.",
        ListInput,
        ListResult,
        list_images,
        Hints(read_only=True, idempotent=True),
    ),
    Operation(
        "undo",
        "Undo",
        "Make another picture the latest. Nothing is deleted.",
        UndoInput,
        UndoResult,
        undo,
    ),
    Operation(
        "retouch_image",
        "Retouch a picture",
        "Exact changes of a thing, around it (invert) or of all (no query). Rest as in edit_image.",
        RetouchInput,
        RetouchResult,
        retouch_image,
    ),
    Operation(
        "arrange_image",
        "Move things in a picture",
        "Move, copy, scale or mirror a thing; the hole is filled. Rest as in edit_image.",
        ArrangeInput,
        ArrangeResult,
        arrange_image,
    ),
    Operation(
        "compare_images",
        "Compare two pictures",
        "Measure how a picture differs from an earlier one; shows both.",
        CompareInput,
        CompareResult,
        compare_images,
        Hints(read_only=True, idempotent=True),
    ),
    Operation(
        EXPORT,
        "Export a picture",
        "Write a picture or mask as a new file for the person, only when asked to.",
        ExportInput,
        ExportResult,
        export_image,
    ),
)


def offered(toolbox: Toolbox) -> tuple[Operation[Any], ...]:  # Any: as above
    """Return the tools on a toolbox, in a fixed order: exports only where a person allows them."""
    allowed = toolbox.exports is not None
    return tuple(each for each in OPERATIONS if allowed or each.name != EXPORT)


BY_NAME: Final[Mapping[str, Operation[Any]]] = {each.name: each for each in OPERATIONS}  # as above


def result_of(name: str, artifact: object) -> Facts | None:
    """Return the result that a call of a tool gave, as the object that it was.

    Args:
        name: of the tool.
        artifact: of its message. Whatever keeps messages, a checkpointer for one, gives back a dict
            where the object was; the schema of the tool's results makes it the object again.

    Returns:
        None where there is no such tool, or where this is no result of it.
    """
    operation = BY_NAME.get(name)
    if operation is None:
        return None
    try:
        return operation.returns.model_validate(artifact)
    except ValidationError:
        return None


def _handles(*handles: str | None) -> tuple[str, ...]:
    """Return those that there are: in a workspace all, outside of one none."""
    return tuple(handle for handle in handles if handle is not None)
