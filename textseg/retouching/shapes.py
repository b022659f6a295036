"""Crops, cut-outs and outlines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from textseg.editing.masks import box_around
from textseg.images import Picture
from textseg.retouching.edges import Frame, Weight

THICKEST = 0.02  # of the longer side: the widest outline


def crop(picture: Picture, box: Frame) -> Picture:
    """Return the part of a picture inside of (left, top, right, bottom), pixel by pixel."""
    left, top, right, bottom = box
    part = slice(top, bottom), slice(left, right)
    alpha = None if picture.alpha is None else picture.alpha[part]
    return replace(picture, rgb=picture.rgb[part], alpha=alpha)


def crop_box(weight: Weight, *, margin: float, aspect: float | None) -> Frame:
    """Return (left, top, right, bottom) of a crop around all that has a weight.

    Args:
        weight: (H, W), not all zero.
        margin: what is added on every side, as a share of the longer side of the thing, where the
            picture has it.
        aspect: width over height to the nearest pixel; None: that of the thing. The box is made
            longer for that; where the picture has no room, it is the largest that fits.
    """
    height, width = weight.shape
    top, left, bottom, right = box_around(weight, 0, 1)
    extra = round(margin * max(bottom - top, right - left))
    top, bottom = max(0, top - extra), min(height, bottom + extra)
    left, right = max(0, left - extra), min(width, right + extra)
    if aspect is None:
        return left, top, right, bottom
    tall = max(float(bottom - top), (right - left) / aspect)
    tall = min(tall, height, width / aspect)
    down, across = max(1, round(tall)), max(1, min(width, round(tall * aspect)))
    top = _start((top + bottom) / 2, down, height)
    left = _start((left + right) / 2, across, width)
    return left, top, left + across, top + down


def cut_out(picture: Picture, weight: Weight) -> Picture:
    """Return the picture with all else transparent; its colours are there as before, unseen."""
    alpha = weight if picture.alpha is None else weight * picture.alpha
    return replace(picture, alpha=alpha, mode="RGBA")


def outline(weight: Weight, amount: float) -> Weight:
    """Return where a line around a thing is: outside of it, touching it.

    It is ``amount`` * ``THICKEST`` of the longer side wide, a pixel at least.
    """
    thick = max(1.0, amount * THICKEST * max(weight.shape))
    away = ndimage.distance_transform_edt(weight < 1)
    line = np.where(weight < 1, (thick + 1 - away).clip(0, 1), 0)
    return np.asarray(np.minimum(line, 1 - weight), np.float32)


def _start(middle: float, length: int, side: int) -> int:
    return min(max(round(middle - length / 2), 0), side - length)
