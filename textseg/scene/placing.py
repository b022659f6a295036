"""Where an edit may change a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from textseg.editing.masks import MOST, MaskShape, shaped
from textseg.errors import InvalidInputError, NotFoundError
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation


@dataclass(frozen=True)
class Shaping:
    """What a caller says about the mask; see ``Scene.edit``."""

    threshold: float | None
    grow: float | None
    feather: float | None
    soft: bool
    resize: bool

    def __post_init__(self) -> None:
        """Refuse what cannot be, before anything slow is done."""
        MaskShape(self.grow or 0.0, self.feather or 0.0)
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise InvalidInputError(f"threshold must lie in [0, 1], got {self.threshold}")


@dataclass(frozen=True, eq=False)
class Place:
    """Where a picture may change, (H, W) in [0, 1], and how that was found out."""

    region: NDArray[np.float32]
    found: Segmentation | None = None
    evaluations: int = 0


def region_of(
    found: Segmentation | Mask,
    size: tuple[int, int],
    how: Shaping,
    usual: MaskShape,
) -> NDArray[np.float32]:
    """Return the soft mask (H, W) of an edit for a segmentation or mask of its picture.

    Args:
        found: the segmentation or mask.
        size: of the picture, (H, W).
        how: what the caller says about the shape.
        usual: the shape where the caller says nothing.

    Raises:
        InvalidInputError: it is of a picture of another size.
        NotFoundError: nothing is inside.
    """
    if found.soft.shape != size:
        height, width = found.soft.shape
        raise InvalidInputError(
            f"the {'mask' if isinstance(found, Mask) else 'segmentation'} is of a picture of "
            f"{width} x {height}, this one is {size[1]} x {size[0]}",
            hint="segment the picture that is to be edited",
        )
    binary = found.binary(how.threshold) if isinstance(found, Segmentation) else found.binary()
    shape = MaskShape(
        usual.grow if how.grow is None else how.grow,
        usual.feather if how.feather is None else how.feather,
    )
    if how.grow is None and binary.mean() > MOST:
        shape = replace(shape, grow=0.0)  # all but the things in front, which stay
    spared = found.spared if isinstance(found, Mask) else None
    region = shaped(binary, shape, spared=spared)
    if not region.any():
        raise _nothing(found)
    return region * found.soft if how.soft else region


def _nothing(found: Segmentation | Mask) -> NotFoundError:
    if isinstance(found, Mask):
        return NotFoundError(
            f"the selection {found.title!r} is empty", hint="select something that is there"
        )
    return NotFoundError(
        f"{found.query!r} was not found in the picture (probability {found.presence:.0%})",
        hint="other words, a threshold, or a mask may help",
        presence=found.presence,
    )
