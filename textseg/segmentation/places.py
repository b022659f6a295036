"""Places in a picture that words name, for what is to be added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textseg.errors import InvalidInputError
from textseg.images import size_words
from textseg.segmentation.picking import PLACES, read_region_words

RADIUS = 0.22  # of a side of the picture: about a sixth of the picture lies inside
EDGE = 0.25  # of the radius, over which the mask fades


def place(words: str, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return a round mask (H, W) float32 in [0, 1] where the words say; for what is to be added.

        scene.edit("", "red ball", mask=textseg.place("bottom left", scene.picture.size))

    Its centre lies ``RADIUS`` from the sides that are named, its edge fades inwards.

    Args:
        words: "left", "right", "top", "bottom", "middle", or two of them as in "top right".
        size: (H, W) of the picture in pixels.

    Raises:
        InvalidInputError: the words name no place, or the size is none.
    """
    if min(size) < 1:
        raise InvalidInputError(f"a picture has pixels on both sides, got {size_words(size)}")
    said = read_region_words(words)
    if said.order not in PLACES or (said.first, said.count) != (1, 1):
        raise InvalidInputError(
            f"{words!r} names no place to add something at",
            hint='say e.g. "left", "bottom right" or "middle"',
        )
    row, col = (0.5 if share is None else share for share in PLACES[said.order])
    far = np.hypot(_offset(row, size[0])[:, None], _offset(col, size[1])[None, :]) / RADIUS
    return ((1 - far) / EDGE).clip(0, 1).astype(np.float32)


def _offset(share: float, side: int) -> NDArray[np.float64]:
    """Return how far each pixel of a side lies from the centre of the place, in sides."""
    centre = RADIUS + share * (1 - 2 * RADIUS)
    return np.asarray((np.arange(side) + 0.5) / side - centre)
