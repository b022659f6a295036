"""What is said of the pictures and masks in a workspace, and how masks are corrected by hand."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from textseg.checking import Facts
from textseg.errors import InvalidInputError
from textseg.toolbox.common import BOX, Unit
from textseg.toolbox.selecting_facts import RegionFacts


class ImageFacts(Facts):
    """One picture in a workspace."""

    handle: str
    name: str = Field(default="", description="of the file that was imported; empty: not known")
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    made_by: str = Field(description='"import", "generate", "edit", "retouch" ...')
    what: str = Field(description="what was made or changed, in a few words; empty for imports")
    parent: str | None = Field(description="the picture it was made from; null for the first one")
    latest: bool = Field(description='whether it is the one that "latest" means')
    created: str = Field(description="when, in UTC")


class ListArguments(Facts):
    """Which pictures to list."""

    limit: int = Field(default=10, ge=1, le=100, description="at most so many, newest first")
    name: str = Field(
        default="", max_length=200, description="only those whose names are near; empty: all"
    )


class RootedFacts(Facts):
    """A picture file below one of the folders that a person opened."""

    name: str = Field(description="as it may be given for a picture; no path of the machine")
    bytes: int = Field(ge=1)


class ListResult(Facts):
    """The pictures in a workspace, and the files that may be named as well, newest first."""

    images: list[ImageFacts]
    total: int = Field(ge=0, description="how many pictures there are in the workspace")
    files: list[RootedFacts] = Field(default_factory=list)
    total_files: int = Field(default=0, ge=0, description="how many files there are")


class UndoArguments(Facts):
    """Where to go back, or on, to."""

    to: str = Field(
        default="",
        max_length=200,
        description='"previous" or empty: what the latest picture was made from; "original": the '
        'first of its line; "redo": what was undone last; or the handle of any picture',
    )


class UndoResult(Facts):
    """What is the latest picture now."""

    image: ImageFacts
    undone: str = Field(description="handle of the picture that was the latest; it is kept")
    branches: list[ImageFacts] = Field(
        default_factory=list, description="the newest pictures that were made from it"
    )


class CompareArguments(Facts):
    """Which pictures to compare."""

    image: str = Field(min_length=1, description="handle of the later one")
    other: str = Field(
        default="",
        max_length=200,
        description='handle of the earlier one; "previous" or empty: what it was made from; '
        '"original": the first of its line',
    )


class DifferenceFacts(Facts):
    """How the pixels of two pictures of one size differ."""

    pixels: int = Field(ge=0, description="that differ at all")
    share: Unit = Field(description="of the pixels that look different")
    mean: Unit = Field(description="mean absolute difference of the colours")
    box: list[int] | None = Field(
        description=f"around all that differs: {BOX}; null where nothing does"
    )


class CompareResult(Facts):
    """How two pictures differ, measured on their pixels."""

    image: str = Field(description="handle of the later one")
    other: str = Field(description="handle of the earlier one")
    width: int = Field(ge=1, description="pixels of the later one")
    height: int = Field(ge=1, description="pixels of the later one")
    other_width: int = Field(ge=1, description="pixels of the earlier one")
    other_height: int = Field(ge=1, description="pixels of the earlier one")
    difference: DifferenceFacts | None = Field(description="null for pictures of two sizes")
    steps: list[str] = Field(
        description="the changes that lead from the earlier one to the later; empty if none do"
    )


class ExportArguments(Facts):
    """Which picture or mask to export, and as what."""

    name: str = Field(
        min_length=1, max_length=64, description="of the new file, without folders; PNG by default"
    )
    image: str = Field(default="latest", min_length=1, description="handle of picture or mask")


class ExportResult(Facts):
    """What was exported."""

    image: str = Field(description="its handle")
    name: str = Field(description="of the file, in the folder that a person opened for exports")
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")


class MaskFacts(Facts):
    """A mask that a person made or corrected."""

    mask: str = Field(description="its handle")
    image: str = Field(description="handle of the picture that it belongs to")
    name: str = Field(description="what it shows, in words; may be empty")
    area: Unit = Field(description="share of the picture inside")
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
