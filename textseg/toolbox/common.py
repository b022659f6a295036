"""What the operations share: checked arguments, errors as facts, a second try in full precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

from pydantic import Field, PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator

from textseg.checking import Facts
from textseg.errors import NotFoundError, PrecisionError, TextsegError, printable
from textseg.images import MAX_PIXELS
from textseg.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.images import Picture
    from textseg.scene import Scene

T = TypeVar("T")


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

PixelLimit = Annotated[int, Field(ge=1, description="refuse pictures with more pixels")]


class Setup(Facts):
    """What a person decides on for all operations: the model, where it runs, how much it may take.

    Kept apart from the arguments of the operations, so that an assistant, which fills those in,
    has no say in it.
    """

    model: str = Field(
        default="picturebook",
        min_length=1,
        description="registered name, folder of a diffusers checkpoint, or hub id",
    )
    device: str = Field(default="auto", description='where to load the model; "auto": the best')
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
        default=None, ge=1, le=4096, description="most rows in the network at once; null: default"
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


@dataclass(frozen=True)
class Noted(Generic[T]):
    """What came out, and remarks on how it was got."""

    outcome: T
    notes: tuple[str, ...] = ()


def precise_enough(work: Callable[[str], T], model: DiffusionModel | None) -> Noted[T]:
    """Return what ``work`` makes, in float32 where half precision cannot hold the numbers.

    Args:
        work: loads a model in the precision it is given, "auto" at first, and uses it.
        model: loaded already; its precision is what it is, so there is no second try.

    Raises:
        PrecisionError: the loaded model's numbers are beyond half precision.
    """
    try:
        return Noted(work("auto"))
    except PrecisionError as error:
        if model is not None:
            raise
        reason = error.message
    # outside the handler, where the error keeps the first try and its memory alive
    return Noted(work("float32"), (f"{reason}; so it was done again in float32",))


def open_model(
    setup: Setup, model: DiffusionModel | None, *, dtype: str, report: ProgressCallback
) -> DiffusionModel:
    """Return the model, loaded if it is not yet, and report that."""
    report(Progress("loading the model", 0, 1))
    from textseg.scene import load

    loaded = model or load(setup.model, device=setup.device, dtype=dtype)
    report(Progress("loading the model", 1, 1))
    return loaded


def open_scene(
    picture: Picture,
    setup: Setup,
    model: DiffusionModel | None,
    *,
    dtype: str,
    report: ProgressCallback,
) -> Scene:
    """Return the scene of a picture, read by the model."""
    loaded = open_model(setup, model, dtype=dtype, report=report)
    from textseg.scene import Scene

    return Scene.open(picture, loaded, captioner=setup.captioner)


def silent(_: Progress) -> None:
    """Take a report and do nothing with it."""
