"""From a query's raw map to a soft mask in [0, 1] at latent size.

Blur, find a threshold, map values to [0, 1] so that the threshold lands on 0.5, and fill holes.
Each step looks at this query's map only. How likely the query is in the picture at all decides
later how bright the whole mask may be: what is not there comes out dark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special
from skimage import filters, morphology

from textseg.diffusion.mask_settings import Rule
from textseg.diffusion.mask_settings import SoftenSettings as SoftenSettings
from textseg.segmentation.difference import RawMaps

_RULES: dict[Rule, Callable[[NDArray[Any]], float]] = {
    "otsu": filters.threshold_otsu,
    "li": filters.threshold_li,
    "triangle": filters.threshold_triangle,
    "mean": np.mean,
    "fixed": lambda _: 1.0,
}


@dataclass(frozen=True)
class SoftMap:
    """A soft mask (h, w) in [0, 1] at latent size, and its standard error (nan after one draw).

    ``threshold`` is the value of the blurred statistic that became 0.5, in the statistic's units.
    """

    soft: NDArray[np.float32]
    spread: NDArray[np.float32]
    threshold: float


def soften(raw: RawMaps, settings: SoftenSettings) -> SoftMap:
    """Return the soft mask of one query.

    Negative evidence counts as 0. A map that is the same everywhere points at nothing: all 0.
    """
    values = np.maximum(blur(getattr(raw, settings.statistic), settings.blur), 0)
    variance = blur(getattr(raw, f"{settings.statistic}_spread").astype(float) ** 2, settings.blur)
    threshold = _threshold(values, settings)
    if threshold <= 0 or np.ptp(values) <= 1e-6 * values.max():
        dark = np.zeros(values.shape, np.float32)
        return SoftMap(soft=dark, spread=dark.copy(), threshold=threshold)
    values = np.maximum(values, 1e-6 * threshold)  # 0 has no logarithm
    soft = special.expit(settings.steepness * np.log(values / threshold))
    slope = settings.steepness * soft * (1 - soft) / values
    return SoftMap(
        soft=_filled(soft, settings.fill).astype(np.float32),
        spread=(slope * np.sqrt(variance)).astype(np.float32),
        threshold=threshold,
    )


def blur(values: NDArray[Any], blur: float) -> NDArray[np.float64]:
    """Return (h, w) blurred by ``blur`` cells; the map goes on beyond its edge as at the edge."""
    if blur == 0:
        return values.astype(float)
    found: NDArray[np.float64] = ndimage.gaussian_filter(values.astype(float), blur, mode="nearest")
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
