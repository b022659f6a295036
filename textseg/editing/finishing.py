"""The picture's own detail under the colours of an edit.

What a model makes of a place has gone through noise and its autoencoder, and comes back soft. Where
only the colour was to change, the picture itself has all the detail that is wanted: in CIELAB, its
own lightness, moved by the smoothed change that the model made of it, and the two axes of colour as
the model made them.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import color

from textseg.editing.prompts import ARTICLES
from textseg.segmentation.rivals import EVERYDAY

FADE = 1.0  # pixels over which the picture's detail sets in
_COLOURS = frozenset(word for words in EVERYDAY.qualities[0] for word in words)


def changes_colour(query: str, target: str) -> bool:
    """Return whether two phrases differ in words for colours, and in nothing else.

    >>> changes_colour("the red house", "a blue house"), changes_colour("red door", "open door")
    (True, False)
    """
    before, after = (set(text.lower().split()) - ARTICLES for text in (query, target))
    return before != after and before ^ after <= _COLOURS


def keep_detail(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    region: NDArray[np.float32],
    *,
    depth: float,
    blur: float,
) -> NDArray[np.float32]:
    """Return ``after`` with the detail of ``before`` where only colours were to change.

    Args:
        before: (H, W, 3) in [0, 1], the picture.
        after: (H, W, 3) in [0, 1], what a model made of it.
        region: (H, W) in [0, 1], where it may change.
        depth: pixels inside of the region's outline from which on the detail is kept. What lies
            around the thing has another lightness, which would show as an outline.
        blur: standard deviation in pixels, over which the change of lightness is smoothed.
    """
    deep = ndimage.distance_transform_edt(region > 0) - depth
    weight = np.clip(deep / FADE, 0, 1)[..., None]
    if not weight.any():
        return after
    inside = (deep > -1).astype(np.float32)
    lab, made = color.rgb2lab(before), color.rgb2lab(after)
    share = ndimage.gaussian_filter(inside, blur)
    moved = ndimage.gaussian_filter((made[..., 0] - lab[..., 0]) * inside, blur)
    made[..., 0] = lab[..., 0] + moved / np.maximum(share, np.finfo(np.float32).eps)
    with warnings.catch_warnings():  # colours that no screen has are cut, which is meant
        warnings.simplefilter("ignore", UserWarning)
        detailed = np.clip(color.lab2rgb(made), 0, 1)
    return np.asarray(weight * detailed + (1 - weight) * after, np.float32)
