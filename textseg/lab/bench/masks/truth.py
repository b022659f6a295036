"""What the pictures of a set hold, as it was drawn by people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from textseg.lab.bench.scores import Mask

Layout = Literal["coco", "voc", "imagenet-s", "editing-mask"]
Mean = Literal["classes", "pictures"]


@dataclass(frozen=True, eq=False)
class Truth:
    """What is in a picture.

    Attributes:
        masks: (H, W) of each category that is there; several instances are one mask.
        counted: (H, W), false for pixels that nobody can judge: they count nowhere.
        doubtful: categories of which nobody said whether they are there.
    """

    masks: Mapping[str, Mask]
    counted: Mask
    doubtful: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class LabelledPicture:
    """One picture of a set, and what reads its truth.

    ``read`` raises ``InvalidInputError`` where a file is missing, damaged or holds what the set
    has no category for.
    """

    path: Path
    read: Callable[[], Truth]


@dataclass(frozen=True, eq=False)
class MaskSet:
    """Pictures with masks.

    Attributes:
        layout: how the set is laid out.
        categories: all that may be asked of every picture; () where each has a text of its own.
        pictures: by their name in the set, in its order.
        fingerprint: of the list of the pictures and categories, or of the file that has both.
    """

    layout: Layout
    categories: tuple[str, ...]
    pictures: Mapping[str, LabelledPicture]
    fingerprint: str

    @property
    def mean(self) -> Mean:
        """What papers take the mean of the IoU over on such a set."""
        return "pictures" if self.layout == "editing-mask" else "classes"
