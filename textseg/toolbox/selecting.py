"""Which part of what a query finds is meant: taken out of it, and told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from textseg.errors import NotFoundError
from textseg.segmentation.picking import position_words
from textseg.toolbox.selecting_facts import RegionFacts, Selecting

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation


@dataclass(frozen=True, eq=False)
class Narrowed:
    """What a query found, and all that is said about which part of it is meant.

    Attributes:
        found: where the query is.
        others: where what is to be spared is; None where nothing is.
        selecting: which part.
        threshold: where the query is cut; None where it was found.
    """

    found: Segmentation
    others: Segmentation | None
    selecting: Selecting
    threshold: float | None

    @cached_property
    def mask(self) -> Mask:
        """What is meant."""
        from textseg.segmentation.selecting import select

        return select(
            self.found,
            exclude=self.others,
            invert=self.selecting.invert,
            region=self.selecting.region,
            threshold=self.threshold,
        )

    def why_empty(self, model: DiffusionModel) -> NotFoundError:
        """Return why nothing is inside of the mask; ``model`` is the one that was asked."""
        from textseg.editing.placing import nothing_inside

        for each in (self.found, self.others):
            if each is not None and each.present is None:
                return nothing_inside(each, model)
        if not self.found.binary(self.threshold).any():
            return nothing_inside(self.found, model)
        left, hint = self._what_is_left()
        there = "is there" if self.found.present else f"is cut out at {self.threshold:g}"
        return NotFoundError(
            f"{self.found.query!r} {there} (probability {self.found.presence:.2f}), but {left}",
            hint=hint,
            presence=self.found.presence,
        )

    def _what_is_left(self) -> tuple[str, str]:
        """Return what narrowing does to a query that was found, and what to do about that."""
        region, exclude = self.selecting.region, self.selecting.exclude
        picked = self.found.as_mask(self.threshold).pick(region)
        if not picked.binary().any():
            number = len(self.found.regions(self.threshold))
            several = "" if number == 1 else "s"
            return f"it has {number} region{several} and no {region!r} one", "take another, or all"
        if self.others is not None and not (picked - self.others).binary().any():
            return f"nothing is left of it after sparing {exclude!r}", "spare something else"
        return "there is nothing else in the picture", "do not invert it"


def region_facts(mask: Mask) -> list[RegionFacts]:
    """Return the facts of the connected pieces of a mask, the largest first."""
    from textseg.segmentation.pieces import find_pieces

    pieces = find_pieces(mask.soft, mask.binary(), mask.least_area)
    return [
        RegionFacts(
            index=index,
            box=list(region.box),
            area=region.area,
            share=region.area / mask.soft.size,
            centroid=list(region.centroid),
            score=min(max(region.score, 0.0), 1.0),
            mean_rgb=mean_rgb(mask.rgb, pieces.labels == number),
            position=position_words(region, pieces.regions, mask.size),
        )
        for index, (region, number) in enumerate(
            zip(pieces.regions, pieces.numbers, strict=True), start=1
        )
    ]


def mean_rgb(rgb: NDArray[np.float32], inside: NDArray[np.bool_]) -> list[int]:
    """Return the mean colour, 0 to 255, of the pixels inside; of all where none is."""
    pixels = rgb[inside] if inside.any() else rgb.reshape(-1, 3)
    return [round(255 * float(part)) for part in pixels.mean(0)]
