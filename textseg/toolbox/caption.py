"""Say what a picture shows: ``caption_image``."""

from __future__ import annotations

import time

from textseg.images import open_picture
from textseg.progress import Follow, ProgressCallback
from textseg.toolbox.caption_facts import CaptionArguments, CaptionResult
from textseg.version import __version__


def caption_image(
    arguments: CaptionArguments, *, progress: ProgressCallback | None = None
) -> CaptionResult:
    """Return what the picture shows; the text that edits of it start from.

    Raises:
        ImageError: the picture cannot be read; found before a captioner is loaded.
        ModelError: the captioner cannot be loaded.
        OutOfMemoryError: it does not fit on the device.
    """
    report = Follow(progress).report
    picture = open_picture(arguments.image, max_pixels=arguments.max_pixels)
    report("loading the captioner", 0, 1)
    from textseg.captioning import ask_captioner
    from textseg.registry.captioners import load_captioner

    captioner = load_captioner(arguments.captioner, device=arguments.device)
    report("loading the captioner", 1, 1)
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
