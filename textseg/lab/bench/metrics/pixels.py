"""Figures that need no network: how far two pictures are apart, everywhere or in a region.

Pictures are (H, W, 3) float32 in [0, 1]; a region `where` is (H, W) bool, and None is everywhere.
The region may be the inside of a mask or, as `~mask`, its outside.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from textseg.errors import InvalidInputError
from textseg.images import size_words, to_uint8

Rgb = NDArray[np.float32]
Mask = NDArray[np.bool_]
Edges = Literal["reflect", "crop"]

SSIM_SIGMA = 1.5  # of the Gaussian window (Wang et al. 2004), cut off after 3.5 sigma
SSIM_RADIUS = 5


def mse(before: Rgb, after: Rgb, *, where: Mask | None = None) -> float:
    """Return the mean squared difference over the pixels and channels of a region.

    Raises:
        InvalidInputError: the shapes differ, or the region is empty.
    """
    return float(np.square(_differences(before, after, where)).mean())


def l1(before: Rgb, after: Rgb, *, where: Mask | None = None) -> float:
    """Return the mean absolute difference over the pixels and channels of a region.

    Raises:
        InvalidInputError: the shapes differ, or the region is empty.
    """
    return float(np.abs(_differences(before, after, where)).mean())


def psnr(before: Rgb, after: Rgb, *, where: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio in decibels (peak 1); infinite for equal pictures.

    Raises:
        InvalidInputError: the shapes differ, or the region is empty.
    """
    error = mse(before, after, where=where)
    return -10 * math.log10(error) if error else math.inf


def ssim(before: Rgb, after: Rgb, *, where: Mask | None = None, edges: Edges = "reflect") -> float:
    """Return the mean structural similarity (Wang et al. 2004), channels apart, data range 1.

    The window is Gaussian with `SSIM_SIGMA`, K1 = .01, K2 = .03, variances are those of the window.

    Args:
        before: (H, W, 3).
        after: (H, W, 3).
        where: average the map over these pixels only; windows reach beyond them.
        edges: "reflect" mirrors the pictures at their frame and averages over all pixels, as
            torchmetrics has done since its pull request 2721 of September 2024; "crop" averages
            over windows that lie inside the picture, as it did before, and as scikit-image does.

    Raises:
        InvalidInputError: the shapes differ, the region is empty, or there is no whole window.
    """
    from skimage.metrics import structural_similarity

    check_alike(before, after)
    around = SSIM_RADIUS if edges == "reflect" else 0
    shape = np.array(before.shape[:2]) + 2 * (around - SSIM_RADIUS)
    if min(shape) < 1:
        window = 2 * SSIM_RADIUS + 1
        raise InvalidInputError(
            f"no window of {window} x {window} pixels fits into {size_words(before.shape)}",
            hint='use edges="reflect"',
        )
    padding = ((around, around), (around, around), (0, 0))
    first, second = (np.pad(x.astype(np.float64), padding, "reflect") for x in (before, after))
    _, full = structural_similarity(
        first,
        second,
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=-1,
        full=True,
    )
    similar = full[SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS]
    if where is not None and edges == "crop":
        where = where[SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS]
    return float(_chosen(similar, where).mean())


def changed_pixels(before: Rgb, after: Rgb, *, where: Mask | None = None) -> int:
    """Return how many pixels of a region differ in any channel once both are 8-bit.

    Raises:
        InvalidInputError: the shapes differ.
    """
    check_alike(before, after)
    differ = (to_uint8(before) != to_uint8(after)).any(-1)
    return int((differ if where is None else differ & where).sum())


def blanked(rgb: Rgb, keep: Mask) -> Rgb:
    """Return a picture that is black wherever `keep` is false."""
    return np.where(keep[..., None], rgb, np.float32(0))


def check_alike(before: Rgb, after: Rgb) -> None:
    """Raise `InvalidInputError` unless both are (H, W, 3) of one size."""
    if before.shape != after.shape or before.ndim != 3 or before.shape[2] != 3:
        raise InvalidInputError(
            f"pictures of shapes {before.shape} and {after.shape} cannot be compared",
            hint="both must be (H, W, 3) and of one size",
        )


def _differences(before: Rgb, after: Rgb, where: Mask | None) -> NDArray[np.float64]:
    check_alike(before, after)
    return _chosen(before.astype(np.float64) - after, where)


def _chosen(values: NDArray[np.float64], where: Mask | None) -> NDArray[np.float64]:
    if where is None:
        return values
    if where.shape != values.shape[:2]:
        raise InvalidInputError(
            f"a region of shape {where.shape} does not fit pictures of {values.shape[:2]}"
        )
    if not where.any():
        raise InvalidInputError("there is no pixel in the region to compare")
    return values[where]
