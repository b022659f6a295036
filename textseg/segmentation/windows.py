"""Windows on a large picture, for a second look at what a first one saw too small.

A model reads a picture at about the size that it was made for, so that a thing of a few cells is
hardly seen in one much larger. In a window around it that is read at that size it is as large as
the things that the model knows. Windows fade out at their edges, but for those of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.segmentation.guide import Array, CellGrid
from textseg.segmentation.soft import HALF

MOST = 3  # windows around what one query found, those that most of it lies in
GAIN = 1.4  # how many times larger things have to get in a window for it to be worth a look
ACROSS = 3.0  # tiles along the shorter side of the picture, if they did not overlap
SHARED = 1 / 3  # of a tile's side, with its neighbour: half a thing is no thing
FADE = 1 / 8  # of a window's side, at each of its edges


@dataclass(frozen=True)
class Window:
    """Rows and columns of a picture, from top and left to before bottom and right."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def box(self) -> tuple[slice, slice]:
        """What cuts it out of a picture (H, W, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def weights(self, size: tuple[int, int]) -> Array:
        """Return how much its pixels (h, w) count in a picture of ``size``: 1, fading out."""
        down = _fading(self.top, self.bottom, size[0])
        across = _fading(self.left, self.right, size[1])
        return np.outer(down, across).astype(np.float32)


def windows_around(
    cells: Array, grid: CellGrid, native: int, *, around: float
) -> tuple[Window, ...]:
    """Return windows around the pieces of a soft mask of cells (h, w), the most of it first.

    They have ``around`` sides of their piece, and at least ``native`` pixels a side. Where nothing
    is above one half there is one around the brightest cell; around what is large already there is
    none.
    """
    inside = cells > min(HALF, 0.99 * float(cells.max()))
    labels, count = ndimage.label(inside, np.ones((3, 3)))
    totals = ndimage.sum_labels(cells, labels, np.arange(1, count + 1))
    boxes = [box for box in ndimage.find_objects(labels) if box is not None]
    pitch = [pixels / cells for pixels, cells in zip(grid.size, grid.cells, strict=True)]
    found: list[Window] = []
    for k in np.argsort(-totals, kind="stable"):
        spans = [
            (box.start * step, box.stop * step) for box, step in zip(boxes[k], pitch, strict=True)
        ]
        side = max(native, round(around * max(end - start for start, end in spans)))
        window = _placed([(start + end) / 2 for start, end in spans], side, grid.size)
        if window is not None and window not in found:
            found.append(window)
    return tuple(found[:MOST])


def tiles(size: tuple[int, int], native: int) -> tuple[Window, ...]:
    """Return overlapping windows that cover a picture (H, W), row by row; none for a small one."""
    side = max(native, round(min(size) / ACROSS))
    rows, cols = (_centres(length, side) for length in size)
    placed = (_placed([row, col], side, size) for row in rows for col in cols)
    return tuple(window for window in placed if window is not None)


def merged(whole: Array, windows: Sequence[Window], parts: Iterable[Array]) -> Array:
    """Return a mask (H, W) with what windows on it saw instead, faded into one another."""
    total, weight = np.zeros_like(whole), np.zeros_like(whole)
    for window, part in zip(windows, parts, strict=True):
        share = window.weights((whole.shape[0], whole.shape[1]))
        total[window.box] += share * part
        weight[window.box] += share
    seen = np.minimum(weight, 1)
    blended = total / np.maximum(weight, np.finfo(np.float32).tiny)
    return np.asarray((1 - seen) * whole + seen * blended, np.float32)


def _placed(
    centre: Sequence[float] | NDArray[np.float64], side: int, size: tuple[int, int]
) -> Window | None:
    """Return the square there, moved into the picture; ``None`` where it is most of it."""
    if GAIN * side > math.sqrt(size[0] * size[1]):
        return None
    height, width = (min(side, length) for length in size)
    top = min(max(0, round(centre[0] - height / 2)), size[0] - height)
    left = min(max(0, round(centre[1] - width / 2)), size[1] - width)
    return Window(top, left, top + height, left + width)


def _centres(length: int, side: int) -> NDArray[np.float64]:
    count = max(1, math.ceil((length - SHARED * side) / ((1 - SHARED) * side)))
    return np.linspace(side / 2, max(side / 2, length - side / 2), count)


def _fading(start: int, end: int, length: int) -> NDArray[np.float64]:
    """Return weights from start to end: they fall off towards ends that are not the picture's."""
    reach = max(1.0, FADE * (end - start))
    at = np.arange(end - start) + 0.5
    begin = np.ones_like(at) if start == 0 else at / reach
    finish = np.ones_like(at) if end == length else at[::-1] / reach
    return np.minimum(np.minimum(begin, finish), 1)
