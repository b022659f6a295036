"""Soft masks as arrays (H, W) in [0, 1]: read, cut, turned round, widened, painted on."""

from __future__ import annotations

import math
import os
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.errors import InvalidInputError
from textseg.images import plain_array, unit_range

HALF = 0.5  # where a soft mask is cut: soften puts the threshold it found there
ABOVE_HALF = np.nextafter(np.float32(HALF), np.float32(1))
FAINT = 1 / 8  # of full scale: a mask that stays below has another one (labels, 12 bits in 16)
LEAST_STEP = 1e-12  # keeps divisions by a length of nothing finite


def mask_values(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array that is a mask as (H, W) float32 in [0, 1].

    Args:
        array: (H, W), (1, H, W) or (H, W, 1) of bool, uint8, uint16, floats in [0, 1], or other
            integers that are 0 or 1; full scale is inside.

    Raises:
        InvalidInputError: wrong shape, type or range.
    """
    if isinstance(array, str | os.PathLike):
        raise InvalidInputError(
            f"a mask is an array, not a path ({os.fspath(array)!r})",
            hint="open the file: textseg.images.open_picture(path).rgb[..., 0]",
        )
    # a PIL image or nested lists will do as well
    given = _plane(plain_array(np.asanyarray(array), "the mask"))
    if given.dtype == bool:
        return given.astype(np.float32)
    if given.dtype in (np.uint8, np.uint16):
        top = np.iinfo(given.dtype).max
        check_scale(int(given.max()), top)
        return given.astype(np.float32) / np.float32(top)
    if np.issubdtype(given.dtype, np.floating):
        return unit_range(given, "the mask")
    if np.issubdtype(given.dtype, np.integer) and given.min() >= 0 and given.max() <= 1:
        return given.astype(np.float32)  # of other integers nobody knows a larger full scale
    raise InvalidInputError(
        f"a mask is bool, uint8, uint16 or floats in [0, 1], not {given.dtype}",
        hint="of a label: mask == label",
    )


def check_scale(largest: int, top: int) -> None:
    """Raise ``InvalidInputError`` for a mask of which ``top`` is not the full scale after all.

    Args:
        largest: its largest value.
        top: what stands for inside.
    """
    if 0 < largest < FAINT * top:
        raise InvalidInputError(
            f"the mask's largest value is {largest} of {top}, which is nearly outside",
            hint=f"{top} (white) is inside: give that to the label that is meant and 0 to all "
            "else; in Python mask == label",
        )


def _plane(given: NDArray[Any]) -> NDArray[Any]:
    """Return the one plane (H, W) of an array."""
    plane = given
    if given.ndim == 3 and 1 in (given.shape[0], given.shape[2]):
        plane = given[0] if given.shape[0] == 1 else given[..., 0]
    if plane.ndim != 2 or 0 in plane.shape:
        colours = given.ndim == 3 and given.shape[2] in (3, 4)
        of_several = "give one channel: mask[..., 0]" if colours else "give one mask: mask[0]"
        raise InvalidInputError(
            f"a mask has shape (H, W), got {given.shape}",
            hint=of_several if given.ndim > 2 and given.size else "",
        )
    return plane


def in_unit_range(values: NDArray[Any]) -> bool:
    """Return whether there are values, and all of them are numbers in [0, 1]."""
    return bool(values.size and values.min() >= 0 and values.max() <= 1)  # nan is neither


def cut(soft: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return where a soft mask is above the threshold.

    Raises:
        InvalidInputError: the threshold does not lie in [0, 1].
    """
    if not 0 <= threshold <= 1:
        raise InvalidInputError(f"threshold must lie in [0, 1], got {threshold}")
    return np.asarray(soft > threshold)


def moved(soft: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Return the mask with ``threshold`` at 0.5: linear below and above, 0 and 1 stay.

    The result is above 0.5 exactly where the mask is above the threshold.
    """
    inside = cut(soft, threshold)
    values = soft.astype(np.float64)
    low = HALF * values / max(threshold, LEAST_STEP)
    high = HALF + HALF * (values - threshold) / max(1 - threshold, LEAST_STEP)
    return np.where(inside, high.clip(ABOVE_HALF, 1), low.clip(0, HALF)).astype(np.float32)


def inverse(soft: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 - soft, above 0.5 exactly where the mask is not: at 0.5 itself a hair above."""
    rest = 1 - soft
    return np.where(soft > HALF, rest, np.maximum(rest, ABOVE_HALF))


def widened(soft: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Return the largest value among the pixels whose centres lie within ``radius`` of each.

    That is grey dilation with a disc; -widened(-soft) is erosion. A disc is a pile of rows, and the
    largest value along a row costs the same for any length.
    """
    height, width = soft.shape
    radius = min(radius, math.hypot(height, width))  # reaches everything
    found = soft.copy()
    for away in range(min(math.floor(radius), height - 1) + 1):
        reach = min(math.isqrt(math.floor(radius**2 - away**2)), width - 1)
        rows = ndimage.maximum_filter1d(soft, 2 * reach + 1, axis=1, mode="nearest")
        np.maximum(found[away:], rows[: height - away], out=found[away:])
        np.maximum(found[: height - away], rows[away:], out=found[: height - away])
    return found


def stroke(
    points: NDArray[np.float64], radius: float, size: tuple[int, int]
) -> NDArray[np.float64]:
    """Return how much of each pixel (H, W) a round brush covers on its way along the points.

    Args:
        points: (n, 2) rows and columns; pixel centres lie at whole numbers.
        radius: where half of a pixel is covered; 1 at half a pixel less, 0 at half a pixel more.
        size: (H, W); what lies outside is cut off.
    """
    cover = np.zeros(size)
    reach = radius + 0.5
    for start, end in pairwise([*points, points[-1]]):
        first = np.floor(np.minimum(start, end) - reach).clip(0, size).astype(int)
        last = np.ceil(np.maximum(start, end) + reach + 1).clip(0, size).astype(int)
        box = (slice(first[0], last[0]), slice(first[1], last[1]))
        places = np.moveaxis(np.mgrid[box], 0, -1) - start  # (h, w, 2)
        along = end - start
        share = (places @ along / max(float(along @ along), LEAST_STEP)).clip(0, 1)
        away = np.linalg.norm(places - share[..., None] * along, axis=-1)
        cover[box] = np.maximum(cover[box], (reach - away).clip(0, 1))
    return cover


def blur(values: NDArray[Any], width: float) -> NDArray[np.float64]:
    """Return (h, w) blurred by ``width`` cells; the map goes on beyond its edge as at the edge."""
    if width == 0:
        return values.astype(float)
    found: NDArray[np.float64] = ndimage.gaussian_filter(
        values.astype(float), width, mode="nearest"
    )
    return found
