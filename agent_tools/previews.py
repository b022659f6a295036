"""Small pictures for assistants that can see: within a budget of sides and characters a call."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from textseg.toolbox import Toolbox

LONGEST_SIDE = 512  # pixels
MOST_CHARACTERS = 100_000  # of base64
QUALITY = 85
_SHRINK = 0.75
_LEAST_SIDE = 32


@dataclass(frozen=True)
class Preview:
    """A picture as base64 text, and its MIME type."""

    base64: str
    mime_type: str


def previews_of(
    toolbox: Toolbox, handles: Sequence[str], drawn: Image.Image | None = None
) -> list[Preview]:
    """Return small pictures of pictures and masks; several share the budget of one.

    ``drawn`` is a picture that is shown instead.
    """
    if drawn is not None:
        return [preview for preview in [preview_of(drawn)] if preview is not None]
    most = MOST_CHARACTERS // max(1, len(handles))
    found = (preview_of(toolbox.shelf.preview(handle), most) for handle in handles)
    return [preview for preview in found if preview is not None]


def preview_of(image: Image.Image, most: int = MOST_CHARACTERS) -> Preview | None:
    """Return the picture as a JPEG of so many characters at most; None where none is."""
    small = image.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    while max(small.size) >= _LEAST_SIDE or max(small.size) == max(image.size):
        stream = io.BytesIO()
        small.save(stream, format="JPEG", quality=QUALITY)
        text = base64.b64encode(stream.getvalue()).decode()
        if len(text) <= most:
            return Preview(text, "image/jpeg")
        smaller = (max(1, int(side * _SHRINK)) for side in small.size)
        small = small.resize((next(smaller), next(smaller)))
    return None
