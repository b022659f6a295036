"""What says which part of what a query finds is meant, and what is said of the parts."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from textseg.checking import Facts, QueryOrNone
from textseg.segmentation.picking import REGION_WORDS, read_region_words
from textseg.toolbox.common import BOX, Box, Rgb, Unit


def _understood(words: str) -> str:
    read_region_words(words)
    return " ".join(words.split())


RegionWords = Annotated[str, AfterValidator(_understood)]


class Selecting(Facts):
    """What every query can be narrowed by; none of it is sent to the model."""

    exclude: QueryOrNone = Field(
        default="", description="another query: what it finds is left out of the mask"
    )
    invert: bool = Field(
        default=False, description="everything except what the query (and region) finds"
    )
    region: RegionWords = Field(
        default="", description=f"which of the regions found: {REGION_WORDS}; empty: all"
    )

    @property
    def selects(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.exclude or self.invert or self.region)


class RegionFacts(Facts):
    """One connected piece of a mask."""

    index: int = Field(ge=1, description="1 for the largest")
    box: Box = Field(description=BOX)
    area: int = Field(ge=1, description="pixels")
    share: Unit = Field(description="of the picture")
    centroid: list[float] = Field(min_length=2, max_length=2, description="row, column in pixels")
    score: Unit = Field(description="mean of the soft mask inside")
    mean_rgb: Rgb = Field(description="mean colour, 0 to 255")
    position: str = Field(description='in words, e.g. "top left, largest"')
