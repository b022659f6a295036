"""Where an edit may change a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textseg.diffusion.card import EditHabit
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.vocabulary import words_hint
from textseg.editing.masks import MOST, MaskShape, check_mask, shape_mask
from textseg.editing.options import EditOptions
from textseg.encoded import EncodedPicture
from textseg.errors import InvalidInputError, NotFoundError, QueryError
from textseg.images import size_words
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation


@dataclass(frozen=True, eq=False)
class Place:
    """Where a picture may change, (H, W) in [0, 1], and how that was found out."""

    region: NDArray[np.float32]
    found: Segmentation | None = None
    evaluations: int = 0


def find_place(
    mask: NDArray[Any] | Segmentation | Mask | None,
    query: str,
    encoded: EncodedPicture,
    *,
    options: EditOptions,
    usual: EditHabit,
    look: Callable[[str], Segmentation],
) -> Place:
    """Return where the picture may change.

    Args:
        mask: as ``Scene.edit`` takes it.
        query: what is looked for where there is no mask.
        encoded: the picture.
        options: what the caller says about the shape.
        usual: what suits the change.
        look: finds a query.

    Raises:
        QueryError: neither a query nor a mask.
        InvalidInputError: a mask that does not fit.
        NotFoundError: nothing is inside.
    """
    size = encoded.picture.size
    if mask is not None and not isinstance(mask, Segmentation | Mask):
        return Place(check_mask(mask, size, resize=options.resize_mask))
    if mask is None and not query:
        raise QueryError("there is no query and no mask", hint="say what to change, or give a mask")
    found = look(query) if mask is None else mask
    shape = MaskShape.of_cells(usual.grow, encoded.cell_pixels)
    return Place(
        region_of(found, size, options, shape, model=encoded.model),
        found if isinstance(found, Segmentation) else None,
        found.evaluations if mask is None and isinstance(found, Segmentation) else 0,
    )


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
    if found.soft.shape != size:
        raise InvalidInputError(
            f"the {'mask' if isinstance(found, Mask) else 'segmentation'} is of a picture of "
            f"{size_words(found.soft.shape)}, this one is {size_words(size)}",
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
