"""Which pixels and which latents an edit may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from textseg.errors import InvalidInputError
from textseg.images import Picture, new_tensor, size_words
from textseg.segmentation.soft import check_scale, mask_values

LUMA = (0.299, 0.587, 0.114)  # shares of red, green and blue in brightness (ITU-R BT.601)
FEATHER = 0.25  # latent cells
MOST = 0.5  # a mask of more than this share of the picture is what stands behind everything
TAKEN = 0.25  # share of a cell under the mask from which on it may change freely


@dataclass(frozen=True)
class MaskShape:
    """How a found mask is widened and softened, in pixels of the picture.

    Attributes:
        grow: the mask is widened by so much, so that outlines and shadows change as well.
        feather: it rises from 0 to 1 over so much, inwards from its outline.
    """

    grow: float
    feather: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in (("grow", self.grow), ("feather", self.feather)):
            if not 0 <= value < float("inf"):
                raise InvalidInputError(f"{name} is a number of pixels from 0 up, got {value}")

    @classmethod
    def of_cells(cls, grow: float, pixels: float) -> MaskShape:
        """Return a shape that grows by so many latent cells, each ``pixels`` wide."""
        return cls(grow=grow * pixels, feather=FEATHER * pixels)


def shape_mask(
    binary: NDArray[np.bool_], shape: MaskShape, *, spared: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Return a soft mask (H, W) for a binary one.

    Its holes are filled, since what a thing encloses changes with it; then it is widened, and falls
    off inside its outline. Pixels that are ``spared`` (H, W) stay out of it all the same.
    """
    if not binary.any():
        return np.zeros(binary.shape, np.float32)
    wide = np.asarray(ndimage.binary_fill_holes(binary))
    if shape.grow > 0:
        wide = ndimage.distance_transform_edt(~wide) <= shape.grow
    if spared is not None:
        wide = wide & ~spared
    if shape.feather == 0 or wide.all():
        return wide.astype(np.float32)
    inside = ndimage.distance_transform_edt(wide)
    return np.asarray(np.clip(inside / (shape.feather + 1), 0, 1), np.float32)


def check_mask(
    mask: NDArray[Any], size: tuple[int, int], *, resize: bool = False
) -> NDArray[np.float32]:
    """Return the mask that an edit is to be confined to; as ``fitted_mask``, but never empty.

    Raises:
        InvalidInputError: wrong shape, size, type or range, or 0 everywhere.
    """
    values = fit_mask(mask, size, resize=resize)
    if not values.any():
        raise InvalidInputError(
            "the mask is 0 (black) everywhere, so nothing may change",
            hint="give it 1 (white) where the picture may change",
        )
    return values


def paint_mask(painted: Picture, size: tuple[int, int], *, resize: bool) -> NDArray[np.float32]:
    """Return a painted mask as (H, W) in [0, 1]: its brightness, 0 where it is transparent.

    Raises:
        InvalidInputError: it has another size, and is not to be resized; it has a palette of
            colours, its full scale is not white, or nothing in it may change.
    """
    if painted.mode in ("P", "PA") and np.ptp(painted.rgb, axis=2).any():
        raise InvalidInputError(
            "the mask has a palette of colours, as labels have, and in a mask brightness counts",
            hint="save it with white for the label that is meant and black for all else",
        )
    bright = np.clip(painted.rgb.astype(np.float64) @ LUMA, 0, 1).astype(np.float32)
    values = bright if painted.alpha is None else bright * painted.alpha
    top = 65535 if painted.mode.startswith("I") or painted.mode.endswith(";16") else 255
    check_scale(round(float(values.max()) * top), top)
    return check_mask(values, size, resize=resize)


def fit_mask(
    mask: NDArray[Any],
    size: tuple[int, int],
    *,
    resize: bool = False,
    option: str = "resize_mask",
) -> NDArray[np.float32]:
    """Return a mask that a caller gave as (H, W) float32 in [0, 1].

    Args:
        mask: as ``mask_values`` takes it; 1 = may change.
        size: (H, W) of the picture.
        resize: bring a mask of another size to that size (bilinear) instead of refusing it.
        option: what the caller's caller calls ``resize``.

    Raises:
        InvalidInputError: wrong shape, size, type or range.
    """
    values = mask_values(mask)
    if values.shape == size:
        return values
    if not resize:
        raise InvalidInputError(
            f"the mask is {size_words(values.shape)} pixels, the picture {size_words(size)}",
            hint=f"give a mask of the picture's size, or set {option}",
        )
    return _resized(values, size)


def latent_mask(mask: Tensor, stride: int) -> Tensor:
    """Return the mask (1, 1, h, w) of latent cells for a mask (1, 1, H, W) of pixels.

    A cell may change freely once ``TAKEN`` of it lies under the mask: pixels outside are put back
    afterwards, while a cell that is held fast would keep the old thing's edge inside the mask. No
    cell may change more than the pixel in it that may change most, so that soft masks stay soft.
    """
    share = torch.nn.functional.avg_pool2d(mask, stride)
    return torch.minimum(share / TAKEN, torch.nn.functional.max_pool2d(mask, stride))


def box_around(mask: NDArray[np.float32], margin: int, least: int) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) around all that may change, end exclusive.

    Args:
        mask: (H, W), not all zero.
        margin: pixels to add on every side where the picture has them.
        least: shortest side in pixels, where the picture has them.
    """
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, bottom = _span(int(rows[0]), int(rows[-1]) + 1, mask.shape[0], margin, least)
    left, right = _span(int(cols[0]), int(cols[-1]) + 1, mask.shape[1], margin, least)
    return top, left, bottom, right


def _span(start: int, end: int, length: int, margin: int, least: int) -> tuple[int, int]:
    wanted = min(length, max(end - start + 2 * margin, least))
    first = (start + end - wanted) // 2
    first = min(max(first, 0), length - wanted)
    return first, first + wanted


def _resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    found = torch.nn.functional.interpolate(
        new_tensor(values)[None, None], size=size, mode="bilinear", antialias=True
    )
    return np.asarray(found[0, 0].clamp(0, 1).numpy(), np.float32)
