"""What edits are asked with, and what is said of them: ``EditArguments``, ``EditResult``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from textseg.checking import Facts, QueryOrNone, Target
from textseg.editing.options import EditOptions
from textseg.errors import QueryError
from textseg.segmentation.picking import read_beside
from textseg.toolbox.common import BOX, Box, CardName, FileName, Rgb, Sure, Unit
from textseg.toolbox.selecting_facts import Selecting

Operation = Literal["replace", "remove", "add", "setting"]


class EditArguments(Selecting, EditOptions):
    """What to change in which picture, into what, and how.

    To add something takes a place instead of a query: a mask, words like "top left" as region, or
    what it is to be ``relative_to``.
    """

    image: FileName = Field(description="which picture: its path, or its handle")
    query: QueryOrNone = Field(
        default="", description="what to change or remove; may be empty where a mask says where"
    )
    target: Target = Field(
        default="", description="what it becomes, or what to add; empty to remove"
    )
    operation: Operation = Field(
        default="replace",
        description='"replace" the query by the target, "remove" the query, "add" the target '
        'where mask or region say, or give the whole picture another "setting", such as "at night"',
    )
    mask: FileName | None = Field(
        default=None,
        description="a picture of the same size that says where: white may change, black or "
        "transparent stays exactly, grey is between; null: where the query is",
    )
    method: str | None = Field(
        default=None,
        min_length=1,
        description="name of an edit method; null: what suits the change",
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="further options of the method, by name"
    )
    examples: list[FileName] = Field(
        default_factory=list,
        max_length=20,
        description="pictures of a subject, for a method that learns from them: paths, or handles",
    )
    check: bool = Field(
        default=True, description="look at the edited picture again for what was asked for"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        wrong = _contradiction(self)
        if wrong is not None:
            raise wrong
        return self


class EvaluationFacts(Facts):
    """Network evaluations, in rows; what was known already costs nothing."""

    mask: int = Field(ge=0, description="to find the query")
    inversion: int = Field(ge=0, description="to find the noise that the picture comes from")
    decode: int = Field(ge=0, description="to make the edited picture, all attempts at it")
    choice: int = Field(default=0, ge=0, description="to choose among several attempts")
    fit: int = Field(default=0, ge=0, description="to fit something to the picture")
    check: int = Field(ge=0, description="to look at the edited picture again")
    total: int = Field(ge=0)


class LookFacts(Facts):
    """What a second look at the edited picture found."""

    query: str = Field(description="the target; what was removed, after a removal")
    present: bool | None = Field(
        description="the decision whether it is there; after a removal: still; null: nothing can "
        "be said, because the model does not know a word"
    )
    presence: Sure
    reason: str = Field(default="", description="why nothing can be said; empty where it can")
    inside: Unit = Field(description="share of what may have changed that it was found in")


class CheckFacts(Facts):
    """What the edit did, measured on the pictures."""

    changed_outside: int = Field(ge=0, description="pixels changed outside of the mask: 0")
    changed_share: Unit = Field(
        description="share of the pixels inside the mask that look different"
    )
    change_inside: Unit = Field(
        description="mean absolute change of the colours, 0 to 1, inside the mask"
    )
    mean_rgb_before: Rgb = Field(description="mean colour inside the mask before, 0 to 255")
    mean_rgb_after: Rgb = Field(description="mean colour inside the mask afterwards, 0 to 255")
    look: LookFacts | None = Field(
        description="null where no second look was asked for, no time was left for it, or the "
        "model follows instructions"
    )


class ChangeFacts(Facts):
    """What was changed, how, and how much of the picture."""

    query: str
    target: str = Field(description="empty: it was removed")
    exclude: str = Field(description="what was left out of the mask; empty: nothing")
    invert: bool = Field(description="whether everything except the query was to change")
    region: str = Field(description="which region was taken, or where to add; empty: all")
    method: str
    options: dict[str, JsonValue] = Field(description="all options of the method, as used")
    seed: int = Field(description="of the attempt that was kept")
    attempts: int = Field(default=1, ge=1, description="edits made, the best of which was kept")
    stopped: str = Field(
        default="", description="what the time limit cut short, for people; empty: nothing"
    )
    prompt: str = Field(description="text that the model followed inside the mask")
    source_prompt: str = Field(description="text for what was there")
    negative: str = Field(description="text that was led away from")
    presence: float | None = Field(
        ge=0, le=1, description="probability that the query is there; null where a mask was given"
    )
    share: Unit = Field(description="share of the picture that may have changed")
    check: CheckFacts
    evaluations: EvaluationFacts
    seconds: float = Field(ge=0, description="of the edit, without loading the model")
    notes: list[str] = Field(description="remarks for people")
    picture: str | None = Field(
        default=None, description="handle of the edited picture; null outside of a workspace"
    )
    region_mask: str | None = Field(
        default=None, description="handle of the mask it was confined to; null outside of one"
    )


class EditResult(ChangeFacts):
    """What an edit did to a picture."""

    image: FileName = Field(description="its path, or its handle in a workspace")
    root: str | None = Field(
        default=None, description="handle of the first picture of the line; null outside of one"
    )
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    operation: Operation
    mask: FileName | None = Field(description="path or handle of the mask that was given")
    model: str
    card: CardName = ""
    caption: str | None = Field(description="what a captioner saw; null: it was not asked")
    file: FileName | None = Field(
        default=None, description="the edited picture; null before saving"
    )
    version: str = Field(description="of textseg")


class PlanResult(Facts):
    """What an edit would do to a picture; nothing was made."""

    image: FileName = Field(description="its path, or its handle in a workspace")
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    query: str
    target: str = Field(description="empty: it would be removed")
    kind: str = Field(description="of the change")
    method: str
    options: dict[str, JsonValue] = Field(description="all options of the method")
    prompt: str = Field(description="text that the model would follow inside the mask")
    source_prompt: str = Field(description="text for what is there")
    negative: str = Field(description="text that would be led away from")
    seed: int = Field(description="of the first attempt")
    attempts: int = Field(ge=1, description="attempts at most")
    present: bool | None = Field(
        description="the decision whether the query is there; null where the place is another"
    )
    presence: Sure
    share: Unit = Field(description="share of the picture that might change")
    box: Box = Field(description=f"around all that might change: {BOX}")
    why: list[str] = Field(description="what was decided and from what, for people")
    evaluations: int = Field(ge=0, description="network evaluations, to find the place")
    notes: list[str] = Field(description="remarks for people")
    model: str
    card: CardName
    file: FileName | None = Field(
        default=None, description="the picture with the place lit up; null where it was not saved"
    )
    region_mask: str | None = Field(
        default=None, description="handle of the mask of where; null outside of a workspace"
    )
    version: str = Field(description="of textseg")


def look_words(facts: ChangeFacts) -> str:
    """Return what the second look at a picture found, in words; "" where there was none."""
    look = facts.check.look
    if look is None or look.presence is None:
        return "" if look is None else look.reason
    there = "is there now" if facts.target else "is still there"
    not_there = "was not recognised afterwards" if facts.target else "is gone"
    said = there if look.present else not_there
    return f'"{look.query}" {said} (probability {look.presence:.2f})'


def plan_words(facts: PlanResult) -> str:
    """Return in a line what an edit would do: its kind, where, from what text to what, how."""
    return "; ".join([*facts.why, *facts.notes])


def _contradiction(arguments: EditArguments) -> QueryError | None:
    """Return what is wrong with operation, query, target, prompt and mask together, if anything."""
    if arguments.operation == "add":
        return _unplaced(arguments)
    if arguments.relative_to:
        return QueryError(
            f"relative_to says where to add something, and this is to {arguments.operation!r}",
            hint='drop it, or ask for the operation "add"',
        )
    if arguments.operation == "setting":
        return _unset(arguments)
    if not arguments.query and arguments.mask is None:
        return QueryError(
            "there is no query and no mask", hint="say what to change, or give a mask"
        )
    if arguments.mask is not None and arguments.selects:
        return QueryError(
            "exclude, invert and region narrow what a query finds, and there is a mask",
            hint="give the mask alone, or narrow it when it is made",
        )
    return _unsaid(arguments)


def _unplaced(arguments: EditArguments) -> QueryError | None:
    """Return what is wrong with adding something."""
    places = [arguments.mask is not None, bool(arguments.region), bool(arguments.relative_to)]
    if arguments.query or sum(places) != 1:
        return QueryError(
            'to "add" takes one of mask, region and relative_to, which says where, and no query',
            hint='give the thing as target and e.g. region "bottom left"; or replace a thing '
            "that is there",
        )
    if arguments.exclude or arguments.invert:
        return QueryError('to "add" takes neither exclude nor invert')
    if arguments.relative_to:
        read_beside(arguments.relative_to)
    return None if arguments.target or arguments.prompt is not None else _no_target("")


def _unset(arguments: EditArguments) -> QueryError | None:
    """Return what is wrong with changing the setting of the whole picture."""
    if arguments.query or arguments.mask is not None or arguments.selects:
        return QueryError(
            'the "setting" is that of the whole picture: it takes a target alone',
            hint="replace what is to change in a part of it",
        )
    return None if arguments.target else _no_target("setting")


def _unsaid(arguments: EditArguments) -> QueryError | None:
    """Return what is missing to replace or remove something, or too much."""
    query, target, prompt = arguments.query, arguments.target, arguments.prompt
    if arguments.operation == "remove":
        if target:
            return QueryError(
                f'to "remove" takes no target, got {target!r}',
                hint="replace it, or drop the target",
            )
        if not query and prompt is None:
            return QueryError("nothing says what to remove", hint="give a query or a prompt")
        return None
    return None if target or prompt is not None else _no_target(query)


def _no_target(query: str) -> QueryError:
    what = f"what {query!r} is to become" if query else "what is to be there"
    return QueryError(
        f"nothing says {what}", hint='give a target, or ask for the operation "remove"'
    )
