"""Masks that are put together, picked apart and corrected: ``house - door``, ``.pick("left")``.

Every operation returns a new mask and keeps it soft: "and" is the smaller value, "or" the larger
one, "not" what is missing to 1 (fuzzy sets: L. A. Zadeh 1965, "Fuzzy Sets"). Wherever a decision is
needed a mask is cut at 0.5: a pixel is inside above that.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from textseg.errors import InvalidInputError
from textseg.images import freeze, plain_array, size_words
from textseg.segmentation import drawing
from textseg.segmentation.drawing import COLOURS, MaskLayer
from textseg.segmentation.phrases import joined, negated, remarked
from textseg.segmentation.picking import Region, pick_regions, read_region_words
from textseg.segmentation.pieces import FURTHEST, Box, Pieces, Point, check_points, find_pieces
from textseg.segmentation.soft import (
    HALF,
    cut,
    in_unit_range,
    inverse,
    mask_values,
    moved,
    stroke,
    widened,
)

LONGEST_NAME = 60  # characters of a name that are shown


class MaskAlgebra(ABC):
    """What can be done with all that has a mask; nothing is changed, each returns a new ``Mask``.

    The two sides of ``&``, ``|`` and ``-`` have to be of one size, or it is an InvalidInputError.
    """

    @abstractmethod
    def as_mask(self, threshold: float | None = None) -> Mask:
        """Return the mask, with ``threshold`` moved to 0.5 where one is given."""

    def __and__(self, other: MaskAlgebra) -> Mask:
        """Return where both are."""
        return _joined("and", self, other)

    def __or__(self, other: MaskAlgebra) -> Mask:
        """Return where any of both is."""
        return _joined("or", self, other)

    def __sub__(self, other: MaskAlgebra) -> Mask:
        """Return where this is and the other is not."""
        return self & ~other if isinstance(other, MaskAlgebra) else NotImplemented

    def __invert__(self) -> Mask:
        """Return everything else: each pixel is inside of a mask or of its inverse, never both."""
        mask = self.as_mask()
        return mask._with(inverse(mask.soft), negated(mask.title), spared=mask.binary())

    def grow(self, pixels: float) -> Mask:
        """Return the mask widened: in each pixel the largest value within so many ``pixels``."""
        mask = self.as_mask()
        radius = _checked_radius(pixels)
        name = remarked(mask.title, f"grown by {radius:g}")
        return mask._with(widened(mask.soft, radius), name, spared=mask.spared)

    def shrink(self, pixels: float) -> Mask:
        """Return the mask narrowed: in each pixel the smallest value within so many ``pixels``.

        What lies beyond the edge of the picture is unknown and takes nothing away.
        """
        mask = self.as_mask()
        radius = _checked_radius(pixels)
        name = remarked(mask.title, f"shrunk by {radius:g}")
        return mask._with(-widened(-mask.soft, radius), name, spared=mask.spared)

    def pick(self, words: str) -> Mask:
        """Return the regions that the words name; none where there is no such region.

        What lies below 0.5 stays with the region it is nearest to; specks go, unless "all" is said.

        Args:
            words: "left", "second from the right", "largest" ...; see ``picking``.

        Raises:
            InvalidInputError: the words cannot be understood; what can be said is listed.
        """
        mask = self.as_mask()
        if read_region_words(words).count is None:
            return mask
        pieces = mask._pieces()
        picked = pick_regions(pieces.regions, words, mask.size)
        soft = mask.soft * pieces.domain(pieces.numbers[k] for k in picked)
        return mask._corrected(soft, " ".join(words.split()))


@dataclass(frozen=True, eq=False, repr=False)
class Mask(MaskAlgebra):
    """Where something is in a picture, found, put together or painted; the arrays are read-only.

    Attributes:
        soft: (H, W) float32 in [0, 1], cut at 0.5.
        name: what it is, in words, e.g. "house and not door".
        rgb: (H, W, 3) the picture.
        least_area: pixels; connected pieces of less are specks, and no regions.
        spared: (H, W) bool, what was taken away on purpose: an edit never widens into it. ``None``
            where nothing was.
    """

    soft: NDArray[np.float32]
    name: str
    rgb: NDArray[np.float32]
    least_area: float = 0.0
    spared: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Check shapes and range; then let nobody change the arrays."""
        for name in ("soft", "rgb"):  # a matrix, say, would multiply otherwise
            object.__setattr__(self, name, plain_array(getattr(self, name), f"{name} of a mask"))
        if self.soft.ndim != 2 or self.rgb.shape != (*self.soft.shape, 3):
            raise InvalidInputError(
                f"a mask (H, W) goes with a picture (H, W, 3), got {self.soft.shape} and "
                f"{self.rgb.shape}"
            )
        if self.soft.dtype != np.float32 or not in_unit_range(self.soft):
            beyond = "other values" if self.soft.dtype == np.float32 else str(self.soft.dtype)
            raise InvalidInputError(
                f"a soft mask is float32 in [0, 1], got {beyond}",
                hint="Mask.of(array, rgb) takes bool, integers and other floats",
            )
        if self.spared is not None and self.spared.shape != self.soft.shape:
            raise InvalidInputError(
                f"what is spared has the shape of the mask, got {self.spared.shape}"
            )
        freeze(self)

    @classmethod
    def of(cls, array: NDArray[Any], rgb: NDArray[np.float32], name: str = "") -> Mask:
        """Return the mask that an array is; its holes are meant, an edit leaves them alone.

        Args:
            array: (H, W) of bool, uint8, uint16 or floats in [0, 1]; full scale is inside.
            rgb: (H, W, 3) the picture.
            name: what it is.

        Raises:
            InvalidInputError: wrong shape, type or range.
        """
        plain = cls(mask_values(array), name, np.asarray(rgb, np.float32))
        inside = plain.binary()
        holes = ndimage.binary_fill_holes(inside) & ~inside
        return replace(plain, spared=holes) if holes.any() else plain

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.soft.shape[0], self.soft.shape[1]

    @property
    def title(self) -> str:
        """The name, or "mask" where there is none."""
        return self.name or "mask"

    def as_mask(self, threshold: float | None = None) -> Mask:
        """Return this mask, with ``threshold`` moved to 0.5 where one is given.

        Values below it are stretched or squeezed to [0, 0.5], those above to [0.5, 1], so that
        ``as_mask(t).binary()`` is ``binary(t)`` and all that follows cuts there too.
        """
        if threshold is None or threshold == HALF:
            return self
        return self._with(moved(self.soft, threshold), self.name, spared=self.spared)

    def binary(self, threshold: float | None = None) -> NDArray[np.bool_]:
        """Return the mask (H, W) cut at ``threshold``; ``None`` is 0.5."""
        return cut(self.soft, HALF if threshold is None else threshold)

    def regions(self, threshold: float | None = None) -> list[Region]:
        """Return the connected pieces of ``binary(threshold)`` but for specks, the largest first.

        They are those of the segmentation that the mask comes from, by the same rule.
        """
        return list(find_pieces(self.soft, self.binary(threshold), self.least_area).regions)

    def keep(self, *points: Point) -> Mask:
        """Return the regions under any of the points, each (row, col); all others are gone.

        Regions are the connected pieces above 0.5, specks too, since people point at what they
        see. What lies below 0.5 goes with the piece it is nearest to.

        Raises:
            InvalidInputError: no point, or one that is on no region.
        """
        pieces = self._pieces()
        return self._only(pieces, pieces.under(points))

    def drop(self, *points: Point) -> Mask:
        """Return all but the regions under the points; else as ``keep``."""
        pieces = self._pieces()
        return self._only(pieces, pieces.all_numbers - pieces.under(points))

    def keep_box(self, *boxes: Box) -> Mask:
        """Return the regions that lie in any of the boxes, with at least half of their pixels.

        Args:
            boxes: each (left, top, right, bottom) in pixels, end exclusive; parts beyond the
                picture count for nothing.

        Raises:
            InvalidInputError: no box, or one that no region lies in.
        """
        pieces = self._pieces()
        return self._only(pieces, pieces.inside(boxes))

    def drop_box(self, *boxes: Box) -> Mask:
        """Return all but the regions that lie in the boxes; else as ``keep_box``."""
        pieces = self._pieces()
        return self._only(pieces, pieces.all_numbers - pieces.inside(boxes))

    def paint(self, points: Sequence[Point], radius: float, value: float) -> Mask:
        """Return the mask with a stroke of a round brush over it.

        Args:
            points: (row, col) along the stroke; pixel centres lie at whole numbers. Parts outside
                of the picture are cut off.
            radius: of the brush in pixels, above 0; its edge fades over one pixel.
            value: what the mask becomes there, in [0, 1].

        Raises:
            InvalidInputError: no point, or a number out of its range.
        """
        if not 0 <= value <= 1:
            raise InvalidInputError(f"value must lie in [0, 1], got {value}")
        if not 0 < radius <= FURTHEST:
            raise InvalidInputError(f"the radius of a brush is above 0 pixels, got {radius}")
        cover = stroke(check_points(points), radius, self.size)
        soft = (1 - cover) * self.soft + cover * value
        return self._corrected(soft, "corrected")

    def overlay(
        self, threshold: float | None = None, *, colour: str = COLOURS[0], enlarge: float = 1
    ) -> Image.Image:
        """Return the picture with the mask lit up and outlined, the rest greyed.

        Args:
            threshold: where the line runs; ``None`` is 0.5.
            colour: of tint and line, "#rrggbb".
            enlarge: draw each pixel as a square of that many; less than 1 draws it smaller.
        """
        line = HALF if threshold is None else threshold
        return drawing.overlay(self.rgb, [MaskLayer(self.soft, colour, line)], enlarge=enlarge)

    def __repr__(self) -> str:
        """Return a line with name, number of regions and covered area."""
        name = self.title
        shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        number = len(self.regions())
        return (
            f"Mask({shown!r}: {number} region{'' if number == 1 else 's'}, "
            f"{self.binary().mean():.1%} of {size_words(self.size)})"
        )

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> dict[str, str]:
        png = drawing.png(self.overlay(enlarge=drawing.display_scale(self.size)))
        return {"text/plain": repr(self), "image/png": base64.b64encode(png).decode()}

    def _pieces(self) -> Pieces:
        return find_pieces(self.soft, self.binary(), self.least_area)

    def _only(self, pieces: Pieces, numbers: Iterable[int]) -> Mask:
        return self._corrected(self.soft * pieces.domain(numbers), "corrected")

    def _corrected(self, soft: NDArray[Any], remark: str) -> Mask:
        """Return the mask with other values; pixels that went out of it are spared from now on."""
        noted = f" ({remark})"
        name = self.title if self.title.endswith(noted) else remarked(self.title, remark)
        return self._with(soft, name, spared=_either(self.spared, self.binary()))

    def _with(self, soft: NDArray[Any], name: str, *, spared: NDArray[np.bool_] | None) -> Mask:
        """Return a mask of the same picture; what is inside is not spared."""
        values = np.asarray(soft, np.float32)
        left = None if spared is None else spared & ~cut(values, HALF)
        return replace(self, soft=values, name=name, spared=left)


def _joined(operator: Literal["and", "or"], one: MaskAlgebra, other: MaskAlgebra) -> Mask:
    if not isinstance(other, MaskAlgebra):
        return NotImplemented
    left, right = one.as_mask(), other.as_mask()
    if left.size != right.size:
        raise InvalidInputError(
            f"{left.title!r} is a mask of {size_words(left.size)}, {right.title!r} one of "
            f"{size_words(right.size)}",
            hint="put masks of one picture together",
        )
    combine = np.minimum if operator == "and" else np.maximum
    strict = replace(left, least_area=max(left.least_area, right.least_area))
    return strict._with(
        combine(left.soft, right.soft),
        joined(operator, [left.title, right.title]),
        spared=_either(left.spared, right.spared),
    )


def _either(
    one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _checked_radius(pixels: float) -> float:
    if not 0 <= pixels < float("inf"):
        raise InvalidInputError(f"pixels is a number from 0 up, got {pixels}")
    return float(pixels)
