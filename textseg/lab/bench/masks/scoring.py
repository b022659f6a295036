"""How masks of a set are scored, and what each figure is in the papers.

IoU of classes (VOC; Everingham et al. 2010): for each class intersection and union are summed over
the whole set, and the mean is taken over the classes. Small things and small pictures weigh little
within their class. IoU of pictures (Editing-Mask; arXiv:2401.07709): the mean over pictures of
their own IoU. The same masks give other numbers by the one and by the other.

Single-class IoU (ConceptAttention, arXiv:2502.04320, table 1): pictures with one category only.
The thing and the rest of the picture are two classes, whatever the category; their intersections
and unions are summed over the pictures, and the mean of the two is the figure. Two-sided AP comes
along with it: the average precision of ranking pixels once for the thing by p and once for the rest
by 1 - p, both in one list. Pixel AP ranks them for the thing alone.

Pixels that do not count are left out everywhere. At its own threshold a method finds nothing where
it says that the category is absent; papers that give the categories do not ask that. The best
threshold leaves this decision out. It is one for the whole set, found on the same pictures: what
could be reached, not what a method that does not know the truth reaches.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textseg.lab.bench.masks.truth import Mean
from textseg.lab.bench.scores import Mask, Soft, auroc, pixel_ap
from textseg.lab.bench.segment import THRESHOLDS

BACKGROUND = "(background)"
"""What no category has, as a class: it is in the mean of classes, and no question."""

Row = dict[str, float | None]


@dataclass(frozen=True)
class Tally:
    """What one method said to one question, counted in pixels.

    Attributes:
        there: whether the category is in the picture; None where that is doubtful.
        alone: whether it is the only one.
        pixels: how many count.
        intersections: with the truth, at the method's own threshold, then at `THRESHOLDS`; the
            former only for a method that gives no soft mask.
        unions: likewise.
        ap: average precision of ranking the pixels; None where nothing is there.
        two_sided_ap: the same with the rest of the picture as a second class.
        presence: probability that the category is in the picture; None for a method that cannot
            tell.
        present: its decision; likewise.
    """

    there: bool | None
    alone: bool
    pixels: int
    intersections: tuple[int, ...]
    unions: tuple[int, ...]
    ap: float | None = None
    two_sided_ap: float | None = None
    presence: float | None = None
    present: bool | None = None

    @property
    def ious(self) -> tuple[float, ...]:
        """Intersection over union at each threshold; 1 where both masks are empty."""
        pairs = zip(self.intersections, self.unions, strict=True)
        return tuple(both / either if either else 1.0 for both, either in pairs)


def count(
    binaries: Sequence[Mask], soft: Soft | None, truth: Mask, *, counted: Mask, there: bool | None
) -> Tally:
    """Return the pixels (H, W) of masks that agree with the truth; the caller adds the rest.

    Args:
        binaries: the masks at the method's own threshold and at others.
        soft: what pixels are ranked by; None for no ranking.
        truth: where the category is.
        counted: the pixels that count.
        there: whether the category is in the picture.
    """
    inside = truth[counted]
    found = [binary[counted] for binary in binaries]
    ranked = None if soft is None or not there else soft[counted]
    return Tally(
        there=there,
        alone=False,
        pixels=int(counted.sum()),
        intersections=tuple(int((mask & inside).sum()) for mask in found),
        unions=tuple(int((mask | inside).sum()) for mask in found),
        ap=None if ranked is None else pixel_ap(ranked, inside),
        two_sided_ap=None if ranked is None else _two_sided(ranked, inside),
    )


def _two_sided(soft: Soft, truth: Mask) -> float:
    return pixel_ap(np.stack([1 - soft, soft]), np.stack([~truth, truth]))


def summarize(asked: Sequence[Mapping[str, Tally]], *, mean: Mean, every: bool) -> Row:
    """Return the row of a table.

    Args:
        asked: for each picture the tallies by category.
        mean: what the mean of the IoU is taken over.
        every: whether every category was asked of every picture, so that what is found where it is
            not counts as well; otherwise only those that are there do.
    """
    flat = [tally for picture in asked for name, tally in picture.items() if name != BACKGROUND]
    there = [tally for tally in flat if tally.there]
    ious = class_ious(asked, every=every) if mean == "classes" else _picture_ious(there)
    best = int(ious[1:].argmax()) if len(ious) > 1 else None
    return {
        "pictures": len(asked),
        "questions": len(flat),
        "iou": float(ious[0]) if len(ious) else None,
        "best_iou": None if best is None else float(ious[1 + best]),
        "best_threshold": None if best is None else float(THRESHOLDS[best]),
        "single_class_pictures": sum(tally.alone for tally in there),
        "single_class_iou": single_class_iou(there),
        "pixel_ap": _mean(tally.ap for tally in there),
        "two_sided_ap": _mean(tally.two_sided_ap for tally in there if tally.alone),
        **_presence(flat),
    }


def class_ious(asked: Sequence[Mapping[str, Tally]], *, every: bool) -> NDArray[np.float64]:
    """Return at each threshold the mean over classes of IoU summed over the set; () without any.

    Classes that are in no picture are in no mean: of a whole set there are none.
    """
    tallies: defaultdict[str, list[Tally]] = defaultdict(list)
    for picture in asked:
        for name, tally in picture.items():
            tallies[name].append(tally)
    found = [
        _summed([t for t in of_class if t.there or every])
        for of_class in tallies.values()
        if any(tally.there for tally in of_class)
    ]
    return np.mean(found, 0) if found else np.empty(0)


def single_class_iou(there: Sequence[Tally]) -> float | None:
    """Return the mean IoU of thing and rest over pictures with one category; None without any."""
    alone = [tally for tally in there if tally.alone]
    if not alone:
        return None
    both = sum(tally.intersections[0] for tally in alone)
    either = sum(tally.unions[0] for tally in alone)
    pixels = sum(tally.pixels for tally in alone)
    rest = (pixels - either) / (pixels - both) if pixels > both else 1.0
    return (both / either + rest) / 2


def _picture_ious(there: Sequence[Tally]) -> NDArray[np.float64]:
    return np.mean([tally.ious for tally in there], 0) if there else np.empty(0)


def _summed(tallies: Sequence[Tally]) -> NDArray[np.float64]:
    both = np.sum([tally.intersections for tally in tallies], 0)
    return np.asarray(both / np.sum([tally.unions for tally in tallies], 0))


def _presence(flat: Sequence[Tally]) -> Row:
    told = [tally for tally in flat if tally.presence is not None and tally.there is not None]
    area = auroc([t.presence or 0.0 for t in told], [bool(t.there) for t in told]) if told else None
    return {
        "presence_auroc": None if area is None or np.isnan(area) else area,
        "false_present": _mean(float(bool(t.present)) for t in told if not t.there),
        "missed": _mean(float(not t.present) for t in told if t.there),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return statistics.fmean(defined) if defined else None
