"""Pictures in the size that another editor works at, and back.

Editors that get a picture of any other size stretch or cut it on their own, each in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from textseg.errors import ModelError
from textseg.images import new_tensor, pad_to_multiple, size_words, to_rgb, to_tensor, to_uint8

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Letterbox:
    """A size scaled in its own proportions, and filled up below and to the right.

    Attributes:
        size: (H, W) of the picture.
        inner: (h, w), the same scaled.
        multiple: that the sides of what is sent divide by.
    """

    size: tuple[int, int]
    inner: tuple[int, int]
    multiple: int

    @classmethod
    def of(cls, size: tuple[int, int], side: int, multiple: int) -> Letterbox:
        """Return the box with no more than about side^2 pixels for a picture of a size (H, W)."""
        scale = side / (size[0] * size[1]) ** 0.5
        room = [max(1, int(length * scale) // multiple) * multiple for length in size]
        scale = min(most / length for most, length in zip(room, size, strict=True))
        height, width = (max(1, round(length * scale)) for length in size)
        return cls(size, (height, width), multiple)

    @property
    def outer(self) -> tuple[int, int]:
        """(H, W) of what is sent."""
        height, width = (-(-side // self.multiple) * self.multiple for side in self.inner)
        return height, width

    def picture(self, rgb: Array) -> Image.Image:
        """Return a picture (H, W, 3) in the box, mirrored into what is added."""
        pixels = _scaled(to_tensor(rgb), self.inner, mode="bicubic")
        return Image.fromarray(to_uint8(to_rgb(pad_to_multiple(pixels, self.multiple)[0])))

    def mask(self, region: Array) -> Image.Image:
        """Return a mask (H, W) in the box, white wherever it is above 0."""
        touched = _scaled(new_tensor(region)[None, None], self.inner, mode="bilinear") > 0
        padded = np.zeros(self.outer, np.uint8)
        padded[: self.inner[0], : self.inner[1]] = np.where(touched[0, 0].numpy(), 255, 0)
        return Image.fromarray(padded)

    def undo(self, rgb: Array, *, name: str) -> Array:
        """Return what ``name`` gave back (h, w, 3) at the size of the picture.

        Raises:
            ModelError: it has other proportions: it was cut, and nobody knows where.
        """
        came = rgb.shape[0], rgb.shape[1]
        off = abs(came[0] * self.outer[1] / self.outer[0] - came[1])
        if off > self.multiple:
            raise ModelError(
                f"{name} was given {size_words(self.outer)} pixels and gave back "
                f"{size_words(came)}: other proportions, so it was cut or stretched",
                hint="wrap it in a function (picture, words, mask) -> picture that keeps the frame",
            )
        whole = _scaled(to_tensor(rgb), self.outer, mode="bicubic")
        inner = whole[..., : self.inner[0], : self.inner[1]]
        return to_rgb(_scaled(inner, self.size, mode="bicubic"))


def _scaled(values: torch.Tensor, size: tuple[int, int], *, mode: str) -> torch.Tensor:
    if values.shape[-2:] == size:
        return values
    found = torch.nn.functional.interpolate(
        values, size=size, mode=mode, antialias=True, align_corners=False
    )
    return found.clamp(0, 1)
