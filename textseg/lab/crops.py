"""Regions of pictures as the judge sees them: a box, some margin, squared, at the judge's size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MARGIN = 0.15
"""Added on each side of a box, as a share of its longer side."""

Box = tuple[float, float, float, float]
"""Top, left, bottom, right in pixels; bottom and right are one past the last."""


def box_of(mask: NDArray[np.bool_]) -> Box:
    """Return the box of a mask (h, w) that is not empty."""
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return float(rows[0]), float(cols[0]), float(rows[-1] + 1), float(cols[-1] + 1)


def box_of_cells(coverage: np.ndarray, step: int) -> Box:
    """Return about the box of a thing known only by the share of each cell that it covers.

    Args:
        coverage: (cells, cells) shares in [0, 1], not all below one in fifty.
        step: side of a cell in pixels.
    """
    top, left, bottom, right = (int(v) for v in box_of(coverage > 0.02))
    across, down = coverage.max(0), coverage.max(1)
    # an outer cell that is half covered is reached about half-way
    return (
        step * (top + 1 - down[top]),
        step * (left + 1 - across[left]),
        step * (bottom - 1 + down[bottom - 1]),
        step * (right - 1 + across[right - 1]),
    )


def cropped(image: np.ndarray, box: Box, *, size: int, margin: float = MARGIN) -> np.ndarray:
    """Return the square around a box (size, size, 3) uint8; the edge goes on beyond the picture.

    Args:
        image: (h, w, 3) uint8.
        box: what to look at.
        size: side of the result in pixels.
        margin: added on each side of the box, as a share of its longer side.
    """
    top, left, bottom, right = box
    half = (0.5 + margin) * max(bottom - top, right - left)
    row, col = (top + bottom) / 2, (left + right) / 2
    height, width = image.shape[:2]
    beyond = max(half - row, half - col, row + half - height, col + half - width, 0.0)
    pad = int(np.ceil(beyond))
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge") if pad else image
    corners = (col - half + pad, row - half + pad, col + half + pad, row + half + pad)
    picture = Image.fromarray(padded)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, box=corners))
