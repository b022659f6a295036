"""What a panel leaves behind where no widget can be shown: one picture, as JPEG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.images import to_uint8
from textseg.panels.leaves import picture_bytes
from textseg.panels.shown import Shown
from textseg.segmentation.drawing import COLOURS, MaskLayer, display_scale, overlay

LONGEST: Final = 768  # pixels along a side: enough for a page, little in a notebook's file
SIDE_BY_SIDE: Final = 1152


def with_masks(rgb: NDArray[np.float32], shown: Sequence[Shown], cut: float) -> bytes:
    """Return the picture (H, W, 3) with the masks that are present lit up, as a JPEG file."""
    small = _fitted(rgb)
    size = small.shape[:2]
    layers = [
        MaskLayer(_resized(each.mask.soft, size), COLOURS[k % len(COLOURS)], cut)
        for k, each in enumerate(shown)
        if each.present
    ]
    if not layers:
        return picture_bytes(small)
    return jpeg(overlay(small, layers, enlarge=display_scale((size[0], size[1]))), longest=LONGEST)


def jpeg(image: Image.Image, *, longest: int = SIDE_BY_SIDE) -> bytes:
    """Return a picture as a JPEG file, of so many pixels along a side at most."""
    return picture_bytes(np.asarray(image, np.float32) / np.float32(255), longest=longest)


def _fitted(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    image = Image.fromarray(to_uint8(rgb))
    image.thumbnail((LONGEST, LONGEST))
    return np.asarray(image, np.float32) / np.float32(255)


def _resized(soft: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    if soft.shape == size:
        return soft
    small = Image.fromarray(soft).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32).clip(0, 1)
