"""Brightness, contrast, saturation and sharpness: each returns colours (H, W, 3) for all pixels.

They get the colours (float32 in [0, 1]), the weight (H, W) of where they are wanted, and how much
(0 is nothing); who calls them mixes the result in by that weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.editing.masks import LUMA
from textseg.retouching.edges import Weight

Colours = NDArray[np.float32]

WIDEST = 0.1  # of the longer side: the standard deviation of the strongest blur
BOXES = 3  # that many box filters are nearly a Gaussian (W. M. Wells 1986), at any width as fast
_NOTHING = 1e-6  # less weight than that around a pixel is none


def blur(rgb: Colours, weight: Weight, amount: float) -> Colours:
    """Return the colours blurred; what lies outside of the weight does not run in.

    Each pixel is the weighted mean of those around it (normalised convolution: H. Knutsson, C.-F.
    Westin 1993), with a standard deviation of ``amount`` * ``WIDEST`` of the longer side.
    """
    width = amount * WIDEST * max(weight.shape)
    half = ((12 * width**2 / BOXES + 1) ** 0.5 - 1) / 2
    box = 2 * max(1, round(half)) + 1  # odd: it has a middle
    around = _boxed(weight, box)
    mean = np.stack([_boxed(rgb[..., k] * weight, box) for k in range(3)], -1)
    mean /= np.maximum(around, _NOTHING)[..., None]
    return np.where(around[..., None] > _NOTHING, mean.clip(0, 1), rgb)


def grey(rgb: Colours, weight: Weight, amount: float) -> Colours:
    """Return the colours ``amount`` of the way to the grey that is as bright; 1 is all grey."""
    return saturate(rgb, weight, -amount)


def dim(rgb: Colours, weight: Weight, amount: float) -> Colours:
    """Return the colours darker and greyer, so that all else stands out; 1 is black."""
    return grey(rgb, weight, amount / 2) * np.float32(1 - amount)


def brighten(rgb: Colours, weight: Weight, amount: float) -> Colours:
    """Return the colours brighter, black and white as they are; the mirror image of ``darken``."""
    return 1 - darken(1 - rgb, weight, amount)


def darken(rgb: Colours, weight: Weight, amount: float) -> Colours:
    """Return the colours darker, black and white as they are: c ** (1 + amount)."""
    return rgb ** np.float32(1 + amount)


def contrast(rgb: Colours, weight: Weight, amount: float) -> Colours:
    """Return the colours (1 + amount) times as far from the mean brightness inside the weight.

    Below 0 is less contrast; -1 is none.
    """
    middle = np.float32(np.average(_bright(rgb), weights=weight))
    return (middle + np.float32(1 + amount) * (rgb - middle)).clip(0, 1)


def saturate(rgb: Colours, weight: Weight, amount: float) -> Colours:
    """Return the colours (1 + amount) times as far from grey; below 0 is greyer, -1 is grey."""
    middle = _bright(rgb)[..., None]
    return (middle + np.float32(1 + amount) * (rgb - middle)).clip(0, 1)


def _bright(rgb: Colours) -> NDArray[np.float32]:
    return rgb @ np.array(LUMA, np.float32)


def _boxed(values: NDArray[np.float32], box: int) -> NDArray[np.float32]:
    for _ in range(BOXES):  # a pixel beyond the frame weighs nothing
        values = ndimage.uniform_filter(values, box, mode="constant")
    return np.maximum(values, 0)
