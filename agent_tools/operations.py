"""The tools, once for all protocols: what they are called, take, say and return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import ValidationError

from textseg.toolbox import (
    ArrangeResult,
    ChangeFacts,
    CreateResult,
    EditResult,
    Facts,
    ImageFacts,
    ListResult,
    MadeFacts,
    QueryFacts,
    RegionFacts,
    RetouchResult,
    SegmentResult,
    UndoResult,
    look_words,
)
from textseg.toolbox.inputs import (
    EditInput,
    GenerateInput,
    ListInput,
    SegmentInput,
    ToolInput,
    UndoInput,
)
from textseg.toolbox.retouch_inputs import ArrangeInput, RetouchInput

if TYPE_CHECKING:
    from textseg.progress import Follow
    from textseg.toolbox import Toolbox

MOST_WORDS = 60
_SHOWN_REGIONS, _SHOWN_IMAGES = 3, 5

InputT = TypeVar("InputT", bound=ToolInput)


@dataclass(frozen=True)
class Hints:
    """What a client may assume of a tool, in the words of MCP.

    Attributes:
        read_only: a call leaves nothing behind, not even a mask.
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
        text: the most important of them in at most ``MOST_WORDS`` words for each thing asked about.
        shown: handles of the pictures or masks that previews show.
    """

    result: Facts
    text: str
    shown: tuple[str, ...] = ()


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
    said = "\n".join(limit_words(_found(result, facts)) for facts in result.queries)
    return ToolAnswer(result, said, _handles(*(facts.mask for facts in result.queries)))


def edit_image(toolbox: Toolbox, asked: EditInput, follow: Follow) -> ToolAnswer:
    """Change one thing in a picture."""
    result = toolbox.edit_image(asked.arguments(), progress=follow.progress, cancel=follow.cancel)
    return ToolAnswer(result, limit_words(_changed(result, result.image)), _handles(result.picture))


def generate_and_edit(toolbox: Toolbox, asked: GenerateInput, follow: Follow) -> ToolAnswer:
    """Make a picture, and change one thing in it."""
    result = toolbox.generate_and_edit(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    return ToolAnswer(result, limit_words(_made(result)), _handles(result.picture))


def list_images(toolbox: Toolbox, asked: ListInput, _: Follow) -> ToolAnswer:
    """List the pictures."""
    result = toolbox.list_images(asked.arguments())
    return ToolAnswer(result, limit_words(_listed(result)))


def undo(toolbox: Toolbox, asked: UndoInput, _: Follow) -> ToolAnswer:
    """Go back to the picture before the latest change."""
    result = toolbox.undo(asked.arguments())
    text = f"The latest picture is {result.image.handle} again; {result.undone} is kept."
    return ToolAnswer(result, text, _handles(result.image.handle))


def retouch_image(toolbox: Toolbox, asked: RetouchInput, follow: Follow) -> ToolAnswer:
    """Change a thing, or what is around it, without a model."""
    result = toolbox.retouch_image(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    said = limit_words(_retouched(result))
    return ToolAnswer(result, said, _handles(result.picture))


def arrange_image(toolbox: Toolbox, asked: ArrangeInput, follow: Follow) -> ToolAnswer:
    """Move, copy, scale or mirror a thing."""
    result = toolbox.arrange_image(
        asked.arguments(), progress=follow.progress, cancel=follow.cancel
    )
    return ToolAnswer(result, limit_words(_arranged(result)), _handles(result.picture))


OPERATIONS: tuple[Operation[Any], ...] = (  # Any: each takes its own input
    Operation(
        "segment_image",
        "Find in a picture",
        "Find something in a picture by a noun phrase, or several things in one call. Returns of "
        "each whether it is there, its regions (box in pixels, size, colour, position) and a mask "
        "handle. Changes no picture. Not found is a normal answer.",
        SegmentInput,
        SegmentResult,
        segment_image,
    ),
    Operation(
        "edit_image",
        "Change a picture",
        "Replace, remove or add one thing; every pixel elsewhere stays. Returns the handle of a "
        "new picture, which becomes the latest, with measured effects; the old one is kept. One "
        "call per thing. If the query is not found, nothing changes.",
        EditInput,
        EditResult,
        edit_image,
    ),
    Operation(
        "generate_and_edit",
        "Make a picture",
        "Make a new picture from a description, and change one thing in it if asked. It becomes "
        "the latest.",
        GenerateInput,
        CreateResult,
        generate_and_edit,
    ),
    Operation(
        "list_images",
        "List the pictures",
        "List the pictures there are, with handles, newest first.",
        ListInput,
        ListResult,
        list_images,
        Hints(read_only=True, idempotent=True),
    ),
    Operation(
        "undo",
        "Undo",
        "Make the picture before the latest change the latest again. Nothing is deleted.",
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
)
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


def limit_words(sentences: Iterator[str]) -> str:
    """Return as many of the sentences, from the first, as fit into ``MOST_WORDS`` words."""
    kept: list[str] = []
    for sentence in sentences:
        if sum(len(text.split()) for text in [*kept, sentence]) > MOST_WORDS:
            break
        kept.append(sentence)
    return " ".join(kept)


def _found(result: SegmentResult, facts: QueryFacts) -> Iterator[str]:
    if not facts.matched:
        yield f"{result.image}: {facts.reason}."
        yield from _sentences([facts.hint])
        return
    several = len(facts.regions) != 1
    yield (
        f"Found {_quoted(facts.query)} in {result.image} (probability {facts.presence:.2f}): "
        f"{len(facts.regions)} region{'s' if several else ''}, {facts.area:.1%} of the picture, "
        f"mask {facts.mask}."
    )
    for region in facts.regions[:_SHOWN_REGIONS]:
        yield _region(region)


def _region(region: RegionFacts) -> str:
    box = ",".join(str(side) for side in region.box)
    return f"Region {region.index}: {region.position}, box {box}, colour {_hex(region.mean_rgb)}."


def _changed(facts: ChangeFacts, image: str) -> Iterator[str]:
    query, target = _quoted(facts.query), _quoted(facts.target)
    look, said = facts.check.look, list(_sentences([look_words(facts)]))
    if look is not None and look.present is None:
        yield said.pop()
    if not facts.target:
        yield f"Removed {query} from {image}: new picture {facts.picture}."
    elif facts.query:
        yield f"Changed {query} to {target} in {image}: new picture {facts.picture}."
    else:
        yield f"Put {target} into {image}: new picture {facts.picture}."
    if facts.stopped:
        yield f"The work was cut short: {facts.stopped}."
    check = facts.check
    yield f"{check.changed_outside} pixels changed outside of the mask {facts.region_mask}."
    yield f"Colour inside {_hex(check.mean_rgb_before)} before, {_hex(check.mean_rgb_after)} now."
    yield from said


def _made(result: CreateResult) -> Iterator[str]:
    yield from _sentences(result.notes)
    yield f"Made {result.generated}, {result.width} x {result.height}, seed {result.seed}."
    if result.changes:
        yield from _changed(result.changes[-1], result.generated or "it")


def _retouched(result: RetouchResult) -> Iterator[str]:
    yield f"{_done(result)}: new picture {result.picture}, {result.width} x {result.height}."
    yield from _sentences(result.notes)
    if result.mean_rgb_after is not None:
        before, after = _hex(result.mean_rgb_before), _hex(result.mean_rgb_after)
        yield f"{result.changed_outside} pixels changed elsewhere."
        yield f"Mean colour there {before} before, {after} now."


def _arranged(result: ArrangeResult) -> Iterator[str]:
    yield f"{_done(result)}: new picture {result.picture}."
    yield from _sentences(result.notes)
    before, after = (",".join(map(str, box)) for box in (result.box_before, result.box_after))
    yield f"Its box was {before} and is {after}."
    if result.method is not None:
        yield "Where it was is filled by the model."


def _done(result: MadeFacts) -> str:
    """Return what was done to what."""
    what = _quoted(result.query) if result.query else "what the mask shows"
    thing = what if result.region_mask else "all of it"
    around = "all but " if result.invert else ""
    return f"Done in {result.image}: {result.action}, {around}{thing}"


def _listed(result: ListResult) -> Iterator[str]:
    if not result.images:
        yield "There is no picture yet."
        return
    yield f"{result.total} picture{'s' if result.total != 1 else ''}, newest first."
    for image in result.images[:_SHOWN_IMAGES]:
        yield _image(image)


def _image(image: ImageFacts) -> str:
    what = f" ({image.what})" if image.what else ""
    latest = ", the latest" if image.latest else ""
    return f"{image.handle}: {image.width} x {image.height}, {image.made_by}{what}{latest}."


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    yield from (f"{text[:1].upper()}{text[1:]}." for text in texts if text)


def _hex(rgb: list[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in rgb)


def _quoted(text: str) -> str:
    return f'"{text}"'
