"""The connected pieces of a mask, and which of them points and boxes mean."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from textseg.errors import InvalidInputError
from textseg.images import size_words
from textseg.segmentation.picking import Region

BOX_SHARE = 0.5  # of a piece has to lie in a box for the box to mean it
FURTHEST = 1e6  # pixels; a point may lie outside of the picture, but not anywhere

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The connected pieces of a mask.

    Attributes:
        labels: (H, W), 0 outside, elsewhere the number of the piece; specks have numbers too.
        regions: the pieces that are no specks, the largest first.
        numbers: those of the regions.
    """

    labels: NDArray[np.intp]
    regions: tuple[Region, ...]
    numbers: tuple[int, ...]

    @property
    def all_numbers(self) -> set[int]:
        """The numbers of all pieces, specks too."""
        return set(range(1, int(self.labels.max()) + 1))

    def domain(self, numbers: Iterable[int]) -> NDArray[np.bool_]:
        """Return the pixels (H, W) that are nearer to these pieces than to any other."""
        chosen = np.zeros(self.labels.max() + 1, bool)
        if len(chosen) == 1:  # there are no pieces
            return np.zeros(self.labels.shape, bool)
        chosen[list(numbers)] = True
        nearest = ndimage.distance_transform_edt(
            self.labels == 0, return_distances=False, return_indices=True
        )
        return np.asarray(chosen[self.labels[tuple(nearest)]])

    def under(self, points: Sequence[Point]) -> set[int]:
        """Return the numbers of the pieces under the points, each (row, col).

        Raises:
            InvalidInputError: no point, or one that is on no piece.
        """
        height, width = self.labels.shape
        found = set()
        for row, col in check_points(points):
            at = (math.floor(row + 0.5), math.floor(col + 0.5))
            within = 0 <= at[0] < height and 0 <= at[1] < width
            number = int(self.labels[at]) if within else 0
            if not number:
                raise InvalidInputError(
                    f"there is no region at row {row:g}, column {col:g} of "
                    f"{size_words((height, width))} pixels",
                    hint="point at a place that is lit up",
                )
            found.add(number)
        return found

    def inside(self, boxes: Sequence[Box]) -> set[int]:
        """Return the numbers of the pieces of which ``BOX_SHARE`` or more lies in one of the boxes.

        Raises:
            InvalidInputError: no box, or one that no piece lies in.
        """
        if not boxes:
            raise InvalidInputError("there is no box", hint="give (left, top, right, bottom)")
        found = set()
        areas = np.bincount(self.labels.ravel())
        for box in boxes:
            inner = np.bincount(self.labels[_slices(box)].ravel(), minlength=len(areas))
            hit = set((1 + np.flatnonzero(inner[1:] >= BOX_SHARE * areas[1:])).tolist())
            if not hit:
                raise InvalidInputError(
                    f"no region lies in the box {box} with half of its pixels",
                    hint="draw it around a region; it is (left, top, right, bottom)",
                )
            found |= hit
        return found


def find_pieces(soft: NDArray[np.float32], binary: NDArray[np.bool_], least_area: float) -> Pieces:
    """Return the connected pieces of a binary mask (H, W); pixels that touch at a corner connect.

    Pieces of less than ``least_area`` pixels are specks, and no regions. The score of a region is
    the mean of ``soft``.
    """
    labels = np.asarray(measure.label(binary, connectivity=2), np.intp)
    rows, cols = np.nonzero(labels)
    at = labels[rows, cols]
    areas = np.bincount(at)
    means = [
        np.bincount(at, weights=values) / np.maximum(areas, 1)
        for values in (rows, cols, soft[rows, cols])
    ]
    largest_first = [int(k) for k in np.argsort(-areas, kind="stable") if k and areas[k]]
    numbers = tuple(k for k in largest_first if areas[k] >= least_area)
    boxes = ndimage.find_objects(labels)
    regions = []
    for k in numbers:
        down, across = boxes[k - 1]
        row, col, score = (float(mean[k]) for mean in means)
        box = (across.start, down.start, across.stop, down.stop)
        regions.append(Region(box, int(areas[k]), (row, col), score))
    return Pieces(labels, tuple(regions), numbers)


def check_points(points: Sequence[Point]) -> NDArray[np.float64]:
    """Return points as (n, 2).

    Raises:
        InvalidInputError: none, no pairs of numbers, or far from any picture.
    """
    try:
        found = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        raise InvalidInputError(
            "there is no point to go by", hint="points are pairs of numbers (row, column)"
        )
    if not (np.abs(found) <= FURTHEST).all():
        raise InvalidInputError(f"a point lies at most {FURTHEST:,.0f} pixels away")
    return found


def _slices(box: Box) -> tuple[slice, slice]:
    """Return the rows and columns of a box; raises where it is none."""
    try:
        left, top, right, bottom = (max(0, round(side)) for side in box)
    except (TypeError, ValueError, OverflowError):
        left = top = right = bottom = 0
    if left >= right or top >= bottom:
        raise InvalidInputError(
            f"a box is (left, top, right, bottom) with pixels in it, got {reprlib.repr(box)}"
        )
    return slice(top, bottom), slice(left, right)
