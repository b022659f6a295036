"""Pictures as tensors, and sides that a model can divide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


def new_tensor(values: NDArray[Any]) -> Tensor:
    """Return a tensor of the same shape and type; unlike ``torch.from_numpy`` it shares nothing.

    That one warns of read-only arrays, which all arrays of results are.
    """
    import torch

    return torch.tensor(values)


def to_tensor(rgb: NDArray[np.float32]) -> Tensor:
    """Return (H, W, 3) as a new float32 tensor (1, 3, H, W)."""
    return new_tensor(np.asarray(rgb, np.float32).transpose(2, 0, 1))[None].contiguous()


def to_rgb(tensor: Tensor) -> NDArray[np.float32]:
    """Return (1, 3, H, W) or (3, H, W) as (H, W, 3) float32, clipped to [0, 1], on the CPU."""
    image = tensor.detach().reshape(tensor.shape[-3:]).permute(1, 2, 0).float().cpu().numpy()
    return np.asarray(image, np.float32).clip(0, 1)


@dataclass(frozen=True)
class Padding:
    """What was added below and to the right of an image.

    Attributes:
        size: (H, W) before.
        padded: (H, W) after.
    """

    size: tuple[int, int]
    padded: tuple[int, int]

    def crop(self, tensor: Tensor) -> Tensor:
        """Return (..., h, w) without the padding.

        The tensor may be at the padded size or at a latent size, which is that size divided by a
        stride; of a latent tensor every cell is kept that covers a pixel of the image, if in part.

        Raises:
            ValueError: the last two sides are not the padded size divided by one whole number.
        """
        height, width = tensor.shape[-2:]
        stride = self.padded[0] // max(height, 1)
        if (height * stride, width * stride) != self.padded:
            given, padded = size_words((height, width)), size_words(self.padded)
            raise ValueError(f"cannot crop {given}: the padded image is {padded}")
        rows, cols = (-(-side // stride) for side in self.size)
        return tensor[..., :rows, :cols]


def pad_to_multiple(image: Tensor, multiple: int) -> tuple[Tensor, Padding]:
    """Return (..., H, W) mirrored below and to the right up to a multiple of ``multiple``, and how.

    Any size works: a side shorter than its padding is mirrored repeatedly, a single row repeated.
    """
    height, width = image.shape[-2:]
    padded = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
    rows, cols = _mirrored(height, padded[0]), _mirrored(width, padded[1])
    return image[..., rows, :][..., cols], Padding(size=(height, width), padded=padded)


def _mirrored(length: int, padded: int) -> list[int]:
    period = max(2 * (length - 1), 1)
    return [min(i % period, period - i % period) if length > 1 else 0 for i in range(padded)]


def size_words(size: Sequence[int]) -> str:
    """Return a size (H, W, ...) as people say it: width x height."""
    height, width = size[:2]
    return f"{width} x {height}"
