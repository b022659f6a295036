"""Where a change is: masks as weights in [0, 1], with edges that are neither hard nor wide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.editing.masks import check_mask
from textseg.errors import InvalidInputError, NotFoundError
from textseg.images import size_words
from textseg.segmentation.mask import Mask, MaskAlgebra
from textseg.segmentation.soft import HALF

Weight = NDArray[np.float32]
"""(H, W) in [0, 1]: how much of a change each pixel gets; where it is exactly 0, none."""

Frame = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom lie just outside."""

MaskLike = NDArray[Any] | MaskAlgebra  # Any: bool, integers or floats
_LEAST_SLOPE = 1e-6  # of a soft mask; where it is flat there is no edge


def weight_of(mask: MaskLike, size: tuple[int, int], *, holes: bool = False) -> Weight:
    """Return how much of a change each pixel gets, for a mask of a picture (H, W).

    What was found, put together or picked (a segmentation or ``Mask``) is cut at its threshold, and
    the cut is drawn as a line would be: one pixel wide, by where between the pixels the soft mask
    crosses it. A mask that is hard stays so. What it encloses belongs to it, unless ``holes``; see
    ``solid``. An array is taken as it is.

    Raises:
        InvalidInputError: it has another size, shape, type or range; or it is an array of zeros.
        NotFoundError: nothing is inside of what was found.
    """
    if not isinstance(mask, MaskAlgebra):
        return check_mask(mask, size)
    found = mask.as_mask()
    if found.size != size:
        raise InvalidInputError(
            f"the mask is of a picture of {size_words(found.size)}, this one is {size_words(size)}",
            hint="segment the picture that is to be changed",
        )
    if not found.binary().any():
        raise NotFoundError(
            f"the selection {found.title!r} is empty", hint="select something that is there"
        )
    return edge_weight(found if holes else solid(found))


def solid(mask: Mask) -> Mask:
    """Return a mask with its holes filled, as those of edits are: windows go with their house.

    What was taken away on purpose, and what was painted with a hole, stays so.
    """
    inside = mask.binary()
    holes = np.asarray(ndimage.binary_fill_holes(inside)) & ~inside
    if mask.spared is not None:
        holes &= ~mask.spared
    return replace(mask, soft=np.where(holes, np.float32(1), mask.soft))


def edge_weight(mask: Mask) -> Weight:
    """Return a mask cut at 0.5, its edge as wide as a pixel."""
    down, across = (
        np.gradient(mask.soft, axis=axis) if mask.soft.shape[axis] > 1 else np.zeros(1, np.float32)
        for axis in (0, 1)
    )
    slope = np.hypot(down, across)
    away = (mask.soft - np.float32(HALF)) / np.maximum(slope, np.float32(_LEAST_SLOPE))
    weight = np.clip(away + np.float32(HALF), 0, 1)
    return np.where(slope > _LEAST_SLOPE, weight, mask.binary()).astype(np.float32)
