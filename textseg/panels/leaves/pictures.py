"""Pictures and masks as the bytes that are sent to a browser."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.images import to_uint8

SENT_SIDE = 1024  # pixels: no notebook shows more at once, and a repaint stays within a frame
QUALITY = 90
CUTS = 100  # steps of the slider that a mask is cut with


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

    At each ``threshold`` of whole hundredths the values above 255 x ``threshold`` are those of the
    pixels that Python cuts out there; beyond that they are rounded to the nearest.

    Args:
        soft: (H, W) in [0, 1].
        longest: the most pixels along a side.
    """
    stream = io.BytesIO()
    sent = _fitted(Image.fromarray(_levels(soft)), longest)
    sent.save(stream, format="PNG", compress_level=1)  # nearly as small as level 6, much sooner
    return stream.getvalue()


def _levels(soft: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the nearest levels that are above each cut exactly where the values are."""
    cuts = np.arange(CUTS, dtype=np.float32) / np.float32(CUTS)
    above = np.searchsorted(cuts, soft)  # of how many cuts a value is above
    ends = np.arange(CUTS + 1) * 255 // CUTS  # the last level that is not above a cut
    least = np.concatenate([[0], ends[:-1] + 1]).astype(np.uint8)
    most = ends.astype(np.uint8)
    return to_uint8(soft).clip(least[above], most[above])


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(scale * side)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)
