"""What a person keeps, drops, paints and erases in a mask, one thing after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textseg.toolbox.shelf_facts import Correction

if TYPE_CHECKING:
    from textseg.segmentation.mask import Mask

STROKES = ("paint", "erase")


def correct_mask(mask: Mask, corrections: Sequence[Correction]) -> Mask:
    """Return the mask as somebody wants it who saw all of it while saying so.

    Points and boxes mean regions of the mask with the strokes so far, whatever was kept or dropped
    before. What any of them keeps stays, but for what any of them drops; strokes are made in what
    is left as well.

    Args:
        mask: before.
        corrections: at least one.

    Raises:
        InvalidInputError: a point or box hits no region.
    """
    whole = rest = mask  # with the strokes alone, and without what was dropped
    kept: Mask | None = None
    for each in corrections:
        step = _one(whole, each)
        if each.action in STROKES:
            rest = step if rest is whole else _one(rest, each)
            kept = None if kept is None else _one(kept, each)
            whole = step
        elif each.action == "drop":
            rest = rest & step
        else:
            kept = step if kept is None else kept | step
    return replace(rest if kept is None else rest & kept, name=step.name)


def _one(mask: Mask, correction: Correction) -> Mask:
    points = [(row, col) for row, col in correction.points]
    if correction.action in STROKES:
        return mask.paint(points, correction.radius, float(correction.action == "paint"))
    if correction.box is not None:
        left, top, right, bottom = correction.box
        box = (left, top, right, bottom)
        return mask.keep_box(box) if correction.action == "keep" else mask.drop_box(box)
    return mask.keep(*points) if correction.action == "keep" else mask.drop(*points)
