"""From a query's raw maps to a soft mask in [0, 1] at latent size.

Blur, multiply by where the query's words are looked at, find a threshold, map values to [0, 1] so
that the threshold lands on 0.5, and fill holes. Each step looks at this query's maps only. How
likely the query is in the picture at all decides later how bright the whole mask may be: what is
not there comes out dark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from skimage import filters, morphology

from textseg.diffusion.card import CellHead
from textseg.diffusion.mask_settings import Rule
from textseg.diffusion.mask_settings import SoftenSettings as SoftenSettings
from textseg.segmentation.cell_head import cell_spread, find_cells, is_whole
from textseg.segmentation.difference import RawMaps
from textseg.segmentation.soft import blur

HEAD = "head"  # what finds the cells, and needs no threshold but one half
Array = NDArray[np.float64]
_RULES: dict[Rule, Callable[[NDArray[Any]], float]] = {
    "otsu": filters.threshold_otsu,
    "li": filters.threshold_li,
    "triangle": filters.threshold_triangle,
    "mean": np.mean,
    "fixed": lambda _: 1.0,
}


@dataclass(frozen=True)
class SoftMap:
    """A soft mask (h, w) in [0, 1] at latent size.

    ``threshold`` is the value that became 0.5, of a map that ``source`` names; ``rule`` found it.
    ``find_spread`` works out the standard error, which few ask for and a cell head takes long for.
    """

    soft: NDArray[np.float32]
    find_spread: Callable[[], Array]
    threshold: float
    source: str
    rule: str

    @property
    def spread(self) -> NDArray[np.float32]:
        """The standard error (h, w) of ``soft``; nan after one draw."""
        return self.find_spread().astype(np.float32)


def soften(raw: RawMaps, settings: SoftenSettings, head: CellHead | None = None) -> SoftMap:
    """Return the soft mask of one query.

    Negative evidence counts as 0. A map that is the same everywhere points at nothing: all 0.
    ``head`` is that of the model's card.
    """
    if settings.head and head is not None and is_whole(raw):
        cells = _filled(find_cells(raw, head), settings.fill).astype(np.float32)
        return SoftMap(cells, partial(cell_spread, raw, head), 0.5, "cells", HEAD)
    values, relative = _join(raw, settings)
    threshold = _threshold(values, settings)
    if threshold <= 0 or np.ptp(values) <= 1e-6 * values.max():
        dark = np.zeros(values.shape, np.float32)
        zeros = partial(np.zeros, values.shape)
        return SoftMap(dark, zeros, threshold, _source(raw, settings), settings.rule)
    values = np.maximum(values, 1e-6 * threshold)  # 0 has no logarithm
    soft = special.expit(settings.steepness * np.log(values / threshold))
    slope = settings.steepness * soft * (1 - soft)
    return SoftMap(
        soft=_filled(soft, settings.fill).astype(np.float32),
        find_spread=partial(np.multiply, slope, relative),
        threshold=threshold,
        source=_source(raw, settings),
        rule=settings.rule,
    )


def _source(raw: RawMaps, settings: SoftenSettings) -> str:
    joined = raw.words is not None and settings.attention
    return f"{settings.statistic} x attention" if joined else settings.statistic


def _join(raw: RawMaps, settings: SoftenSettings) -> tuple[Array, Array]:
    """Return m^power (c / max c)^attention and its relative standard error, both (h, w).

    m is the blurred statistic, c how much the words of the query were looked at; without attention
    it is m as it is. Their errors are taken as independent, though both come from the same noises.
    """
    values = np.maximum(blur(getattr(raw, settings.statistic), settings.blur), 0)
    error = getattr(raw, f"{settings.statistic}_spread").astype(float)
    relative = _relative(np.sqrt(blur(error**2, settings.blur)), values)
    if raw.words is None or raw.words_spread is None or settings.attention == 0:
        return values, relative
    words = raw.words.mean(0, dtype=float)
    seen = settings.attention * _relative(raw.words_spread, words)
    values = (
        values**settings.power
        * (words / max(words.max(), np.finfo(float).tiny)) ** settings.attention
    )
    return values, np.hypot(settings.power * relative, seen)


def _relative(error: NDArray[Any], values: Array) -> Array:
    found: Array = error / np.maximum(values, 1e-6 * max(values.max(), np.finfo(float).tiny))
    return found


def _threshold(values: NDArray[np.float64], settings: SoftenSettings) -> float:
    if np.ptp(values) == 0:  # the rules divide by the range
        return settings.scale * float(values.flat[0])
    return settings.scale * float(_RULES[settings.rule](values))


def _filled(soft: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return ``soft`` with its dark holes raised to their rim.

    A hole is enclosed on all sides and not larger than ``share`` of the map: difference maps are
    hollow inside flat things, but a garden inside a fence is not fence.
    """
    largest = int(share * soft.size)
    if largest < 1 or min(soft.shape) < 3:
        return soft
    flooded = np.full_like(soft, soft.max())
    edge = np.ones(soft.shape, bool)
    edge[1:-1, 1:-1] = False
    flooded[edge] = soft[edge]
    enclosed = morphology.reconstruction(flooded, soft, method="erosion")
    small = morphology.area_closing(soft, area_threshold=largest + 1)
    filled: NDArray[np.float64] = np.minimum(enclosed, small)
    return filled
