"""Two pictures mixed band by band: "A multiresolution spline with application to image mosaics".

Burt and Adelson, ACM Transactions on Graphics 2(4), 1983: each picture is taken apart into bands of
detail, the mask is blurred as far as a band is coarse, and each band is mixed by its own mask. So
fine detail changes abruptly and light over a distance, and no seam is seen.

What differs: coarse bands reach outside the mask, where nothing may change. So the mask is shrunk
first by as far as the coarsest band reaches, which also says how many bands there are. Along the
outline detail stays as it was: a mask that is cut close to the old thing leaves its edge.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import pyramid_expand, pyramid_reduce

MOST = 5  # bands
ROOM = 2.0  # how many times as deep as it is shrunk a region has to be


def blend_bands(
    before: NDArray[np.float32], after: NDArray[np.float32], region: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return (H, W, 3) in [0, 1]: ``after`` deep inside the region, ``before`` towards its outline.

    The frame of the picture is no outline. Something may be left of the change outside: what comes
    back is to be confined to the region still.

    Args:
        before: (H, W, 3) in [0, 1].
        after: (H, W, 3) in [0, 1].
        region: (H, W) in [0, 1]. One that is too thin to be shrunk gives ``after`` as it is.
    """
    if (region > 0).all():
        return after
    depth = ndimage.distance_transform_edt(region > 0)
    bands = min(MOST, math.floor(math.log2(max(1.0, depth.max() / ROOM))))
    if bands < 2:
        return after
    mask = (depth > 2**bands).astype(np.float32)[..., None]
    return np.clip(_mixed(before, after, mask, bands), 0, 1)


def _mixed(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    mask: NDArray[np.float32],
    bands: int,
) -> NDArray[np.float32]:
    """Return two pictures (H, W, 3) mixed by a mask (H, W, 1), in so many bands."""
    if bands == 1:
        return mask * after + (1 - mask) * before
    coarse = [_halved(each) for each in (before, after, mask)]
    low = [_doubled(each, before.shape) for each in coarse]
    fine = mask * (after - low[1]) + (1 - mask) * (before - low[0])
    rest = _mixed(coarse[0], coarse[1], coarse[2], bands - 1)
    return fine + _doubled(rest, before.shape)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(pyramid_reduce(values, channel_axis=-1), np.float32)


def _doubled(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return them at the size of what was halved, which may have been odd."""
    wide = pyramid_expand(values, channel_axis=-1)
    return np.asarray(wide[: shape[0], : shape[1]], np.float32)
