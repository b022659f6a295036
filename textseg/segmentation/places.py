"""Places in a picture that words name, for what is to be added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textseg.errors import InvalidInputError
from textseg.images import size_words
from textseg.segmentation.picking import PLACES, Relation, read_region_words

RADIUS = 0.22  # of a side of the picture: about a sixth of the picture lies inside
EDGE = 0.25  # of the radius, over which the mask fades
GAP = 0.02  # of a side, between a thing and what is put beside it
LEAST = 0.1  # of a side: there is no room for what would be narrower


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


def place_beside(
    relation: Relation, box: tuple[int, int, int, int], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Return a round mask (H, W) float32 in [0, 1] beside a thing; for what is to be added.

    It is as large as that of ``place`` where there is room, and stands on the same ground left and
    right of the thing. Next to it is where there is more room.

    Args:
        relation: to the thing.
        box: around the thing: left, top, right, bottom in pixels; the last two lie just outside.
        size: (H, W) of the picture in pixels.

    Raises:
        InvalidInputError: there is no room.
    """
    (height, width), (left, top, right, bottom) = size, box
    if relation == "next to":
        relation = "left of" if left > width - right else "right of"
    gap = GAP * (width if relation.endswith("of") else height)
    across, down = 2 * RADIUS * width, 2 * RADIUS * height
    if relation.endswith("of"):
        across = min(across, (left if relation == "left of" else width - right) - gap)
        down = min(down, float(height))
    else:
        gap = 0.0 if relation == "on" else gap
        down = min(down, (height - bottom if relation == "below" else top) - gap)
    if across < LEAST * width or down < LEAST * height:
        raise InvalidInputError(
            f"there is no room {relation} it in the picture",
            hint="say another side, or give a mask",
        )
    row, col = {
        "left of": (bottom - down / 2, left - gap - across / 2),
        "right of": (bottom - down / 2, right + gap + across / 2),
        "above": (top - gap - down / 2, (left + right) / 2),
        "on": (top - gap - down / 2, (left + right) / 2),
        "below": (bottom + gap + down / 2, (left + right) / 2),
    }[relation]
    row = min(max(row, down / 2), height - down / 2)
    col = min(max(col, across / 2), width - across / 2)
    rows = (np.arange(height) + 0.5 - row) / (down / 2)
    cols = (np.arange(width) + 0.5 - col) / (across / 2)
    far = np.hypot(rows[:, None], cols[None, :])
    return np.asarray(((1 - far) / EDGE).clip(0, 1), np.float32)


def _offset(share: float, side: int) -> NDArray[np.float64]:
    """Return how far each pixel of a side lies from the centre of the place, in sides."""
    centre = RADIUS + share * (1 - 2 * RADIUS)
    return np.asarray((np.arange(side) + 0.5) / side - centre)
