"""Say what a picture shows: arguments and facts of ``caption_image``."""

from __future__ import annotations

import time

from pydantic import Field

from textseg.checking import Facts
from textseg.images import MAX_PIXELS, open_picture
from textseg.progress import Progress, ProgressCallback
from textseg.toolbox.common import FileName, PixelLimit, silent
from textseg.version import __version__


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


def caption_image(
    arguments: CaptionArguments, *, progress: ProgressCallback | None = None
) -> CaptionResult:
    """Return what the picture shows; the text that edits of it start from.

    Raises:
        ImageError: the picture cannot be read; found before a captioner is loaded.
        ModelError: the captioner cannot be loaded.
        OutOfMemoryError: it does not fit on the device.
    """
    report = progress or silent
    picture = open_picture(arguments.image, max_pixels=arguments.max_pixels)
    report(Progress("loading the captioner", 0, 1))
    from textseg.captioning import ask_captioner
    from textseg.registry.captioners import load_captioner

    captioner = load_captioner(arguments.captioner, device=arguments.device)
    report(Progress("loading the captioner", 1, 1))
    start = time.perf_counter()
    caption = ask_captioner(captioner, picture.visible())
    return CaptionResult(
        image=arguments.image,
        width=picture.size[1],
        height=picture.size[0],
        caption=caption,
        captioner=captioner.name,
        seconds=time.perf_counter() - start,
        notes=list(picture.notes),
        version=__version__,
    )
