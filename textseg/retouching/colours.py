"""Exact colours: filled in, or given to a thing that keeps its shading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage import color

from textseg.retouching.edges import Weight
from textseg.retouching.tones import Colours
from textseg.segmentation.soft import HALF

Colour = NDArray[np.float32]
"""(3,) red, green and blue in [0, 1]."""


def fill(rgb: Colours, weight: Weight, colour: Colour) -> Colours:
    """Return one colour everywhere: the pixels with a weight of 1 get exactly this one."""
    return np.broadcast_to(colour, rgb.shape)


def recolour(rgb: Colours, weight: Weight, colour: Colour) -> Colours:
    """Return the colours with another hue and chroma, the shading as it was.

    In CIELAB each pixel gets the a and b of ``colour``, and its lightness goes up or down with that
    of all, until the mean inside the weight is ``colour``: exactly, as long as no pixel leaves the
    range of what can be shown. One that would is cut off there, so that what is made white or black
    keeps its shades, and in the mean some grey.
    """
    inside = weight > 0
    lab = color.rgb2lab(rgb[inside])
    asked = color.rgb2lab(colour)
    level = np.average(lab[:, 0], weights=weight[inside])
    lab[:, 0] += asked[0] - level
    lab[:, 0] = lab[:, 0].clip(0, 100)
    lab[:, 1:] = asked[1:]
    # a darker yellow than this has less than no light in it (CIE 15: Z < 0 from 200 / 116 on)
    lab[:, 2] = np.minimum(lab[:, 2], 199 / 116 * (lab[:, 0] + 16))
    given = color.lab2rgb(lab)
    given += colour - np.average(given, axis=0, weights=weight[inside])
    found = rgb.copy()
    found[inside] = given.clip(0, 1)
    return found


def mean_colour(rgb: Colours, weight: Weight) -> Colour:
    """Return the mean colour of the pixels that are inside, or of all that are a little."""
    inside = weight > HALF
    pixels = rgb[inside if inside.any() else weight > 0]
    return np.asarray(pixels.mean(0, dtype=np.float64), np.float32)
