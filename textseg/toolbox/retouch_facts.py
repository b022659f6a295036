"""What is asked and said of changes without a model: ``RetouchArguments``, ``RetouchResult``."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from textseg.checking import Facts, QueryOrNone
from textseg.errors import QueryError
from textseg.retouching.asking import MARGIN, check_retouch
from textseg.retouching.words import RetouchAction
from textseg.toolbox.common import FileName, Rgb, Unit
from textseg.toolbox.selecting_facts import Selecting


class Meant(Selecting):
    """What is to be changed in which picture: what a query finds, or a mask shows."""

    image: FileName = Field(description="which picture: its path, or its handle")
    query: QueryOrNone = Field(
        default="", description="what is meant; may be empty where a mask says where"
    )
    mask: FileName | None = Field(
        default=None,
        description="a picture of the same size that says where: white is inside; null: where the "
        "query is",
    )
    other: QueryOrNone = Field(default="", description="another thing that the change refers to")

    operation: ClassVar[str]
    """What a workspace calls it."""

    action: str

    @property
    def placed(self) -> bool:
        """Whether anything says where."""
        return bool(self.query) or self.mask is not None

    @property
    def queries(self) -> list[str]:
        """What has to be looked for, each once; nothing where a mask says it all."""
        asked = ["" if self.mask is not None else self.query, self.exclude, self.other]
        return list(dict.fromkeys(filter(None, asked)))

    @model_validator(mode="after")
    def _narrows_what_is_found(self) -> Self:
        if self.mask is not None and (self.exclude or self.region):
            raise QueryError(
                "exclude and region narrow what a query finds, and there is a mask",
                hint="give the mask alone, or narrow it when it is made",
            )
        if not self.placed and self.selects:
            raise QueryError("nothing says what is to be narrowed", hint="give a query")
        return self


class RetouchArguments(Meant):
    """What to do, without a model, to which part of which picture."""

    operation: ClassVar[str] = "retouch"

    action: RetouchAction = Field(
        description='what to do: "colour" gives a thing another colour and keeps its shading, '
        '"fill" covers it, "match_colour" gives it that of the other thing, "cut_out" makes all '
        "else transparent"
    )
    amount: float = Field(
        default=0.0,
        ge=-1,
        le=1,
        description='how much; below 0 for less, which "contrast" and "saturate" know; 0: as usual',
    )
    colour: str = Field(
        default="",
        max_length=100,
        description='"#1e90ff" or a CSS name; to colour, fill or outline',
    )
    margin: float = Field(
        default=MARGIN,
        ge=0,
        le=10,
        description="around what is cropped to, as a share of its longer side",
    )
    aspect: str = Field(
        default="",
        max_length=20,
        description='of a crop: "16:9", "1.5", "square" ...; empty: that of the thing',
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        check_retouch(
            self.action,
            placed=self.placed,
            other=bool(self.other),
            amount=self.amount,
            colour=self.colour,
            margin=self.margin,
            aspect=self.aspect,
        )
        return self


class MadeFacts(Facts):
    """What is said of every picture that was put together without a model, or partly so."""

    image: FileName = Field(description="its path, or its handle in a workspace")
    root: str | None = Field(
        default=None, description="handle of the first picture of the line; null outside of one"
    )
    width: int = Field(ge=1, description="of the new picture, in pixels")
    height: int = Field(ge=1, description="of the new picture, in pixels")
    action: str
    query: str
    exclude: str = Field(description="what was left out of the mask; empty: nothing")
    invert: bool = Field(description="whether it was done around the thing")
    region: str = Field(description="which region was taken; empty: all")
    mask: FileName | None = Field(description="path or handle of the mask that was given")
    other: str = Field(description="the other thing; empty: none")
    presence: float | None = Field(
        ge=0, le=1, description="probability that the query is there; null where it was not asked"
    )
    share: Unit = Field(description="share of the picture that may have changed")
    changed_outside: int | None = Field(
        description="pixels whose colours changed outside of that: 0; null where the size changed"
    )
    source_type: str = Field(
        description="how the picture came about: the IPTC term that its label says"
    )
    evaluations: int = Field(ge=0, description="network evaluations")
    seconds: float = Field(ge=0, description="without loading the model")
    notes: list[str] = Field(description="remarks for people")
    model: str | None = Field(description="that was asked; null where none was needed")
    picture: str | None = Field(
        default=None, description="handle of the new picture; null outside of a workspace"
    )
    region_mask: str | None = Field(
        default=None, description="handle of the mask of what may have changed; null outside of one"
    )
    file: FileName | None = Field(default=None, description="the new picture; null before saving")
    version: str = Field(description="of textseg")


class RetouchResult(MadeFacts):
    """What was done to a picture without a model."""

    action: RetouchAction
    amount: float = Field(description="how much, as used; 0 where there is no more and less of it")
    colour: str = Field(description="that was given; empty: none")
    mean_rgb_before: Rgb = Field(description="mean colour where it was done, 0 to 255")
    mean_rgb_after: list[int] | None = Field(
        description="mean colour there afterwards; null where the size changed"
    )
