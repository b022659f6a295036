"""The figures of one edited picture, and the row of a table that many of them make."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textseg.editing.result import Evaluations
from textseg.lab.bench.edit_judging import RegionJudge, Verdict, judged
from textseg.lab.bench.edit_questions import BY_QUERY, OPERATIONS, Exam, Operation, Rgb, Task
from textseg.lab.bench.metrics.features import (
    clip_gain,
    clip_score,
    directional_similarity,
    leakage,
)
from textseg.lab.bench.metrics.pixels import blanked, changed_pixels, l1, mse, ssim

REPEATS: tuple[Operation, ...] = ("replace", "remove")
"""Operations whose query has been asked before, with another target."""


MISSED, NOTHING_DONE = Verdict(success=False, nearest=False), Evaluations()


@dataclass(frozen=True, eq=False)
class Answer:
    """What an editor made of a picture.

    Attributes:
        picture: (h, w, 3), what a person gets.
        raw: (h, w, 3), what the model made of the whole frame.
        mask: (h, w) in [0, 1]; where it is 0, nothing was to change.
        evaluations: rows through the network.
    """

    picture: Rgb
    raw: Rgb
    mask: NDArray[np.float32]
    evaluations: Evaluations


Editing = Callable[[Task], Answer | None]
"""Does the tasks of one scene, in their order; None where the query is not found."""


@dataclass(frozen=True)
class Figures:
    """What was measured of one answer; "outside" is outside the region where the truth differs.

    Attributes:
        clip_score: of the picture and the caption of the truth.
        clip_directional: of the way from the picture to the edited one and that of the captions.
        region_l1: mean absolute difference from the truth, inside the region.
        region_mse: mean squared difference there.
        changed_outside: pixels outside the editor's own mask that differ from the picture.
        mask_share: share of the picture under that mask.
        outside_mse: mean squared difference from the truth.
        outside_mse_raw: the same before the picture was composed with the one that was given.
        outside_ssim: structural similarity to the truth.
        outside_ssim_raw: likewise before.
        gain_inside: by how much the region came closer to the target text (100 cos).
        gain_outside: the same of everything else, as it should not.
        gain_outside_raw: likewise before.
    """

    clip_score: float
    clip_directional: float
    region_l1: float
    region_mse: float
    changed_outside: int
    mask_share: float
    outside_mse: float
    outside_mse_raw: float
    outside_ssim: float
    outside_ssim_raw: float
    gain_inside: float
    gain_outside: float
    gain_outside_raw: float


@dataclass(frozen=True)
class Score:
    """How one task went; where the query was not found there is nothing but this fact."""

    operation: Operation
    verdict: Verdict = MISSED
    figures: Figures | None = None
    evaluations: Evaluations = NOTHING_DONE

    @property
    def found(self) -> bool:
        """Whether anything was changed at all."""
        return self.figures is not None


@dataclass(frozen=True, eq=False)
class Marker:
    """Marks answers: with a judge, and with what it makes of the scene before the edit."""

    exam: Exam
    judge: RegionJudge

    def score(self, task: Task, answer: Answer | None) -> Score:
        """Return the score of an answer; None where the query was not found."""
        if answer is None:
            return Score(task.operation)
        verdict = judged(task, answer.picture, self.judge)
        figures = self._figures(task, answer)
        return Score(task.operation, verdict, figures, answer.evaluations)

    def _figures(self, task: Task, answer: Answer) -> Figures:
        outside, after, raw = ~task.region, answer.picture, answer.raw
        before = self.judge.image_features(task.before)
        seen = self.judge.image_features(after)
        source, target = self.judge.text_features(task.captions)
        return Figures(
            clip_score=clip_score(seen, target),
            clip_directional=directional_similarity(
                image_before=before, image_after=seen, text_before=source, text_after=target
            ),
            region_l1=l1(after, task.truth, where=task.region),
            region_mse=mse(after, task.truth, where=task.region),
            changed_outside=changed_pixels(task.before, after, where=answer.mask == 0),
            mask_share=float((answer.mask > 0).mean()),
            outside_mse=mse(after, task.truth, where=outside),
            outside_mse_raw=mse(raw, task.truth, where=outside),
            outside_ssim=ssim(after, task.truth, where=outside),
            outside_ssim_raw=ssim(raw, task.truth, where=outside),
            gain_inside=self._gain(task, after, task.region),
            gain_outside=self._gain(task, after, outside),
            gain_outside_raw=self._gain(task, raw, outside),
        )

    def _gain(self, task: Task, after: Rgb, where: NDArray[np.bool_]) -> float:
        parts = [self.judge.image_features(blanked(rgb, where)) for rgb in (task.before, after)]
        text = self.judge.text_features([task.target or task.captions[1]])[0]
        return clip_gain(before=parts[0], after=parts[1], text=text)


def summary(scores: Sequence[Score]) -> dict[str, Any]:  # Any: JSON
    """Return the row of one method.

    Success and finding are shares of all tasks of an operation. Figures are over the answers to
    `BY_QUERY`, which every editor can give; `operations` has them for each one alone. Decibels are
    those of the mean squared error, so that no perfect picture makes them infinite.
    """
    by_name = [score for score in scores if score.operation in BY_QUERY]
    row: dict[str, Any] = {"found": _mean([score.found for score in by_name])}
    for operation in OPERATIONS:
        chosen = [score for score in scores if score.operation == operation]
        row[f"{operation}_success"] = _mean([score.verdict.success for score in chosen])
    row["nearest"] = _mean([score.verdict.nearest for score in by_name])
    row |= _figures([score.figures for score in by_name if score.figures is not None])
    row |= _evaluations(scores)
    row["operations"] = {
        operation: _operation([score for score in scores if score.operation == operation])
        for operation in OPERATIONS
        if any(score.operation == operation for score in scores)
    }
    return row


def _operation(scores: Sequence[Score]) -> dict[str, Any]:  # Any: as in summary
    kinds = [score.verdict.kind for score in scores if score.verdict.kind is not None]
    colors = [score.verdict.color for score in scores if score.verdict.color is not None]
    return {
        "tasks": len(scores),
        "found": _mean([score.found for score in scores]),
        "success": _mean([score.verdict.success for score in scores]),
        "nearest": _mean([score.verdict.nearest for score in scores]),
        "kind_right_of_found": _mean(kinds),
        "color_right_of_found": _mean(colors),
        **_figures([score.figures for score in scores if score.figures is not None]),
        "evaluations": _mean([score.evaluations.total for score in scores if score.found]),
    }


def _figures(figures: Sequence[Figures]) -> dict[str, float | None]:
    def mean(value: Callable[[Figures], float]) -> float | None:
        return _mean([value(one) for one in figures])

    return {
        "clip_score": mean(lambda f: f.clip_score),
        "clip_directional": mean(lambda f: f.clip_directional),
        "region_l1": mean(lambda f: f.region_l1),
        "region_psnr": _decibels(mean(lambda f: f.region_mse)),
        "changed_outside": mean(lambda f: f.changed_outside),
        "mask_share": mean(lambda f: f.mask_share),
        "outside_truth_psnr": _decibels(mean(lambda f: f.outside_mse)),
        "outside_truth_psnr_raw": _decibels(mean(lambda f: f.outside_mse_raw)),
        "outside_truth_ssim": mean(lambda f: f.outside_ssim),
        "outside_truth_ssim_raw": mean(lambda f: f.outside_ssim_raw),
        "leakage": _leakage(mean(lambda f: f.gain_outside), mean(lambda f: f.gain_inside)),
        "leakage_raw": _leakage(mean(lambda f: f.gain_outside_raw), mean(lambda f: f.gain_inside)),
    }


def _evaluations(scores: Sequence[Score]) -> dict[str, float | None]:
    first = [s.evaluations.total for s in scores if s.found and s.operation == BY_QUERY[0]]
    repeat = [s.evaluations for s in scores if s.found and s.operation in REPEATS]
    return {
        "evaluations_first": _mean(first),
        "evaluations_repeat": _mean([one.total for one in repeat]),
        "evaluations_repeat_not_decoding": _mean([one.total - one.decode for one in repeat]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _decibels(error: float | None) -> float | None:
    if error is None:
        return None
    return -10 * math.log10(error) if error else None


def _leakage(outside: float | None, inside: float | None) -> float | None:
    return None if outside is None or inside is None else leakage(outside, inside)
