"""Masks as COCO writes them: runs, runs packed into text, and polygons.

The format is that of the COCO API (`MaskApi`). Runs go down the columns, not along the rows, and
tell in turn how many pixels are out and in. Packed runs are texts: each number is cut into groups
of five bits, the lowest first, one character each (48 + bits, + 32 where more follow); from the
fourth number on it is the difference from the last but one, so that the last group has a sign.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from skimage.draw import polygon

from textseg.errors import InvalidInputError
from textseg.lab.bench.scores import Mask

_FIRST, _MORE, _SIGN, _BITS = 48, 32, 16, 5


def decode_runs(counts: Sequence[int], size: tuple[int, int]) -> Mask:
    """Return the mask (H, W) of runs down the columns, the first of which is out.

    Raises:
        InvalidInputError: a run is negative, or they are not as many pixels as the picture has.
    """
    height, width = size
    if any(count < 0 for count in counts) or sum(counts) != height * width:
        raise InvalidInputError(
            f"runs of {sum(counts)} pixels for a picture of {width} x {height} = {height * width}",
            hint="they tell in turn how many pixels are out and in, down the columns",
        )
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(width, height).T


def unpack_runs(text: str) -> list[int]:
    """Return the runs that a text holds.

    Raises:
        InvalidInputError: a character is not of the format, or the last number is cut short.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - _FIRST
        if not 0 <= code < 2 * _MORE:
            raise InvalidInputError(f"packed runs hold {letter!r}, which is not of the format")
        value |= (code % _MORE) << shift
        shift += _BITS
        if code < _MORE:
            value -= (code & _SIGN) << (shift - _BITS + 1)
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise InvalidInputError("packed runs end within a number", hint="the text was cut short")
    return counts


def fill_polygons(polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> Mask:
    """Return the mask (H, W) that is in any of the polygons.

    A pixel is in one when its centre, half a pixel from its corner, is, or lies on the outline. The
    COCO API decides alike but for pixels that an outline cuts near their centre.

    Args:
        polygons: x0, y0, x1, y1 ... in pixels from the upper left corner of the picture.
        size: height and width.

    Raises:
        InvalidInputError: a polygon has an odd number of coordinates, or less than three corners.
    """
    mask = np.zeros(size, bool)
    for corners in polygons:
        if len(corners) < 6 or len(corners) % 2:
            raise InvalidInputError(
                f"a polygon has {len(corners)} numbers", hint="it needs x and y of three corners"
            )
        points = np.asarray(corners, float).reshape(-1, 2) - 0.5
        mask[polygon(points[:, 1], points[:, 0], size)] = True
    return mask
