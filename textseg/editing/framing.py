"""Where a picture shows things that another one of its size shows elsewhere.

The frame is found by the enhanced correlation coefficient, which does not mind brightness and
contrast (Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation
coefficient maximization", IEEE TPAMI 30(10), 2008), in OpenCV's implementation, from coarse to
fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from textseg.errors import MissingExtraError

Array = NDArray[np.float32]
Where = NDArray[np.bool_]

COARSEST = 48  # pixels of the shortest side at the coarsest level
STEPS, SETTLED = 50, 1e-5  # of the search at a level, and the gain in correlation that ends it
BLUR = 5  # pixels; OpenCV's default
FURTHEST = 0.15  # of a side: an answer beyond is none
ZOOMS = (0.8, 1.25)
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Framing:
    """Where a picture shows things: ``zoom`` times as large, from its centre, and moved by shift.

    Attributes:
        shift: (rows, columns) in pixels.
        zoom: (rows, columns).
    """

    shift: tuple[float, float] = (0.0, 0.0)
    zoom: tuple[float, float] = (1.0, 1.0)

    def matrix(self, size: tuple[int, int]) -> Array:
        """Return the (2, 3) map of points (column, row) from this frame to that of the original."""
        centre = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
        back = 1 / np.array(self.zoom[::-1])
        offset = centre - back * (centre + self.shift[::-1])
        return np.asarray(np.column_stack([np.diag(back), offset]), np.float32)

    @classmethod
    def of(cls, matrix: Array, size: tuple[int, int]) -> Framing:
        """Return the frame of a map that may also turn and shear a little: that is left out."""
        centre = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
        there = np.linalg.inv(matrix[:, :2].astype(np.float64))
        right, down = there @ (centre - matrix[:, 2]) - centre
        return cls((float(down), float(right)), (float(there[1, 1]), float(there[0, 0])))

    def scaled(self, rows: float, cols: float) -> Framing:
        """Return the same frame of a picture whose sides are so many times as long."""
        return Framing((self.shift[0] * rows, self.shift[1] * cols), self.zoom)

    def undo(self, values: Array) -> Array:
        """Return a picture (H, W, 3) or mask (H, W) moved to where the original shows things.

        What it does not show repeats its border; of a mask it is 0.
        """
        if self == Framing():
            return values
        cv2, size = opencv(), (values.shape[0], values.shape[1])
        border = cv2.BORDER_REPLICATE if values.ndim == 3 else cv2.BORDER_CONSTANT
        moved = cv2.warpAffine(
            np.asarray(values),
            self.matrix(size),
            size[::-1],
            flags=cv2.INTER_CUBIC,
            borderMode=border,
        )
        return np.asarray(moved, np.float32)

    def possible(self, size: tuple[int, int]) -> bool:
        """Tell whether an editor may have done that to a picture of this size."""
        near = (abs(by) < FURTHEST * side for by, side in zip(self.shift, size, strict=True))
        return all(near) and all(ZOOMS[0] < zoom < ZOOMS[1] for zoom in self.zoom)


def find_frame(before: Array, after: Array, kept: Where, *, start: Framing) -> Framing:
    """Return the frame in which ``after`` shows what ``before`` shows.

    Args:
        before: (H, W, 3).
        after: (H, W, 3).
        kept: (H, W), the places of ``before`` that tell.
        start: where to begin; what comes back where nothing can be told.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    cv2, found, whole = opencv(), start, (before.shape[0], before.shape[1])
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, SETTLED)
    grey = before @ GREY, after @ GREY
    for share in _shares(whole):
        here, there = (scaled(values, share) for values in grey)
        where = (scaled(kept.astype(np.float32), share) > 0.999).astype(np.uint8)
        size = (here.shape[0], here.shape[1])
        sides = size[0] / whole[0], size[1] / whole[1]
        near = found.scaled(*sides).matrix(size)
        try:
            # the other way round, since the mask belongs to what is moved
            _, matrix = cv2.findTransformECC(
                there, here, near, cv2.MOTION_AFFINE, criteria, where, BLUR
            )
        except cv2.error:  # nothing to go by at this level
            continue
        new = Framing.of(matrix, size).scaled(1 / sides[0], 1 / sides[1])
        found = new if new.possible(whole) else found
    return found


def _shares(size: tuple[int, int]) -> Iterator[float]:
    """Yield how large the levels are, the finest last."""
    halvings = max(0, int(np.log2(max(1, min(size) / COARSEST))))
    yield from (0.5**k for k in range(halvings, -1, -1))


def scaled(values: Array, share: float) -> Array:
    """Return a picture or mask whose sides are ``share`` as long, each pixel a mean of its own."""
    if share == 1:
        return values
    cv2 = opencv()
    height, width = (max(1, round(side * share)) for side in values.shape[:2])
    found = cv2.resize(
        np.asarray(values, np.float32), (width, height), interpolation=cv2.INTER_AREA
    )
    return np.asarray(found, np.float32)


def opencv() -> ModuleType:
    """Return the library; raises ``MissingExtraError`` where it is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError(
            "finding how a picture was moved needs OpenCV", hint="pip install 'textseg[register]'"
        ) from error
    return cv2
