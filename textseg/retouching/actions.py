"""What can be done to a picture inside a mask without a model: one table, from names to functions.

Every pixel whose weight is exactly 0 stays bit for bit, and transparency stays everywhere; crops
and cut-outs change the frame or the transparency instead, and no colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from textseg.editing.result import composite
from textseg.errors import InvalidInputError
from textseg.images import MAX_PIXELS, ImageLike, Picture, open_picture
from textseg.retouching import shapes, tones
from textseg.retouching.asking import MARGIN, check_retouch
from textseg.retouching.colours import Colour, fill, mean_colour, recolour
from textseg.retouching.edges import MaskLike, Weight, weight_of
from textseg.retouching.tones import Colours
from textseg.retouching.words import RetouchAction, read_aspect, read_colour


@dataclass(frozen=True, eq=False)
class Retouched:
    """A picture after a change that no model had a part in.

    Attributes:
        picture: afterwards; equal to the one before wherever ``weight`` is exactly 0. A crop is
            smaller, a cut-out has other transparency.
        weight: (H, W) float32 in [0, 1] of the picture before, how much each pixel was to change;
            of a crop or cut-out, where the thing is.
        amount: how much of it, as used; 0 where there is none.
        notes: remarks for people.
    """

    picture: Picture
    weight: Weight
    amount: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Asked:
    """A change as the functions of the table get it."""

    picture: Picture
    weight: Weight
    amount: float
    colour: Colour | None
    other: Weight | None
    margin: float
    aspect: float | None


def retouch(
    image: ImageLike,
    action: RetouchAction,
    mask: MaskLike | None = None,
    *,
    amount: float = 0.0,
    colour: str = "",
    other: MaskLike | None = None,
    margin: float = MARGIN,
    aspect: str = "",
    max_pixels: int = MAX_PIXELS,
) -> Retouched:
    """Return a picture changed inside a mask by arithmetic alone.

        textseg.retouch("photo.jpg", "blur", ~scene.segment("red house"))

    Args:
        image: a path, a file, a PIL image, an array or a ``Picture``.
        action: "crop", "cut_out", "blur", "grey", "dim", "brighten", "darken", "contrast",
            "saturate", "colour" (keeps the shading), "fill", "outline", "match_colour" (that of
            ``other``), "swap_colours" (with ``other``).
        mask: where: a segmentation or ``Mask``, cut with an edge of a pixel, its holes filled but
            to exchange colours; ``~mask`` for all around it; or an array (H, W) that is taken as it
            is. ``None``: the whole picture.
        amount: how much, up to 1; 0 is what is usual. "contrast" and "saturate" go down to -1,
            which is none.
        colour: "#1e90ff", or a CSS name.
        other: the other thing, as ``mask``.
        margin: around what is cropped to, as a share of its longer side.
        aspect: proportions of a crop, e.g. "16:9"; "" for those of the thing.
        max_pixels: refuse pictures with more pixels than this.

    Raises:
        ImageError: the picture cannot be read.
        InvalidInputError: an unknown action, colour or proportion, a number out of its range, a
            mask that does not fit.
        NotFoundError: nothing is inside of the mask.
        QueryError: the action needs a mask, a colour or another thing, and there is none.
    """
    takes = check_retouch(
        action,
        placed=mask is not None,
        other=other is not None,
        amount=amount,
        colour=colour,
        margin=margin,
        aspect=aspect,
    )
    picture = open_picture(image, max_pixels=max_pixels)
    whole = np.ones(picture.size, np.float32)
    asked = _Asked(
        picture=picture,
        weight=whole if mask is None else weight_of(mask, picture.size, holes=takes.holes),
        amount=amount or takes.usual,
        colour=_values(colour or takes.colour),
        other=None if other is None else weight_of(other, picture.size, holes=takes.holes),
        margin=margin if mask is not None else 0.0,
        aspect=read_aspect(aspect) if aspect else None,
    )
    return ACTIONS[action](asked)


def _values(colour: str | None) -> Colour | None:
    return np.array(read_colour(colour), np.float32) / np.float32(255) if colour else None


def _toned(change: Callable[[Colours, Weight, float], Colours]) -> Callable[[_Asked], Retouched]:
    def make(asked: _Asked) -> Retouched:
        changed = change(asked.picture.rgb, asked.weight, asked.amount)
        return _mixed(asked, changed, asked.weight)

    return make


def _coloured(
    change: Callable[[Colours, Weight, Colour], Colours],
) -> Callable[[_Asked], Retouched]:
    def make(asked: _Asked) -> Retouched:
        assert asked.colour is not None, "was checked"
        changed = change(asked.picture.rgb, asked.weight, asked.colour)
        return _mixed(asked, changed, asked.weight)

    return make


def _matched(asked: _Asked) -> Retouched:
    assert asked.other is not None, "was checked"
    rgb, colour = asked.picture.rgb, mean_colour(asked.picture.rgb, asked.other)
    return _mixed(asked, recolour(rgb, asked.weight, colour), asked.weight)


def _swapped(asked: _Asked) -> Retouched:
    assert asked.other is not None, "was checked"
    rgb, theirs = asked.picture.rgb, np.minimum(asked.other, 1 - asked.weight)
    if not theirs.any():
        raise InvalidInputError(
            "the two things lie in the same place", hint="name two that lie apart"
        )
    colours = mean_colour(rgb, asked.weight), mean_colour(rgb, theirs)
    first = composite(asked.picture, recolour(rgb, asked.weight, colours[1]), asked.weight)
    second = composite(first, recolour(first.rgb, theirs, colours[0]), theirs)
    return Retouched(second, np.maximum(asked.weight, theirs))


def _outlined(asked: _Asked) -> Retouched:
    line = shapes.outline(asked.weight, asked.amount)
    assert asked.colour is not None, "there is a usual one"
    return _mixed(asked, fill(asked.picture.rgb, line, asked.colour), line)


def _cropped(asked: _Asked) -> Retouched:
    box = shapes.crop_box(asked.weight, margin=asked.margin, aspect=asked.aspect)
    left, top, right, bottom = box
    lost = asked.weight.any() and asked.weight.sum() > asked.weight[top:bottom, left:right].sum()
    notes = ("what is cropped to is larger than such a crop, so some of it is cut off",)
    whole = bool((asked.weight == 1).all())
    picture = shapes.crop(asked.picture, box)
    return Retouched(picture, asked.weight, notes=notes if lost and not whole else ())


def _cut(asked: _Asked) -> Retouched:
    return Retouched(shapes.cut_out(asked.picture, asked.weight), asked.weight)


def _mixed(asked: _Asked, changed: Colours, weight: Weight) -> Retouched:
    return Retouched(composite(asked.picture, changed, weight), weight, asked.amount)


ACTIONS: Final[Mapping[RetouchAction, Callable[[_Asked], Retouched]]] = {
    "crop": _cropped,
    "cut_out": _cut,
    "blur": _toned(tones.blur),
    "grey": _toned(tones.grey),
    "dim": _toned(tones.dim),
    "brighten": _toned(tones.brighten),
    "darken": _toned(tones.darken),
    "contrast": _toned(tones.contrast),
    "saturate": _toned(tones.saturate),
    "colour": _coloured(recolour),
    "fill": _coloured(fill),
    "outline": _outlined,
    "match_colour": _matched,
    "swap_colours": _swapped,
}
