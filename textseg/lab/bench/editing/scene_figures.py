"""The figures of one edited scene, and the row of a table that many of them make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from textseg.lab.bench.editing.judging import RegionJudge, judge_picture
from textseg.lab.bench.editing.report import Mean, Ratio
from textseg.lab.bench.editing.running import Figures, Scored
from textseg.lab.bench.editing.scene_tasks import BY_QUERY, OPERATIONS, Operation, SceneTask
from textseg.lab.bench.editing.tasks import Answer
from textseg.lab.bench.metrics.features import (
    clip_gain,
    clip_score,
    directional_similarity,
    leakage,
)
from textseg.lab.bench.metrics.pixels import Mask, Rgb, blanked, changed_pixels, l1, mse, ssim

REPEATS: tuple[Operation, ...] = ("replace", "remove")
"""Operations whose query has been asked before, with another target."""

LEAKAGE = Ratio("gain_outside", "gain_inside", leakage)
LEAKAGE_RAW = Ratio("gain_outside_raw", "gain_inside", leakage)


def score_answer(task: SceneTask, answer: Answer, judge: RegionJudge) -> Scored:
    """Return how a task went: whether the query was found, the `Verdict`, and what is `measure`d.

    Where it was not found, the first of these is all there is, and the task failed.
    """
    figures: dict[str, float | None] = {"found": answer.found, "success": False, "nearest": False}
    if answer.found:
        figures |= {
            **asdict(judge_picture(task, answer.rgb, judge)),
            **measure(task, answer, judge),
        }
    return Scored.of(f"{task.seed} {task.operation}", answer, figures, group=task.operation)


def measure(task: SceneTask, answer: Answer, judge: RegionJudge) -> Figures:
    """Return the figures of an answer.

    Returns:
        clip_score: of the picture and the caption of the truth.
        clip_directional: of the way from the picture to the edited one and that of the captions.
        region_l1, region_mse: mean absolute and squared difference from the truth, inside the
            region where the truth differs.
        changed_outside: pixels outside the editor's own mask that differ from the picture.
        mask_share: share of the picture under that mask.
        outside_mse, outside_ssim: mean squared difference from the truth and structural similarity
            to it, outside the region.
        gain_inside: by how much the region came closer to the target text (100 cos).
        gain_outside: the same of everything else, as it should not.
        outside_mse_raw, outside_ssim_raw, gain_outside_raw: the same before the picture was
            composed with the one that was given.
        not_decoding: rows through the network that found the place or inverted the picture.
    """
    before, after, outside = task.image, answer.rgb, ~task.region
    raw = after if answer.raw is None else answer.raw
    mask = np.ones(outside.shape) if answer.mask is None else answer.mask
    source, target = judge.text_features([task.source_prompt, task.target_prompt])
    seen = judge.image_features(after)
    asked = judge.text_features([task.target or task.target_prompt])[0]

    def gain(rgb: Rgb, where: Mask) -> float:
        parts = [judge.image_features(blanked(each, where)) for each in (before, rgb)]
        return clip_gain(before=parts[0], after=parts[1], text=asked)

    return {
        "clip_score": clip_score(seen, target),
        "clip_directional": directional_similarity(
            image_before=judge.image_features(before),
            image_after=seen,
            text_before=source,
            text_after=target,
        ),
        "region_l1": l1(after, task.truth, where=task.region),
        "region_mse": mse(after, task.truth, where=task.region),
        "changed_outside": changed_pixels(before, after, where=mask == 0),
        "mask_share": float((mask > 0).mean()),
        "outside_mse": mse(after, task.truth, where=outside),
        "outside_mse_raw": mse(raw, task.truth, where=outside),
        "outside_ssim": ssim(after, task.truth, where=outside),
        "outside_ssim_raw": ssim(raw, task.truth, where=outside),
        "gain_inside": gain(after, task.region),
        "gain_outside": gain(after, outside),
        "gain_outside_raw": gain(raw, outside),
        "not_decoding": answer.evaluations.total - answer.evaluations.decode,
    }


def summarize(scores: Sequence[Scored]) -> dict[str, Any]:  # Any: JSON
    """Return the row of one editor.

    Success and finding are shares of all tasks of an operation. Figures are over the answers to
    `BY_QUERY`, which every editor can give; `operations` has them for each one alone. Decibels are
    those of the mean squared error, so that no perfect picture makes them infinite.
    """
    by_name = [score for score in scores if score.group in BY_QUERY]
    parts = {
        operation: [score for score in scores if score.group == operation]
        for operation in OPERATIONS
    }
    repeats = [score for operation in REPEATS for score in parts[operation]]
    return {
        "found": _mean("found", by_name),
        **{f"{operation}_success": _mean("success", parts[operation]) for operation in OPERATIONS},
        "things_kept": _mean("kept", parts["setting"]),
        "nearest": _mean("nearest", by_name),
        **_figures(by_name),
        "evaluations_first": _evaluations(parts[BY_QUERY[0]]),
        "evaluations_repeat": _evaluations(repeats),
        "evaluations_repeat_not_decoding": _mean("not_decoding", repeats),
        "operations": {name: _operation(part) for name, part in parts.items() if part},
    }


def _operation(scores: Sequence[Scored]) -> dict[str, Any]:  # Any: as in summarize
    return {
        "tasks": len(scores),
        "found": _mean("found", scores),
        "success": _mean("success", scores),
        "nearest": _mean("nearest", scores),
        "kind_right_of_found": _mean("kind", scores),
        "color_right_of_found": _mean("color", scores),
        **_figures(scores),
        "evaluations": _evaluations(scores),
    }


def _figures(scores: Sequence[Scored]) -> dict[str, float | None]:
    return {
        "clip_score": _mean("clip_score", scores),
        "clip_directional": _mean("clip_directional", scores),
        "region_l1": _mean("region_l1", scores),
        "region_psnr": _decibels("region_mse", scores),
        "changed_outside": _mean("changed_outside", scores),
        "mask_share": _mean("mask_share", scores),
        "outside_truth_psnr": _decibels("outside_mse", scores),
        "outside_truth_psnr_raw": _decibels("outside_mse_raw", scores),
        "outside_truth_ssim": _mean("outside_ssim", scores),
        "outside_truth_ssim_raw": _mean("outside_ssim_raw", scores),
        "leakage": LEAKAGE.of(scores),
        "leakage_raw": LEAKAGE_RAW.of(scores),
    }


def _mean(name: str, scores: Sequence[Scored]) -> float | None:
    return Mean.of_figure(name, scores).value


def _evaluations(scores: Sequence[Scored]) -> float | None:
    return Mean.of(score.evaluations for score in scores if score.figures["found"]).value


def _decibels(name: str, scores: Sequence[Scored]) -> float | None:
    error = _mean(name, scores)
    return -10 * math.log10(error) if error else None
