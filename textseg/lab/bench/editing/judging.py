"""Whether an edit did what was asked: by a network that made no edit, and by rendered truth alone.

The judge looks at the region where the truth differs and names what it sees there. Beside it stands
a rule without any network: of all the pictures that could have been asked for, is the edited one
nearest to the right one?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from textseg.lab.bench.editing.scene_tasks import Pair, SceneTask
from textseg.lab.bench.metrics.pixels import Mask, Rgb, l1
from textseg.lab.judge import RegionVerdict

REMOVED_L1 = 0.12
"""Largest mean absolute difference from the rendered truth at which a thing counts as removed."""

FOUND = 0.5  # probability from which on the judge finds a thing at all


class RegionJudge(Protocol):
    """What is asked of the judge; see `textseg.lab.judge.Judge`."""

    def region(self, rgb: Rgb, mask: NDArray[np.generic]) -> RegionVerdict:
        """Return what the region of a mask (h, w) shows."""
        ...

    def image_features(self, rgb: Rgb) -> NDArray[np.float32]:
        """Return the features (d,) of a picture (h, w, 3)."""
        ...

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the features (n, d) of texts."""
        ...


@dataclass(frozen=True)
class Verdict:
    """What was found at the place of an edit.

    Attributes:
        success: the judge finds what was asked for; of a setting, `nearest`, and all is `kept`.
        nearest: the rendered truth is the nearest candidate in the region (mean absolute
            difference), and for a removal near enough.
        kind: the judge finds the right kind; None where there is none to find.
        color: likewise the colour.
        kept: of a setting, the share of its things that the judge still names, of those that it
            names before the edit; None where there is none.
    """

    success: bool
    nearest: bool
    kind: bool | None = None
    color: bool | None = None
    kept: float | None = None


@dataclass(frozen=True)
class Reliability:
    """How the judge fares on pictures whose content is known, in the region of one task.

    Attributes:
        truth: the rendered truth counts as a success.
        unedited: of the picture as it is, the judge names the thing that is there; None for what
            has no thing there yet.
        fooled: the picture as it is counts as a success.
    """

    truth: bool
    unedited: bool | None
    fooled: bool


def judge_picture(task: SceneTask, rgb: Rgb, judge: RegionJudge) -> Verdict:
    """Return whether a picture (h, w, 3) shows what the task asked for."""
    nearest = _nearest(task, rgb)
    if task.pair is None:
        kept = _kept(task, rgb, judge)
        return Verdict(nearest and kept in (None, 1), nearest, kept=kept)
    seen = judge.region(rgb, task.region)
    found, (kind, color) = seen.present > FOUND, task.pair
    if task.operation == "remove":
        left = found and (task.bare or (seen.kind, seen.color) == task.pair)
        near = l1(rgb, task.truth, where=task.region) < REMOVED_L1
        return Verdict(near and not left, near and nearest)
    same_kind, same_color = found and seen.kind == kind, found and seen.color == color
    return Verdict(same_kind and same_color, nearest, same_kind, same_color)


def check_judge(task: SceneTask, judge: RegionJudge) -> Reliability:
    """Return how far the judge can be believed on this task."""
    there = task.there
    unedited = None if there is None else _names(judge, task.image, task.region, pair=there)
    return Reliability(
        truth=judge_picture(task, task.truth, judge).success,
        unedited=unedited,
        fooled=judge_picture(task, task.image, judge).success,
    )


def _kept(task: SceneTask, rgb: Rgb, judge: RegionJudge) -> float | None:
    named = [each for each in task.things if _names(judge, task.image, each[1], pair=each[0])]
    left = [_names(judge, rgb, mask, pair=pair) for pair, mask in named]
    return float(np.mean(left)) if left else None


def _names(judge: RegionJudge, rgb: Rgb, region: Mask, *, pair: Pair) -> bool:
    seen = judge.region(rgb, region)
    return seen.present > FOUND and (seen.kind, seen.color) == pair


def _nearest(task: SceneTask, rgb: Rgb) -> bool:
    away = {name: l1(rgb, other, where=task.region) for name, other in task.candidates.items()}
    return min(away, key=lambda name: away[name]) == task.answer
