"""What all operations share: names of files, the set-up of a person, errors as facts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator

from textseg.checking import MAX_PIXELS, Precision
from textseg.checking import Facts as Facts
from textseg.checking import check_arguments as check_arguments
from textseg.checking import explain as explain
from textseg.errors import NotFoundError, TextsegError, printable


def _named(value: object, check: ValidatorFunctionWrapHandler) -> object:
    foreign = isinstance(value, str) and printable(value) != value
    return value if foreign else check(value)  # which takes nothing but text


FileName = Annotated[
    str,
    Field(min_length=1),
    WrapValidator(_named),
    PlainSerializer(printable, return_type=str, when_used="json"),
]
"""The path of a file, which may be no text; in JSON it is text, with U+FFFD in it then."""

Unit = Annotated[float, Field(ge=0, le=1)]
Rgb = Annotated[list[int], Field(min_length=3, max_length=3)]  # mean colour, 0 to 255
Box = Annotated[list[int], Field(min_length=4, max_length=4)]  # what ``BOX`` says
BOX = "left, top, right, bottom in pixels; right and bottom lie just outside"
Sure = Annotated[
    float | None,
    Field(ge=0, le=1, description="probability behind that decision; null where there is none"),
]
CardName = Annotated[
    str, Field(description="name of the model's card, which decided what was not given")
]

PixelLimit = Annotated[int, Field(ge=1, description="refuse pictures with more pixels")]


class Setup(Facts):
    """What a person decides on for all operations: the model, where it runs, how much it may take.

    Kept apart from the arguments of the operations, so that an assistant, which fills those in,
    has no say in it.
    """

    model: str = Field(
        default="picturebook",
        min_length=1,
        description="name (`textseg models` lists them), diffusers folder, hub id, or file of a "
        "checkpoint",
    )
    base: str | None = Field(
        default=None,
        min_length=1,
        description="folder or hub id that a model of a single file goes with; null: looked for in "
        "the hub's cache",
    )
    lora: tuple[str, ...] = Field(
        default=(), description="LoRA that is added to the model, FILE or FILE:WEIGHT"
    )
    offline: bool = Field(
        default=False, description="never ask the hub; take what is on this machine"
    )
    device: str = Field(default="auto", description='where to load the model; "auto": the best')
    dtype: Precision = Field(
        default="auto",
        description="precision of the model; auto: the fastest that is safe; where it cannot hold "
        "the numbers, float32 is taken",
    )
    captioner: str | None = Field(
        default=None,
        min_length=1,
        description="who describes pictures for edits: registered name, folder of a BLIP "
        "checkpoint, or hub id; null: the one that belongs to the model, if any",
    )
    editor: str | None = Field(
        default=None,
        min_length=1,
        description="who paints edits where no method is named, inside the mask that the model "
        "finds: folder or hub id of a diffusers pipeline; null: the model itself",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="most rows in the network at once, which bounds the memory",
    )
    max_pixels: PixelLimit = MAX_PIXELS


EMBEDDED = Setup()
"""The model that ships with the package, on the best device there is."""


class ErrorFacts(Facts):
    """An error, for programs."""

    code: str = Field(description='stable name of the kind of error, e.g. "not_found"')
    message: str = Field(description="what is wrong, and what was given")
    hint: str = Field(description="what to do about it; empty where there is nothing to advise")
    presence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="probability that what was not found is in the picture after all",
    )


def error_facts(error: TextsegError) -> ErrorFacts:
    """Return the facts of an error."""
    presence = error.presence if isinstance(error, NotFoundError) else None
    return ErrorFacts(code=error.code, message=error.message, hint=error.hint, presence=presence)
