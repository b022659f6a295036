"""From latent cells to pixels: enlarge a soft mask and take its edges from the picture.

The colour guided filter (K. He, J. Sun, X. Tang 2013, "Guided Image Filtering", eqs. 14-16; at
reduced size as in arXiv:1505.00996) and the random walker (L. Grady 2006, through scikit-image).
Both may run away where the picture has edges that are not the thing's, so their answer counts only
where, averaged over a latent cell, it agrees with the map that it started from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import segmentation, transform

from textseg.diffusion.mask_settings import Refiner
from textseg.diffusion.mask_settings import RefineSettings as RefineSettings

Array = NDArray[np.float32]

WALKER_PIXELS = 65_536  # a linear system with this many unknowns
PEAK = 0.998  # leaves out the brightest 0.2 %: single pixels must not decide
PEAK_OF_FOUND = 0.8  # the brightest fifth of what was found at most: small things have a peak too
CERTAIN = (0.25, 0.6)  # seeds of the walker: surely outside below, surely inside above


@dataclass(frozen=True)
class Settled:
    """A mask (H, W) in [0, 1] cut at 0.5, and its slope (H, W) against what it was made from."""

    soft: Array
    slope: Array


@dataclass(frozen=True)
class CellGrid:
    """How latent cells lie on a picture: ``size`` is (H, W), ``cells`` how many cover it.

    The first cell starts at the picture's upper left corner; the last ones may reach beyond it.
    """

    size: tuple[int, int]
    cells: tuple[float, float]

    @property
    def pixels(self) -> float:
        """Length of a cell's side in pixels."""
        return float(np.sqrt(self.size[0] * self.size[1] / (self.cells[0] * self.cells[1])))

    def share(self, cells: float) -> float:
        """Return the share of the picture that so many cells cover."""
        return cells / (self.cells[0] * self.cells[1])

    def enlarge(self, values: NDArray[Any], order: int = 3) -> Array:
        """Return (h, w) at the picture's size, by splines of ``order`` between centres of cells."""
        pitch = [cells / pixels for cells, pixels in zip(self.cells, self.size, strict=True)]
        first = [0.5 * step - 0.5 for step in pitch]
        found: Array = ndimage.affine_transform(
            values.astype(np.float32), pitch, first, self.size, order=order, mode="nearest"
        )
        return found


def refine(soft: Array, rgb: Array, grid: CellGrid, settings: RefineSettings) -> Array:
    """Return the soft mask (H, W) in [0, 1] of the picture ``rgb`` (H, W, 3), from cells (h, w)."""
    coarse = grid.enlarge(soft).clip(0, 1)
    fine = _REFINERS[settings.method](coarse, rgb, grid, settings)
    if fine is coarse:
        return coarse
    side = max(1, round(grid.pixels))
    departure = np.abs(_box(fine - coarse, side))
    trust = (2 - departure / settings.gate).clip(0, 1)
    return np.asarray(coarse + trust * (fine - coarse), np.float32).clip(0, 1)


def settle(fine: Array, found: float, settings: RefineSettings) -> Settled:
    """Return a refined mask (H, W) with its threshold at 0.5; all 0 stays all 0.

    Its peak, which the threshold is a share of, is the quantile ``PEAK`` of the whole picture. Of a
    small thing that would leave out all, so it is at least ``PEAK_OF_FOUND`` of what was found.

    Args:
        fine: the refined mask.
        found: share of the picture under the cells above 0.5 that it was made from.
        settings: where the threshold is.
    """
    if settings.cut is None:
        return Settled(fine, np.ones_like(fine))
    left_out = min(1 - PEAK, (1 - PEAK_OF_FOUND) * found)
    threshold = settings.cut * float(np.quantile(fine, 1 - left_out))
    if threshold <= 0:
        return Settled(np.zeros_like(fine), np.zeros_like(fine))
    power = (np.maximum(fine, 0) / threshold) ** settings.steepness
    soft = power / (1 + power)
    slope = settings.steepness * soft * (1 - soft) / np.maximum(fine, 1e-6 * threshold)
    return Settled(soft.astype(np.float32), slope.astype(np.float32))


def _bicubic(coarse: Array, rgb: Array, grid: CellGrid, settings: RefineSettings) -> Array:
    return coarse


def _guided(coarse: Array, rgb: Array, grid: CellGrid, settings: RefineSettings) -> Array:
    """Return the mask that is, window by window, the best linear function of the colours."""
    small = _limited(grid.size, settings.guide_pixels)
    shrink = small[0] / grid.size[0]
    side = 2 * max(1, round(settings.radius * grid.pixels * shrink)) + 1
    guide = np.ascontiguousarray(np.moveaxis(_resized(rgb, small), -1, 0))
    slopes, offset = _linear_model(guide, _resized(coarse, small), side, settings.smoothness)
    fine = _resized(offset, grid.size)
    for channel, slope in enumerate(slopes):
        fine = fine + _resized(slope, grid.size) * rgb[..., channel]
    return fine.clip(0, 1)


def _linear_model(guide: Array, mask: Array, side: int, smoothness: float) -> tuple[Array, Array]:
    """Return smoothed slopes (3, H, W) and offset (H, W) of mask = slopes . guide + offset."""
    mean, mean_mask = _box(guide, side), _box(mask, side)
    shared = _box(guide * mask, side) - mean * mean_mask
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    products = _box(np.stack([guide[i] * guide[j] for i, j in pairs]), side)
    rr, rg, rb, gg, gb, bb = products - np.stack([mean[i] * mean[j] for i, j in pairs])
    r, g, b = np.array(
        [[rr + smoothness, rg, rb], [rg, gg + smoothness, gb], [rb, gb, bb + smoothness]]
    )
    # the inverse of a symmetric 3 x 3 matrix has the cross products of its rows as columns
    crossed = [np.cross(one, other, axis=0) for one, other in ((g, b), (b, r), (r, g))]
    slopes = sum(shared[k] * crossed[k] for k in range(3)) / (r * crossed[0]).sum(0)
    offset = mean_mask - (slopes * mean).sum(0)
    return _box(slopes, side), _box(offset, side)


def _walker(coarse: Array, rgb: Array, grid: CellGrid, settings: RefineSettings) -> Array:
    """Return the probability that a walk from each pixel meets a pixel surely inside first."""
    small = _limited(grid.size, WALKER_PIXELS)
    mask, guide = _resized(coarse, small), _resized(rgb, small)
    seeds = np.where(mask > CERTAIN[1], 1, np.where(mask < CERTAIN[0], 2, 0))
    if set(np.unique(seeds)) != {0, 1, 2} or not guide.std():
        return coarse
    inside = segmentation.random_walker(
        guide,
        seeds,
        beta=settings.beta,
        mode="cg_j",
        channel_axis=-1,
        return_full_prob=True,
        prob_tol=np.inf,  # no warning: what the solver leaves outside [0, 1] is clipped below
    )[0]
    return _resized(inside, grid.size).clip(0, 1)


_REFINERS: dict[Refiner, Callable[[Array, Array, CellGrid, RefineSettings], Array]] = {
    "bicubic": _bicubic,
    "guided": _guided,
    "walker": _walker,
}


def _box(values: NDArray[Any], side: int) -> NDArray[Any]:
    """Return means over windows of ``side`` pixels along the last two axes."""
    found: NDArray[Any] = ndimage.uniform_filter(values, side, mode="nearest", axes=(-2, -1))
    return found


def _limited(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    shrink = min(1.0, np.sqrt(pixels / (size[0] * size[1])))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def _resized(values: NDArray[Any], size: tuple[int, int]) -> Array:
    if values.shape[:2] == size:
        return np.asarray(values, np.float32)
    smaller = size[0] < values.shape[0]
    found = transform.resize(values, size, order=1, anti_aliasing=smaller, preserve_range=True)
    return np.asarray(found, np.float32)
