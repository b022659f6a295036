"""From latent cells to pixels: enlarge a soft mask and take its edges from the picture.

The colour guided filter (K. He, J. Sun, X. Tang 2013, "Guided Image Filtering", eqs. 14-16; at
reduced size as in arXiv:1505.00996) and the random walker (L. Grady 2006, through scikit-image).
Both may run away where the picture has edges that are not the thing's, so their answer counts only
where, averaged over a latent cell, it agrees with the map that it started from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from skimage import segmentation

from textseg.diffusion.mask_settings import Refiner
from textseg.diffusion.mask_settings import RefineSettings as RefineSettings
from textseg.segmentation.guide import Array, GuideImage, box_means, stretch
from textseg.segmentation.guide import CellGrid as CellGrid
from textseg.segmentation.soft import HALF

WALKER_PIXELS = 65_536  # a linear system with this many unknowns
PEAK = 0.998  # leaves out the brightest 0.2 %: single pixels must not decide
PEAK_OF_FOUND = 0.8  # the brightest fifth of what was found at most: small things have a peak too
CERTAIN = (0.25, 0.6)  # seeds of the walker: surely outside below, surely inside above


@dataclass(frozen=True)
class Settled:
    """A mask (H, W) in [0, 1] cut at 0.5, and its slope (H, W) against what it was made from."""

    soft: Array
    slope: Array


def sharpen(soft: Array, image: GuideImage, settings: RefineSettings) -> Settled:
    """Return the mask of the picture that a soft mask of cells (h, w) means, cut at 0.5."""
    found = image.grid.share(max(1, int((soft > HALF).sum())))
    return settle(refine(soft, image, settings), found, settings)


def refine(soft: Array, image: GuideImage, settings: RefineSettings) -> Array:
    """Return the soft mask (H, W) in [0, 1] of the picture, from cells (h, w)."""
    fine = _REFINERS[settings.method](soft, image, settings)
    if settings.gate >= 1:  # no departure is larger
        return fine
    coarse = _enlarge(soft, image)
    side = max(1, round(image.grid.pixels))
    departure = np.abs(box_means(fine - coarse, side))
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


def _bicubic(soft: Array, image: GuideImage, settings: RefineSettings) -> Array:
    return _enlarge(soft, image)


def _guided(soft: Array, image: GuideImage, settings: RefineSettings) -> Array:
    """Return the mask that is, window by window, the best linear function of the colours."""
    coarse = _enlarge(soft, image, settings.guide_pixels)
    *slopes, offset = image.windows(settings).fit(coarse)
    fine = stretch(offset, image.grid.size)
    for channel, slope in enumerate(slopes):
        fine += stretch(slope, image.grid.size) * image.rgb[..., channel]
    return fine.clip(0, 1)


def _walker(soft: Array, image: GuideImage, settings: RefineSettings) -> Array:
    """Return the probability that a walk from each pixel meets a pixel surely inside first."""
    mask, guide = _enlarge(soft, image, WALKER_PIXELS), image.reduced(WALKER_PIXELS)
    seeds = np.where(mask > CERTAIN[1], 1, np.where(mask < CERTAIN[0], 2, 0))
    if set(np.unique(seeds)) != {0, 1, 2} or not guide.std():
        return _enlarge(soft, image)
    inside = segmentation.random_walker(
        guide,
        seeds,
        beta=settings.beta,
        mode="cg_j",
        channel_axis=-1,
        return_full_prob=True,
        prob_tol=np.inf,  # no warning: what the solver leaves outside [0, 1] is clipped below
    )[0]
    return stretch(inside.astype(np.float32), image.grid.size).clip(0, 1)


_REFINERS: dict[Refiner, Callable[[Array, GuideImage, RefineSettings], Array]] = {
    "bicubic": _bicubic,
    "guided": _guided,
    "walker": _walker,
}


def _enlarge(soft: Array, image: GuideImage, pixels: int | None = None) -> Array:
    """Return cells (h, w) at the picture's size, or at that of ``image.reduced(pixels)``."""
    grid = image.grid if pixels is None else image.reduced_grid(pixels)
    return grid.enlarge(soft).clip(0, 1)
