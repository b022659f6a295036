"""A thing taken out of a picture, and put elsewhere, larger, smaller or mirrored."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import transform

from textseg.editing.masks import box_around
from textseg.errors import InvalidInputError
from textseg.images import Picture, size_words
from textseg.retouching.edges import Frame, Weight
from textseg.retouching.words import Goal

GAP = 0.02  # of the width of the picture, between a thing and one that it is put beside
RIM = 0.04  # of a side, between a thing and the side that it is moved to


@dataclass(frozen=True, eq=False)
class Piece:
    """A thing cut out of a picture, in its box.

    Attributes:
        layers: (h, w, 4) float32 in [0, 1], colours and opacity; beyond the edge of the thing the
            colours of its edge, so that none of the old background comes along.
        weight: (h, w) float32 in [0, 1], how much of each pixel is the thing.
        top: the row in the picture where it begins.
        left: the column.
    """

    layers: NDArray[np.float32]
    weight: Weight
    top: int
    left: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.weight.shape[0], self.weight.shape[1]

    @property
    def box(self) -> Frame:
        """Around it: left, top, right, bottom in pixels; right and bottom lie just outside."""
        return self.left, self.top, self.left + self.size[1], self.top + self.size[0]

    def at(self, top: int, left: int) -> Piece:
        """Return the thing elsewhere."""
        return replace(self, top=top, left=left)


def cut_piece(picture: Picture, weight: Weight) -> Piece:
    """Return what is inside of a weight (H, W), not all zero."""
    top, left, bottom, right = box_around(weight, 0, 1)
    part = slice(top, bottom), slice(left, right)
    alpha = np.ones(picture.size, np.float32) if picture.alpha is None else picture.alpha
    layers = np.concatenate([picture.rgb[part], alpha[part][..., None]], -1)
    solid = weight[part] == 1
    if solid.any():
        places = ndimage.distance_transform_edt(~solid, return_distances=False, return_indices=True)
        layers = layers[tuple(places)]
    return Piece(layers, weight[part], top, left)


def cut_box(inside: NDArray[np.bool_]) -> Frame:
    """Return the box around what is inside (H, W), not all false."""
    top, left, bottom, right = box_around(inside.astype(np.float32), 0, 1)
    return left, top, right, bottom


def flip(piece: Piece) -> Piece:
    """Return a thing mirrored, left for right, where it is."""
    return replace(piece, layers=piece.layers[:, ::-1], weight=piece.weight[:, ::-1])


def flip_picture(picture: Picture) -> Picture:
    """Return a picture mirrored, left for right."""
    alpha = None if picture.alpha is None else picture.alpha[:, ::-1]
    return replace(picture, rgb=picture.rgb[:, ::-1], alpha=alpha)


def scale(piece: Piece, factor: float, size: tuple[int, int]) -> Piece:
    """Return a thing larger or smaller, standing where it stood: the middle of its foot stays.

    Where it would leave the picture (H, W) it is moved back into it.

    Raises:
        InvalidInputError: it would be larger than the picture.
    """
    tall, wide = (max(1, round(side * factor)) for side in piece.size)
    if tall > size[0] or wide > size[1]:
        raise InvalidInputError(
            f"it would be {size_words((tall, wide))}, and the picture is {size_words(size)}",
            hint="scale it by less",
        )
    both = np.concatenate([piece.layers * piece.weight[..., None], piece.weight[..., None]], -1)
    both = transform.resize(both, (tall, wide), order=1, mode="edge", anti_aliasing=factor < 1)
    weight = both[..., 4].clip(0, 1).astype(np.float32)
    layers = both[..., :4] / np.maximum(weight, np.float32(1 / 255))[..., None]
    top = _within(piece.top + piece.size[0] - tall, tall, size[0])
    left = _within(round(piece.left + (piece.size[1] - wide) / 2), wide, size[1])
    return Piece(layers.clip(0, 1).astype(np.float32), weight, top, left)


def lay(picture: Picture, piece: Piece) -> Picture:
    """Return a picture with a thing laid over it; all other pixels stay bit for bit."""
    left, top, right, bottom = piece.box
    part = slice(top, bottom), slice(left, right)
    weight = piece.weight[..., None]
    rgb = picture.rgb.copy()
    rgb[part] = np.where(weight == 0, rgb[part], _mixed(rgb[part], piece.layers[..., :3], weight))
    if picture.alpha is None:
        return replace(picture, rgb=rgb)
    alpha = picture.alpha.copy()
    mixed = _mixed(alpha[part], piece.layers[..., 3], piece.weight)
    alpha[part] = np.where(piece.weight == 0, alpha[part], mixed)
    return replace(picture, rgb=rgb, alpha=alpha)


def cover(piece: Piece, size: tuple[int, int]) -> Weight:
    """Return how much of each pixel of a picture (H, W) a thing covers."""
    covered = np.zeros(size, np.float32)
    left, top, right, bottom = piece.box
    covered[top:bottom, left:right] = piece.weight
    return covered


def move(
    piece: Piece,
    goal: Goal,
    size: tuple[int, int],
    *,
    share: float = 0.0,
    other: Frame | None = None,
) -> Piece:
    """Return a thing where it is to be in a picture (H, W).

    Args:
        piece: where it is.
        goal: a place: as far to that side as leaves ``RIM``; or a relation to ``other``: beside
            it on the same ground, with ``GAP``, or centred above, on or below it.
        size: of the picture.
        share: how far towards a side, as a share of the picture; 0: all the way.
        other: (left, top, right, bottom) of the other thing.

    Raises:
        InvalidInputError: it would leave the picture.
    """
    if goal.relation is not None:
        assert other is not None, "a relation is to something"
        top, left = _beside(piece, goal.relation, other, size)
    elif share:
        top, left = _by(piece, goal, size, share)
    else:
        top = _towards(goal.row, piece.top, piece.size[0], size[0])
        left = _towards(goal.col, piece.left, piece.size[1], size[1])
    inside = 0 <= top <= size[0] - piece.size[0] and 0 <= left <= size[1] - piece.size[1]
    if not inside:
        raise InvalidInputError(
            "it would leave the picture there", hint="make it smaller first, or another place"
        )
    return piece.at(top, left)


def _towards(share: float | None, start: int, length: int, side: int) -> int:
    if share is None:
        return start
    room = side - length
    rim = min(RIM * side, room / 2)
    return round(rim + share * (room - 2 * rim))


def _by(piece: Piece, goal: Goal, size: tuple[int, int], share: float) -> tuple[int, int]:
    steps = [0 if to is None else round((2 * to - 1) * share * side)
             for to, side in zip((goal.row, goal.col), size, strict=True)]  # fmt: skip
    if not any(steps):
        raise InvalidInputError(
            "how far goes with a side that is moved to", hint='e.g. "left", "up" or "top right"'
        )
    return piece.top + steps[0], piece.left + steps[1]


def _beside(piece: Piece, relation: str, other: Frame, size: tuple[int, int]) -> tuple[int, int]:
    tall, wide = piece.size
    left, top, right, bottom = other
    gap = round(GAP * size[1])
    centre, ground = round((left + right - wide) / 2), bottom - tall
    spots = {
        "left of": (ground, left - gap - wide),
        "right of": (ground, right + gap),
        "above": (top - gap - tall, centre),
        "on": (top - tall, centre),
        "below": (bottom + gap, centre),
    }
    if relation == "next to":
        nearer_right = right + gap + wide <= size[1]
        return spots["right of" if nearer_right else "left of"]
    return spots[relation]


def _within(start: int, length: int, side: int) -> int:
    return min(max(start, 0), side - length)


def _mixed(
    below: NDArray[np.float32], above: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    return weight * above + (1 - weight) * below
