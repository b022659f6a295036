"""What descriptions are asked with, and what is said."""

from __future__ import annotations

from pydantic import Field

from textseg.checking import MAX_PIXELS, Facts
from textseg.toolbox.common import FileName, PixelLimit


class CaptionArguments(Facts):
    """Which picture to describe, and with what."""

    image: FileName = Field(description="path of the picture")
    captioner: str = Field(
        default="picturebook",
        min_length=1,
        description="registered name, folder of a BLIP checkpoint, or hub id",
    )
    device: str = Field(
        default="auto", description='where to load the captioner; "auto" takes the best'
    )
    max_pixels: PixelLimit = MAX_PIXELS


class CaptionResult(Facts):
    """What a picture shows, in words."""

    image: FileName
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    caption: str
    captioner: str
    seconds: float = Field(ge=0, description="of describing, without loading the captioner")
    notes: list[str] = Field(description="remarks on the picture, e.g. that only a frame is used")
    version: str = Field(description="of textseg")
