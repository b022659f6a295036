"""Things moved, copied, scaled and mirrored: their own pixels, over a picture without them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from textseg.editing.masks import fit_mask
from textseg.errors import InvalidInputError
from textseg.images import MAX_PIXELS, ImageLike, Picture, open_picture, size_words
from textseg.retouching.asking import LARGER, check_arrange
from textseg.retouching.edges import Frame, MaskLike, Weight, weight_of
from textseg.retouching.pieces import (
    Piece,
    cover,
    cut_box,
    cut_piece,
    flip,
    flip_picture,
    lay,
    move,
    scale,
)
from textseg.retouching.words import ArrangeAction, Goal
from textseg.segmentation.mask import MaskAlgebra

TOGETHER = "its {number} regions went together; region says which one is meant"
CUT_OFF = "the thing reaches the edge of the picture, so where it is cut off shows"


@dataclass(frozen=True, eq=False)
class Arranged:
    """A picture in which something was moved.

    Attributes:
        picture: the picture with the thing in its new place; ``before`` wherever ``region`` is 0.
        before: the picture that was given.
        region: (H, W) float32 in [0, 1], where it may have changed.
        box_before: around the thing: left, top, right, bottom in pixels, end exclusive.
        box_after: around the thing in its new place, or around its copy.
        piece: the thing in its new place; None where the whole picture was mirrored.
        leaves_hole: it is still seen where it was, and should not be: see ``over``.
        notes: remarks for people.
    """

    picture: Picture
    before: Picture
    region: Weight
    box_before: Frame
    box_after: Frame
    piece: Piece | None = None
    leaves_hole: bool = False
    notes: tuple[str, ...] = ()

    def over(self, without: Picture, region: Weight) -> Arranged:
        """Return the same on a picture without the thing, which differs inside of ``region``."""
        assert self.piece is not None, "something was moved"
        return replace(
            self,
            picture=lay(without, self.piece),
            region=np.maximum(cover(self.piece, self.before.size), region),
            leaves_hole=False,
        )


def arrange(
    image: ImageLike,
    action: ArrangeAction,
    mask: MaskLike | None = None,
    *,
    to: str = "",
    amount: float = 0.0,
    other: MaskLike | None = None,
    without: ImageLike | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Arranged:
    """Return a picture with a thing moved, copied, scaled or mirrored.

        boat = scene.segment("boat")
        gone = scene.edit("boat", "")
        textseg.arrange("photo.jpg", "move", boat, to="right", without=gone.picture).picture

    Args:
        image: a path, a file, a PIL image, an array or a ``Picture``.
        action: "move", "copy", "scale" or "flip" (left for right).
        mask: where the thing is, as ``retouch`` takes it; ``None`` mirrors the whole picture.
        to: "left", "top right", "middle" ...: as far there as leaves a rim; or "left of", "right
            of", "next to", "above", "below" or "on" ``other``. A copy is else put beside the thing.
        amount: to scale the factor, 0 for half as large again, the middle of the foot stays; to
            move or copy how far, as a share of the picture, 0 for all the way.
        other: where the other thing is, as ``mask``.
        without: the picture without the thing, e.g. of an edit that removed it, to be seen where
            it was. ``None`` leaves it there as well, and ``leaves_hole`` says so.
        max_pixels: refuse pictures with more pixels than this.

    Raises:
        ImageError: a picture cannot be read.
        InvalidInputError: an unknown action or place, a number out of its range, a mask or picture
            that does not fit, or the thing would leave the picture.
        NotFoundError: nothing is inside of a mask.
        QueryError: the action needs a mask, a place or another thing, and there is none.
    """
    goal = check_arrange(
        action, placed=mask is not None, to=to, amount=amount, other=other is not None
    )
    picture = open_picture(image, max_pixels=max_pixels)
    if mask is None:
        return _mirrored(picture)
    made = _moved(
        picture,
        action,
        mask,
        goal=goal or Goal(relation="next to"),
        amount=amount,
        other=None if other is None else weight_of(other, picture.size),
    )
    if without is None or not made.leaves_hole:
        return made
    below = open_picture(without, max_pixels=max_pixels)
    if below.size != picture.size:
        raise InvalidInputError(
            f"the picture without the thing is {size_words(below.size)}, the picture "
            f"{size_words(picture.size)}"
        )
    differs = (below.rgb != picture.rgb).any(-1)
    return made.over(below, fit_mask(differs, picture.size))


def _mirrored(picture: Picture) -> Arranged:
    box = (0, 0, picture.size[1], picture.size[0])
    everywhere = np.ones(picture.size, np.float32)
    return Arranged(flip_picture(picture), picture, everywhere, box, box)


def _moved(
    picture: Picture,
    action: ArrangeAction,
    mask: MaskLike,
    *,
    goal: Goal,
    amount: float,
    other: Weight | None,
) -> Arranged:
    """Return the picture with the thing in its new place, and still where it was."""
    size, weight = picture.size, weight_of(mask, picture.size)
    piece = cut_piece(picture, weight)
    if action == "flip":
        placed = flip(piece)
    elif action == "scale":
        placed = scale(piece, amount or LARGER, size)
    else:
        beside = piece.box if other is None else cut_box(other > 0)
        placed = move(piece, goal, size, share=amount, other=beside)
    covered = cover(placed, size)
    hole = (weight > 0) & (covered < 1)
    return Arranged(
        lay(picture, placed),
        picture,
        covered,
        piece.box,
        placed.box,
        placed,
        leaves_hole=action != "copy" and bool(hole.any()),
        notes=tuple(_remarks(piece.box, mask, size)),
    )


def _remarks(box: Frame, mask: MaskLike, size: tuple[int, int]) -> Iterator[str]:
    left, top, right, bottom = box
    if left == 0 or top == 0 or right == size[1] or bottom == size[0]:
        yield CUT_OFF
    number = len(mask.as_mask().regions()) if isinstance(mask, MaskAlgebra) else 1
    if number > 1:
        yield TOGETHER.format(number=number)
