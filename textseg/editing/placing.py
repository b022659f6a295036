"""Where an edit may change a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textseg.diffusion.card import Change, EditHabit
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.vocabulary import words_hint
from textseg.editing.masks import MOST, MaskShape, check_mask, shape_mask
from textseg.editing.options import EditOptions
from textseg.editing.prompts import names, things_named
from textseg.encoded import EncodedPicture
from textseg.errors import InvalidInputError, NotFoundError, QueryError
from textseg.images import size_words
from textseg.segmentation.mask import Mask
from textseg.segmentation.phrases import quoted
from textseg.segmentation.picking import read_beside
from textseg.segmentation.places import place_beside
from textseg.segmentation.result import Segmentation, Segmentations

RIM = 1.0  # pixels of the old setting that fade around a thing; more would be seen as a halo


@dataclass(frozen=True, eq=False)
class Place:
    """Where a picture may change, (H, W) in [0, 1], and how that was found out.

    ``where`` says it in words; ``notes`` are remarks for people.
    """

    region: NDArray[np.float32]
    found: Segmentation | None = None
    evaluations: int = 0
    where: str = "in the mask that was given"
    notes: tuple[str, ...] = ()


def find_place(
    mask: NDArray[Any] | Segmentation | Mask | None,
    query: str,
    encoded: EncodedPicture,
    *,
    kind: Change,
    source: str,
    witness: str,
    options: EditOptions,
    usual: EditHabit,
    look: Callable[[Sequence[str]], Segmentations],
) -> Place:
    """Return where the picture may change.

    Another setting is everything but the things that ``source`` names. What the model takes for
    absent counts where ``witness`` names it: two that see different things are right more often
    than the more careful one alone.

    Args:
        mask: as ``Scene.edit`` takes it.
        query: what is looked for where there is no mask.
        encoded: the picture.
        kind: of the change.
        source: what it shows, in words.
        witness: the same, by who has seen it; "" where nobody has.
        options: what the caller says about the shape.
        usual: what suits the change.
        look: finds queries.

    Raises:
        QueryError: neither a query nor a mask.
        InvalidInputError: a mask that does not fit; no room beside a thing.
        NotFoundError: nothing is inside.
    """
    size, cut = encoded.picture.size, options.threshold
    if options.relative_to:
        return _beside(options.relative_to, encoded, look)
    if mask is not None and not isinstance(mask, Segmentation | Mask):
        return Place(check_mask(mask, size, resize=options.resize_mask))
    if mask is None and not query:
        raise QueryError("there is no query and no mask", hint="say what to change, or give a mask")
    shape = MaskShape.of_cells(usual.grow, encoded.cell_pixels)
    fit = partial(region_of, size=size, options=options, usual=shape, model=encoded.model)
    if mask is not None:
        return Place(fit(mask), mask if isinstance(mask, Segmentation) else None)
    named = things_named(source) if kind == "setting" else ()
    things = look(named) if named else None
    spent = things.evaluations if things else 0
    behind = _all_but([_seen_mask(thing, witness, cut) for thing in things or ()])
    if behind is not None:
        thin = replace(shape, feather=RIM)
        return Place(fit(behind, usual=thin), None, spent, f"where it is {behind.title}")
    found = look([query])[0]
    doubted = _seen_only(found, witness, cut)
    sure = f"(probability {found.presence:.2f})"
    note = f"the model doubts that {query!r} is there {sure}, the text for the picture names it"
    return Place(
        fit(undimmed(found) if doubted else found),
        found,
        found.evaluations + spent,
        f"where {query!r} was found {sure}",
        (note,) if doubted else (),
    )


def _beside(
    words: str, encoded: EncodedPicture, look: Callable[[Sequence[str]], Segmentations]
) -> Place:
    relation, thing = read_beside(words)
    found = look([thing])[0]
    regions = found.as_mask().regions()
    if not regions:
        raise nothing_inside(found, encoded.model)
    region = place_beside(relation, regions[0].box, encoded.picture.size)
    where = f"{relation} {thing!r}, which was found (probability {found.presence:.2f})"
    return Place(region, None, found.evaluations, where)


def _all_but(masks: Sequence[Mask]) -> Mask | None:
    found = [mask for mask in masks if mask.binary().any()]
    return ~reduce(or_, found) if found else None


def _seen_mask(found: Segmentation, witness: str, threshold: float | None) -> Mask:
    doubted = _seen_only(found, witness, threshold)
    return undimmed(found) if doubted else found.as_mask(threshold)


def _seen_only(found: Segmentation, witness: str, threshold: float | None) -> bool:
    return found.present is False and threshold is None and names(witness, found.query)


def undimmed(found: Segmentation) -> Mask:
    """Return where something is, if it is there.

    Presence dims a soft mask as a whole, so that over its maximum it is what it was before.
    """
    soft = found.soft
    top = soft.max()
    return Mask(soft / top if top > 0 else soft, quoted(found.query), found.rgb)


def region_of(
    found: Segmentation | Mask,
    size: tuple[int, int],
    options: EditOptions,
    usual: MaskShape,
    *,
    model: DiffusionModel,
) -> NDArray[np.float32]:
    """Return the soft mask (H, W) of an edit for a segmentation or mask of its picture.

    Args:
        found: the segmentation or mask.
        size: of the picture, (H, W).
        options: what the caller says about the shape.
        usual: the shape where the caller says nothing.
        model: that was asked; its words are told where it knows none of those of a query.

    Raises:
        InvalidInputError: it is of a picture of another size.
        NotFoundError: nothing is inside.
    """
    if found.size != size:
        raise InvalidInputError(
            f"the {'mask' if isinstance(found, Mask) else 'segmentation'} is of a picture of "
            f"{size_words(found.size)}, this one is {size_words(size)}",
            hint="segment the picture that is to be edited",
        )
    binary = found.binary(options.threshold) if isinstance(found, Segmentation) else found.binary()
    shape = MaskShape(
        usual.grow if options.grow is None else options.grow,
        usual.feather if options.feather is None else options.feather,
    )
    if options.grow is None and binary.mean() > MOST:
        shape = replace(shape, grow=0.0)  # all but the things in front, which stay
    spared = found.spared if isinstance(found, Mask) else None
    region = shape_mask(binary, shape, spared=spared)
    if not region.any():
        raise nothing_inside(found, model)
    return region * found.soft if options.soft else region


def nothing_inside(found: Segmentation | Mask, model: DiffusionModel) -> NotFoundError:
    """Return why there is nothing inside a segmentation or mask."""
    if isinstance(found, Mask):
        return NotFoundError(
            f"the selection {found.title!r} is empty", hint="select something that is there"
        )
    if found.present is None:
        return NotFoundError(found.caveat, hint=words_hint(model.card.language), presence=None)
    sure = f"(probability {found.presence:.2f})"
    if found.present:
        return NotFoundError(
            f"{found.query!r} is there {sure}, but nowhere above the threshold",
            hint="lower the threshold",
            presence=found.presence,
        )
    return NotFoundError(
        f"{found.query!r} was not found in the picture {sure}",
        hint="other words, or a lower threshold, may find it",
        presence=found.presence,
    )
