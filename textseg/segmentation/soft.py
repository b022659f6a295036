"""Soft masks as arrays (H, W) in [0, 1]: read, cut, turned round, widened, painted on."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.errors import InvalidInputError

HALF = 0.5  # where a soft mask is cut: soften puts the threshold it found there
ABOVE_HALF = np.nextafter(np.float32(HALF), np.float32(1))
LEAST_STEP = 1e-12  # keeps divisions by a length of nothing finite


def mask_values(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array that is a mask as (H, W) float32 in [0, 1].

    Args:
        array: (H, W) of bool, uint8, uint16 or floats in [0, 1]; full scale is inside.

    Raises:
        InvalidInputError: wrong shape, type or range.
    """
    given = np.asarray(array)  # a PIL image or nested lists will do as well
    if given.ndim != 2 or 0 in given.shape:
        raise InvalidInputError(f"a mask has shape (H, W), got {given.shape}")
    if given.dtype == bool:
        return given.astype(np.float32)
    if given.dtype in (np.uint8, np.uint16):
        if given.max() == 1:
            raise InvalidInputError(
                f"a {given.dtype} mask of 0 and 1 is nearly all 0: its full scale is "
                f"{np.iinfo(given.dtype).max}",
                hint="mask.astype(bool)",
            )
        return given.astype(np.float32) / np.float32(np.iinfo(given.dtype).max)
    if not np.issubdtype(given.dtype, np.floating):
        raise InvalidInputError(
            f"a mask is bool, uint8, uint16 or floats in [0, 1], not {given.dtype}"
        )
    if not in_unit_range(given):
        raise InvalidInputError("a mask of floats must be finite and lie in [0, 1]")
    return given.astype(np.float32)


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
