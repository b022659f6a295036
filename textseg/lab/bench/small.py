"""`textseg bench small`: how well small things in large pictures are found, by where one looks.

Scenes of 1024 pixels a side, eight times what the embedded model was made for, with things that
cover 1 to 3 % of them; the same questions at one look at the whole and at a second one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from textseg.diffusion.mask_settings import Look
from textseg.lab.bench.questions import QueryExam, exam_of
from textseg.lab.bench.segment import ScoredAnswer, ask, summary
from textseg.lab.bench.tables import show, write_table
from textseg.picturebook.scenes import Stream, render, sample_scene
from textseg.progress import Progress, ProgressCallback
from textseg.scene import load

SIDE = 1024
SIZES = (0.13, 0.22)  # of the unit square that a thing is drawn in, as shares of the side
SHARES = (0.01, 0.03)  # of the picture that things cover; a question about others is left out
FOUND = 0.5  # IoU from which on a thing counts as found
LOOKS: tuple[Look, ...] = get_args(Look)
_COLUMNS = {
    "iou": "{:.3f}",
    "boundary_f": "{:.3f}",
    "found": "{:.1%}",
    "presence_auroc": "{:.3f}",
    "false_present": "{:.1%}",
    "missed": "{:.1%}",
    "evaluations_per_query": "{:.1f}",
    "seconds_per_query": "{:.2f}",
}

Row = dict[str, Any]  # Any: numbers, or None where there is none


def measure_small(
    *,
    scenes: int = 40,
    seed: int = 0,
    stream: Stream = "evaluation",
    looks: Sequence[Look] = LOOKS,
    progress: ProgressCallback | None = None,
) -> dict[str, Row]:
    """Return a row of figures for each look of the embedded model.

    Args:
        scenes: how many.
        seed: which ones; different seeds share no scene.
        stream: tuning uses "calibration", reported numbers "evaluation".
        looks: which to compare.
        progress: told of every scene.
    """
    report = progress or (lambda _: None)
    model = load("picturebook", device="cpu")
    answers: dict[Look, list[ScoredAnswer]] = {look: [] for look in looks}
    for k, exam in enumerate(small_exams(stream, scenes=scenes, seed=seed)):
        report(Progress("scenes", k, scenes))
        for look, known in answers.items():
            known += ask(exam, model, {"look": look})
    report(Progress("scenes", scenes, scenes))
    return {look: _row(known) for look, known in answers.items()}


def small_exams(stream: Stream, *, scenes: int, seed: int, side: int = SIDE) -> Iterator[QueryExam]:
    """Yield scenes with small things, ``side`` pixels wide and high, and questions about them."""
    for i in range(scenes):
        index = seed * 1_000_000 + i
        rng = np.random.default_rng([7, index])
        usual = sample_scene(stream, index)
        things = tuple(replace(thing, size=float(rng.uniform(*SIZES))) for thing in usual.things)
        exam = exam_of(render(replace(usual, things=things), size=side), index)
        kept = [q for q in exam.questions if not q.present or _is_small(float(q.truth.mean()))]
        if kept:
            yield replace(exam, questions=tuple(kept))


def table(report: Mapping[str, Row]) -> str:
    """Return the figures as a Markdown table."""
    rows = (
        [look, str(row["queries"]), *(show(row[name], form) for name, form in _COLUMNS.items())]
        for look, row in report.items()
    )
    return write_table(["look", "queries", *(name.replace("_", " ") for name in _COLUMNS)], rows)


def _is_small(share: float) -> bool:
    return SHARES[0] <= share <= SHARES[1]


def _row(answers: Sequence[ScoredAnswer]) -> Row:
    there = [answer.ious[0] > FOUND for answer in answers if answer.question.present]
    return {**summary(answers), "found": float(np.mean(there)) if there else None}
