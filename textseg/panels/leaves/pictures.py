"""Pictures and masks as the bytes that are sent to a browser."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.images import to_uint8

SENT_SIDE = 1024  # pixels: no notebook shows more at once, and a repaint stays within a frame
QUALITY = 90


def picture_bytes(rgb: NDArray[np.float32], *, longest: int = SENT_SIDE) -> bytes:
    """Return a picture as a JPEG file, made smaller where it has to be.

    Args:
        rgb: (H, W, 3) in [0, 1].
        longest: the most pixels along a side; coordinates are not concerned, they refer to the
            ``height`` and ``width`` that a leaf is told.
    """
    stream = io.BytesIO()
    sent = _fitted(Image.fromarray(to_uint8(rgb)), longest)
    # full colour resolution: at half of it the edges of small pictures, shown enlarged, bleed
    sent.save(stream, format="JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()


def soft_bytes(soft: NDArray[np.float32], *, longest: int = SENT_SIDE) -> bytes:
    """Return a soft mask as an 8-bit grey PNG file, made smaller where it has to be.

    Values above 127 are those above 0.5, where a mask is cut.

    Args:
        soft: (H, W) in [0, 1].
        longest: the most pixels along a side.
    """
    stream = io.BytesIO()
    sent = _fitted(Image.fromarray(to_uint8(soft)), longest)
    sent.save(stream, format="PNG", compress_level=1)  # nearly as small as level 6, much sooner
    return stream.getvalue()


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(scale * side)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)
