"""What can be set of an edit: named, described and checked once, for every surface.

``Scene.edit`` takes the fields of ``EditOptions`` as keywords, the arguments of the toolbox inherit
them, the command line and the panels draw them, and docstrings tell them.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Final, Literal, TypedDict, TypeVar

from pydantic import Field

from textseg.checking import Facts, Prompt, QueryOrNone
from textseg.editing.kinds import MOST_ATTEMPTS

METHOD_OPTIONS: Final = ("strength", "steps", "guidance")
"""Those that each method has too; one that is given as an object has its numbers already."""

Blend = Literal["alpha", "pyramid"]

Function = TypeVar("Function", bound=Callable[..., object])


class MakingOptions(Facts):
    """What can be set wherever a model makes a picture, or a part of one."""

    seed: int = Field(
        default=0, ge=0, lt=2**63, description="decides the noise: same seed, same picture"
    )
    attempts: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ATTEMPTS,
        description="make each edit so often, each time with other noise, and keep the one "
        "that the model believes most; null: up to as many as suit the model, until it believes "
        "one enough, and 1 where a method is named",
    )
    steps: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="steps of a whole walk; null: those that made a generated picture, else what "
        "the model's card says, else the method's own",
    )
    guidance: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="how far to follow the target; 1 is without guidance; null: what the model's "
        "card says, else the method's own",
    )
    negative: Prompt = Field(
        default="", description="text to lead away from; empty: what is removed, if anything is"
    )


class EditOptions(MakingOptions):
    """What can be set of an edit."""

    strength: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="share of the noise levels gone through again; null: what the model's card "
        "says, else the method's own",
    )
    prompt: Prompt | None = Field(
        default=None,
        description="text for what is inside the mask; null: target and place, from the source",
    )
    source: Prompt | None = Field(
        default=None, description="text for the picture as it is; null: a captioner writes it"
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
    resize_mask: bool = Field(default=False, description="accept a mask of another size")
    relative_to: QueryOrNone = Field(
        default="",
        description='to add something: "left of the car", or right of, next to, above, below, on',
    )
    crop: bool | None = Field(
        default=None,
        description="work on the surroundings of the mask only; null: as suits the change",
    )
    blend: Blend = Field(
        default="alpha",
        description="how what was made is mixed into the picture: by the mask, or band by band "
        "(pyramid), which hides seams where the mask has room around what changes, since along its "
        "outline old detail stays",
    )


class OptionKeywords(TypedDict, total=False):
    """The fields of ``EditOptions``, for type checkers; a test holds the two together."""

    seed: int
    attempts: int | None
    steps: int | None
    guidance: float | None
    negative: str
    strength: float | None
    prompt: str | None
    source: str | None
    threshold: float | None
    grow: float | None
    feather: float | None
    soft: bool
    resize_mask: bool
    relative_to: str
    crop: bool | None
    blend: Blend


def tell_options(function: Function) -> Function:
    """Return the function with the fields of ``EditOptions`` told in its docstring.

    They stand where it says "{options}", as arguments do.
    """
    lines = [
        textwrap.fill(
            f"{name}: {field.description}.".replace("null:", "``None``:"),
            width=92,
            initial_indent=4 * " ",
            subsequent_indent=8 * " ",
        )
        for name, field in EditOptions.model_fields.items()
    ]
    told = inspect.getdoc(function) or ""  # without the indentation, which Python 3.13 drops
    function.__doc__ = told.replace("{options}", "\n".join(lines).lstrip())
    return function
