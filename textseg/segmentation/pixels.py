"""A query's mask and its spread at the picture's own size, kept small.

Of many queries about a large picture these are nearly all that is kept. A soft mask needs no more
than the 16 bits that its file has; its spread, which few look at, follows from the cells and the
picture whenever it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textseg.diffusion.mask_settings import RefineSettings
from textseg.images import freeze
from textseg.segmentation.guide import Array, GuideImage
from textseg.segmentation.refine import settle_cells, sharpen
from textseg.segmentation.soft import HALF
from textseg.segmentation.soften import SoftMap

STEPS = np.iinfo(np.uint16).max


@dataclass(frozen=True, eq=False)
class CellSpread:
    """Finds the standard error (H, W) of a mask from what it was made of.

    Attributes:
        soft: (h, w), the mask of the cells.
        of_cells: returns the standard error (h, w) of that.
        image: the picture.
        settings: how the mask got its edges.
        gate: how bright it may be at most; nan: unknown.
    """

    soft: Array
    of_cells: Callable[[], NDArray[np.floating]]
    image: GuideImage
    settings: RefineSettings
    gate: float

    def __call__(self) -> Array:
        """Return the standard error."""
        slope = settle_cells(self.soft, self.image, self.settings).slope
        cells = self.of_cells().astype(np.float32)
        return np.float32(self.gate) * slope * np.maximum(self.image.grid.enlarge(cells, 1), 0)


@dataclass(frozen=True, eq=False)
class MaskPixels:
    """A soft mask and its standard error, both (H, W) float32 and worked out when asked for.

    Attributes:
        steps: (H, W) uint16, the mask in steps of its largest value / 65535.
        largest: that value; 1 where all is 0.
        find_spread: returns the standard error.
    """

    steps: NDArray[np.uint16]
    largest: np.float32
    find_spread: Callable[[], Array]

    def __post_init__(self) -> None:
        """Let nobody change the steps."""
        freeze(self)

    @classmethod
    def of(cls, soft: Array, find_spread: Callable[[], Array]) -> MaskPixels:
        """Return a soft mask (H, W) in [0, 1], above 0.5 where it was before it was rounded."""
        largest = np.float32(soft.max()) or np.float32(1)
        steps = (soft / largest * STEPS).round().astype(np.uint16)
        outside = int(np.searchsorted(_values(largest), HALF, side="right"))  # steps up to 0.5
        inside = np.maximum(steps, np.uint16(min(outside, STEPS)))
        steps = np.where(soft > HALF, inside, np.minimum(steps, np.uint16(outside - 1)))
        return cls(steps, largest, find_spread)

    @classmethod
    def of_cells(
        cls, cells: SoftMap, image: GuideImage, settings: RefineSettings, *, gate: float
    ) -> MaskPixels:
        """Return the mask that cells mean for a picture, at most ``gate`` bright; nan: unknown."""
        soft = np.float32(np.nan_to_num(gate)) * sharpen(cells.soft, image, settings)
        return cls.of(soft, CellSpread(cells.soft, cells.find_spread, image, settings, gate))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.steps.shape[0], self.steps.shape[1]

    @property
    def soft(self) -> Array:
        """The soft mask (H, W), read-only."""
        return _read_only(soft_of(self.steps, self.largest))

    @property
    def spread(self) -> Array:
        """The standard error of the mask (H, W), read-only."""
        return _read_only(self.find_spread())


def soft_of(steps: NDArray[np.uint16], largest: np.float32) -> Array:
    """Return the mask (H, W) that steps of its largest value / 65535 mean."""
    return _values(largest)[steps]


def _values(largest: np.float32) -> Array:
    return largest * (np.arange(STEPS + 1, dtype=np.float32) / np.float32(STEPS))


def _read_only(values: Array) -> Array:
    shown = values.view()
    shown.flags.writeable = False
    return shown
