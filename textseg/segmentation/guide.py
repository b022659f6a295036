"""The picture's share in refining masks: where latent cells lie on it, and what it says of edges.

Much of that depends on the picture alone. A ``GuideImage`` works it out when it is first wanted and
keeps it, so that all that is looked for in one picture shares it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.diffusion.mask_settings import RefineSettings
from textseg.segmentation.superpixels import Labels, find_superpixels

Array = NDArray[np.float32]
T = TypeVar("T")

VOTING_PIXELS = 256  # for each cell, at most: more take long, and vote no better


@dataclass(frozen=True)
class CellGrid:
    """How latent cells lie on a picture: ``size`` is (H, W), ``cells`` how many cover it.

    The first cell starts at the picture's upper left corner; the last ones may reach beyond it.
    """

    size: tuple[int, int]
    cells: tuple[float, float]

    @property
    def pixels(self) -> float:
        """Length of a cell's side in pixels."""
        return float(np.sqrt(self.size[0] * self.size[1] / (self.cells[0] * self.cells[1])))

    def share(self, cells: float) -> float:
        """Return the share of the picture that so many cells cover."""
        return cells / (self.cells[0] * self.cells[1])

    def enlarge(self, values: NDArray[Any], order: int = 3) -> Array:
        """Return (h, w) at the picture's size, by splines of ``order`` between centres of cells."""
        values = values.astype(np.float32)
        pitch = [cells / pixels for cells, pixels in zip(self.cells, self.size, strict=True)]
        if order == 1:
            wide = _between(values, pitch[1], self.size[1], axis=1)
            return _between(wide, pitch[0], self.size[0], axis=0)
        first = [0.5 * step - 0.5 for step in pitch]
        found: Array = ndimage.affine_transform(
            values, pitch, first, self.size, order=order, mode="nearest"
        )
        return found


@dataclass(frozen=True, eq=False)
class Windows:
    """The picture's half of the colour guided filter (K. He, J. Sun, X. Tang 2013, eqs. 14-16).

    Attributes:
        side: of the windows, in pixels.
        guide: (3, h, w), the colours.
        mean: (3, h, w), of the colours in the window around each pixel.
        inverse: (3, 3, h, w), of their covariance with the regularisation on its diagonal.
    """

    side: int
    guide: Array
    mean: Array
    inverse: Array

    @classmethod
    def of(cls, rgb: Array, side: int, smoothness: float) -> Windows:
        """Return what windows of ``side`` pixels hold of a picture (h, w, 3)."""
        guide = np.ascontiguousarray(np.moveaxis(rgb, -1, 0))
        mean = box_means(guide, side)
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        products = box_means(np.stack([guide[i] * guide[j] for i, j in pairs]), side)
        rr, rg, rb, gg, gb, bb = products - np.stack([mean[i] * mean[j] for i, j in pairs])
        r, g, b = np.array(
            [[rr + smoothness, rg, rb], [rg, gg + smoothness, gb], [rb, gb, bb + smoothness]]
        )
        # the inverse of a symmetric 3 x 3 matrix has the cross products of its rows as columns
        crossed = np.stack([np.cross(*rows, axis=0) for rows in ((g, b), (b, r), (r, g))])
        return cls(side, guide, mean, crossed / (r * crossed[0]).sum(0))

    def fit(self, mask: Array) -> Array:
        """Return smoothed slopes and offset (4, h, w) of mask = slopes . guide + offset."""
        mean = box_means(mask, self.side)
        shared = box_means(self.guide * mask, self.side) - self.mean * mean
        slopes = (shared[:, None] * self.inverse).sum(0)
        offset = mean - (slopes * self.mean).sum(0)
        return box_means(np.concatenate([slopes, offset[None]]), self.side)


@dataclass(frozen=True, eq=False)
class GuideImage:
    """A picture that masks take their edges from.

    Of each thing that it works out it keeps the latest: a call has one set of settings.

    Attributes:
        rgb: (H, W, 3) in [0, 1].
        grid: how latent cells lie on it.
    """

    rgb: Array
    grid: CellGrid
    _kept: dict[str, tuple[object, Any]] = field(default_factory=dict, repr=False)  # Any: each its

    def reduced_grid(self, pixels: int) -> CellGrid:
        """Return the grid on the picture at a size of at most ``pixels``, but one for each cell."""
        height, width = self.grid.size
        most = max(pixels, self.grid.cells[0] * self.grid.cells[1])
        shrink = min(1.0, np.sqrt(most / (height * width)))
        size = max(1, round(height * shrink)), max(1, round(width * shrink))
        return replace(self.grid, size=size)

    def reduced(self, pixels: int) -> Array:
        """Return the picture at the size of ``reduced_grid(pixels)``."""
        size = self.reduced_grid(pixels).size
        return self._once("reduced", size, lambda: shrunk(self.rgb, size))

    def windows(self, settings: RefineSettings) -> Windows:
        """Return what the guided filter's windows hold of the picture."""
        grid = self.reduced_grid(settings.guide_pixels)
        side = 2 * max(1, round(settings.radius * grid.pixels)) + 1
        return self._once(
            "windows",
            (grid, side, settings.smoothness),
            lambda: Windows.of(self.reduced(settings.guide_pixels), side, settings.smoothness),
        )

    def superpixels(self, pixels: int) -> tuple[Labels, ...]:
        """Return the superpixels of the picture at a size of at most ``pixels``, way by way.

        It is at most ``VOTING_PIXELS`` for each cell.
        """
        cells = self.grid.cells[0] * self.grid.cells[1]
        enough = min(pixels, round(VOTING_PIXELS * cells))
        return self._once(
            "superpixels", enough, lambda: find_superpixels(self.reduced(enough), cells)
        )

    def _once(self, name: str, key: object, make: Callable[[], T]) -> T:
        known = self._kept.get(name)
        if known is None or known[0] != key:
            known = self._kept[name] = key, make()
        found: T = known[1]
        return found


def box_means(values: NDArray[Any], side: int) -> NDArray[Any]:
    """Return means over windows of ``side`` pixels along the last two axes."""
    found: NDArray[Any] = ndimage.uniform_filter(values, side, mode="nearest", axes=(-2, -1))
    return found


def stretch(values: Array, size: tuple[int, int]) -> Array:
    """Return values (h, w) at another size, linear between the centres of pixels."""
    for axis in (1, 0):  # whole rows are copied faster than single pixels
        if values.shape[axis] != size[axis]:
            pitch = values.shape[axis] / size[axis]
            values = _between(values, pitch, size[axis], axis=axis)
    return values


def _between(values: Array, pitch: float, pixels: int, *, axis: int) -> Array:
    """Return so many values along an axis, ``pitch`` of the old ones apart."""
    last = values.shape[axis] - 1
    at = ((np.arange(pixels) + 0.5) * pitch - 0.5).clip(0, last)
    low = at.astype(int)
    share = (at - low).astype(np.float32)
    start = values.take(low, axis)
    found: Array = values.take(np.minimum(low + 1, last), axis)
    found -= start
    found *= share if axis else share[:, None]
    found += start
    return found


def shrunk(rgb: Array, size: tuple[int, ...]) -> Array:
    """Return a picture (H, W, channels) at a smaller size, without aliasing."""
    if rgb.shape[:2] == size:
        return rgb
    import torch  # panels draw masks before it is there

    channels = torch.tensor(rgb.transpose(2, 0, 1))[None]
    found = torch.nn.functional.interpolate(channels, list(size), mode="bilinear", antialias=True)
    return found[0].permute(1, 2, 0).contiguous().numpy()
