"""What edits are asked with, and what is said of them: ``EditArguments``, ``EditResult``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from textseg.errors import QueryError
from textseg.images import MAX_PIXELS
from textseg.toolbox.common import (
    DeviceName,
    Facts,
    ModelName,
    PixelLimit,
    Prompt,
    QueryOrNone,
    Target,
)

Operation = Literal["change", "remove", "add"]


class EditArguments(Facts):
    """What to change in which picture, into what, and how."""

    image: str = Field(min_length=1, description="path of the picture")
    query: QueryOrNone = Field(
        default="", description="what to change or remove; may be empty where a mask says where"
    )
    target: Target = Field(
        default="", description="what it becomes, or what to add; empty to remove"
    )
    operation: Operation = Field(
        default="change",
        description='"change" the query into the target, "remove" the query, or "add" the target '
        "where the mask is",
    )
    mask: str | None = Field(
        default=None,
        min_length=1,
        description="path of a picture of the same size that says where: white may change, black "
        "or transparent stays exactly, grey is between; null: where the query is",
    )
    resize_mask: bool = Field(default=False, description="accept a mask of another size")
    method: str | None = Field(
        default=None,
        min_length=1,
        description="name of an edit method; null: what suits the change",
    )
    strength: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="share of the noise levels gone through again; null: the method's own",
    )
    steps: int | None = Field(
        default=None, ge=1, le=1000, description="steps of a whole walk; null: the method's own"
    )
    guidance: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="how far to follow the target; 1 is without guidance; null: the method's own",
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="further options of the method, by name"
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="decides the noise: same seed, same picture"
    )
    prompt: Prompt | None = Field(
        default=None,
        description="text for what is inside the mask; null: target and place, from the source",
    )
    source: Prompt | None = Field(
        default=None, description="text for the picture as it is; null: a captioner writes it"
    )
    negative: Prompt = Field(
        default="", description="text to lead away from; empty: what is removed, if anything is"
    )
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="where to cut the soft mask of the query; null: found"
    )
    grow: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="widen a found mask by so many pixels; null: part of a latent cell",
    )
    feather: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="pixels over which a found mask fades inwards; null: part of a latent cell",
    )
    soft: bool = Field(default=False, description="change doubtful places less")
    crop: bool = Field(
        default=False,
        description="work on the surroundings of the mask only: for small things in large pictures",
    )
    model: ModelName = "picturebook"
    captioner: str | None = Field(
        default=None,
        min_length=1,
        description="who writes the source: registered name, folder of a BLIP checkpoint, or hub "
        "id; null: the one that belongs to the model, if any",
    )
    device: DeviceName = "auto"
    max_pixels: PixelLimit = MAX_PIXELS

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
    decode: int = Field(ge=0, description="to make the edited picture")
    total: int = Field(ge=0)


class ChangeFacts(Facts):
    """What was changed, how, and how much of the picture."""

    query: str
    target: str = Field(description="empty: it was removed")
    method: str
    options: dict[str, JsonValue] = Field(description="all options of the method, as used")
    seed: int
    prompt: str = Field(description="text that the model followed inside the mask")
    source_prompt: str = Field(description="text for what was there")
    negative: str = Field(description="text that was led away from")
    presence: float | None = Field(
        ge=0, le=1, description="probability that the query is there; null where a mask was given"
    )
    share: float = Field(ge=0, le=1, description="share of the picture that may have changed")
    changed_outside: int = Field(ge=0, description="pixels changed elsewhere: 0")
    change_inside: float = Field(
        ge=0, le=1, description="mean absolute change of the colours, 0 to 1, where it may change"
    )
    evaluations: EvaluationFacts
    seconds: float = Field(ge=0, description="of the edit, without loading the model")
    notes: list[str] = Field(description="remarks for people")


class EditResult(ChangeFacts):
    """What an edit did to a picture."""

    image: str
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    operation: Operation
    mask: str | None = Field(description="path of the mask that was given")
    model: str
    caption: str | None = Field(description="what a captioner saw; null: it was not asked")
    file: str | None = Field(default=None, description="the edited picture; null before saving")
    version: str = Field(description="of textseg")


def _contradiction(arguments: EditArguments) -> QueryError | None:
    """Return what is wrong with operation, query, target, prompt and mask together, if anything."""
    query, target, prompt = arguments.query, arguments.target, arguments.prompt
    if arguments.operation == "add" and (query or arguments.mask is None):
        return QueryError(
            'to "add" takes a mask that says where, and no query',
            hint="give the thing as target, or change a thing that is there",
        )
    if not query and arguments.mask is None:
        return QueryError(
            "there is no query and no mask", hint="say what to change, or give a mask"
        )
    if arguments.operation == "remove":
        if target:
            return QueryError(
                f'to "remove" takes no target, got {target!r}', hint="change it, or drop the target"
            )
        if not query and prompt is None:
            return QueryError("nothing says what to remove", hint="give a query or a prompt")
    elif not target and prompt is None:
        what = f"what {query!r} is to become" if query else "what is to be there"
        return QueryError(
            f"nothing says {what}", hint='give a target, or ask for the operation "remove"'
        )
    return None
