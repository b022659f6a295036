"""What is said of the pictures and masks in a workspace, and how masks are corrected by hand."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from textseg.checking import Facts
from textseg.errors import InvalidInputError
from textseg.toolbox.selecting_facts import RegionFacts


class ImageFacts(Facts):
    """One picture in a workspace."""

    handle: str
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    made_by: str = Field(description='"import", "generate", "edit", "retouch" ...')
    what: str = Field(description="what was made or changed, in a few words; empty for imports")
    parent: str | None = Field(description="the picture it was made from; null for the first one")
    latest: bool = Field(description='whether it is the one that "latest" means')
    created: str = Field(description="when, in UTC")


class ListArguments(Facts):
    """How many pictures to list."""

    limit: int = Field(default=10, ge=1, le=100, description="at most so many, newest first")


class ListResult(Facts):
    """The pictures in a workspace, newest first."""

    images: list[ImageFacts]
    total: int = Field(ge=0, description="how many there are")


class UndoArguments(Facts):
    """Nothing: what is undone is the latest change."""


class UndoResult(Facts):
    """What is the latest picture again."""

    image: ImageFacts
    undone: str = Field(description="handle of the picture that was the latest; it is kept")


class MaskFacts(Facts):
    """A mask that a person made or corrected."""

    mask: str = Field(description="its handle")
    image: str = Field(description="handle of the picture that it belongs to")
    name: str = Field(description="what it shows, in words; may be empty")
    area: float = Field(ge=0, le=1, description="share of the picture inside")
    regions: list[RegionFacts] = Field(description="connected pieces, the largest first")


class Correction(Facts):
    """One thing that a person does to a mask with the pointer.

    Of several in a call all that any keeps stays, but for what any drops, in whatever order. Points
    are [row, column], boxes [left, top, right, bottom], both in pixels.
    """

    action: Literal["keep", "drop", "paint", "erase"] = Field(
        description='"keep" only, or "drop", the regions under the points or in the box; "paint" '
        'or "erase" along the points'
    )
    points: list[list[float]] = Field(default_factory=list, max_length=10_000)
    box: list[int] | None = Field(default=None, min_length=4, max_length=4)
    radius: float = Field(default=4, gt=0, le=4096, description="of the brush, in pixels")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if any(len(point) != 2 for point in self.points):
            raise InvalidInputError("a point is [row, column]")
        stroke = self.action in ("paint", "erase")
        if bool(self.points) == (self.box is not None) or (stroke and not self.points):
            raise InvalidInputError(
                f'"{self.action}" takes points' + ("" if stroke else " or a box, one of them")
            )
        return self


class CorrectArguments(Facts):
    """Which mask to correct, and how."""

    mask: str = Field(min_length=1, description="handle of the mask")
    corrections: list[Correction] = Field(
        min_length=1,
        max_length=1000,
        description="strokes are made one after the other; what is kept or dropped is a region of "
        "the mask with the strokes so far",
    )
