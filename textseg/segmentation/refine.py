"""From latent cells to pixels: enlarge a soft mask and take its edges from the picture.

The colour guided filter (K. He, J. Sun, X. Tang 2013, "Guided Image Filtering", eqs. 14-16; at
reduced size as in arXiv:1505.00996) and the random walker (L. Grady 2006, through scikit-image).
Both may run away where the picture has edges that are not the thing's, so their answer counts only
where, averaged over a latent cell, it agrees with the map that it started from.

Afterwards superpixels of the picture may vote, and what is smaller than a model sees is cleared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import segmentation

from textseg.diffusion.mask_settings import Refiner
from textseg.diffusion.mask_settings import RefineSettings as RefineSettings
from textseg.segmentation.guide import Array, GuideImage, box_means, stretch
from textseg.segmentation.guide import CellGrid as CellGrid
from textseg.segmentation.soft import HALF, inverse
from textseg.segmentation.superpixels import vote

WALKER_PIXELS = 65_536  # a linear system with this many unknowns
PEAK = 0.998  # leaves out the brightest 0.2 %: single pixels must not decide
PEAK_OF_FOUND = 0.8  # the brightest fifth of what was found at most: small things have a peak too
CERTAIN = (0.25, 0.6)  # seeds of the walker: surely outside below, surely inside above


@dataclass(frozen=True, eq=False)
class Settled:
    """A refined mask (H, W) on its way to one that is cut at 0.5.

    Attributes:
        fine: the refined mask.
        threshold: where it is cut; None where it is taken as it is.
        steepness: of the curve that leads there.
    """

    fine: Array
    threshold: float | None
    steepness: float

    @property
    def soft(self) -> Array:
        """The mask (H, W) in [0, 1]; all 0 where the threshold is."""
        return self.fine if self.threshold is None else self._curve().astype(np.float32)

    @property
    def slope(self) -> Array:
        """The slope (H, W) of ``soft`` against ``fine``."""
        if self.threshold is None:
            return np.ones_like(self.fine)
        soft, least = self._curve(), 1e-6 * self.threshold
        slope = self.steepness * soft * (1 - soft) / np.maximum(self.fine, least or 1)
        return slope.astype(np.float32)

    def _curve(self) -> Array:
        if not self.threshold:
            return np.zeros_like(self.fine)
        power = (np.maximum(self.fine, 0) / self.threshold) ** self.steepness
        return np.asarray(power / (1 + power))


def sharpen(soft: Array, image: GuideImage, settings: RefineSettings) -> Array:
    """Return the mask (H, W) of the picture that one of cells (h, w) means, cut at 0.5."""
    fine = settle_cells(soft, image, settings).soft
    least = settings.speck * image.grid.pixels**2
    return clear_specks(fine, least) if least else fine


def settle_cells(soft: Array, image: GuideImage, settings: RefineSettings) -> Settled:
    """Return the refined mask of the picture with its threshold, from cells (h, w)."""
    found = image.grid.share(max(1, int((soft > HALF).sum())))
    return settle(refine(soft, image, settings), found, settings)


def refine(soft: Array, image: GuideImage, settings: RefineSettings) -> Array:
    """Return the soft mask (H, W) in [0, 1] of the picture, from cells (h, w)."""
    fine = _REFINERS[settings.method](soft, image, settings)
    if settings.gate < 1:  # no departure is larger than 1
        fine = _gated(fine, _enlarge(soft, image), image.grid.pixels, settings.gate)
    if settings.votes:
        fine = _voted(fine, image, settings)
    return fine


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
        return Settled(fine, None, settings.steepness)
    left_out = min(1 - PEAK, (1 - PEAK_OF_FOUND) * found)
    threshold = settings.cut * float(np.quantile(fine, 1 - left_out))
    return Settled(fine, max(threshold, 0.0), settings.steepness)


def clear_specks(soft: Array, least: float) -> Array:
    """Return a mask (H, W) with pieces of less than ``least`` pixels turned over, then such holes.

    What is turned over is mirrored at 0.5, which leaves no step at its rim. Pixels that touch at a
    corner connect inside, as in regions, and therefore not outside.
    """
    soft = _turned(soft, _small_pieces(soft > HALF, least, corners=True))
    inside = soft > HALF
    if not inside.any():  # the picture is no hole
        return soft
    return _turned(soft, _small_pieces(~inside, least, corners=False))


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


def _gated(fine: Array, coarse: Array, cell: float, gate: float) -> Array:
    """Return the refined mask where its means over cells stay near the coarse one, else that."""
    departure = np.abs(box_means(fine - coarse, max(1, round(cell))))
    trust = (2 - departure / gate).clip(0, 1)
    return np.asarray(coarse + trust * (fine - coarse), np.float32).clip(0, 1)


def _voted(fine: Array, image: GuideImage, settings: RefineSettings) -> Array:
    ways = image.superpixels(settings.guide_pixels)
    voted = stretch(vote(stretch(fine, ways[0].shape), ways), image.grid.size)
    return fine + np.float32(settings.votes) * (voted - fine)


def _turned(soft: Array, pieces: NDArray[np.bool_]) -> Array:
    found = soft.copy()
    found[pieces] = inverse(soft[pieces])
    return found


def _small_pieces(inside: NDArray[np.bool_], least: float, *, corners: bool) -> NDArray[np.bool_]:
    """Return where connected pieces of less than ``least`` pixels are."""
    labels, _ = ndimage.label(inside, np.ones((3, 3)) if corners else None)
    small = np.bincount(labels.ravel()) < least
    small[0] = False
    return np.asarray(small[labels])


def _enlarge(soft: Array, image: GuideImage, pixels: int | None = None) -> Array:
    """Return cells (h, w) at the picture's size, or at that of ``image.reduced(pixels)``."""
    grid = image.grid if pixels is None else image.reduced_grid(pixels)
    return grid.enlarge(soft).clip(0, 1)
