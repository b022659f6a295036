"""`textseg bench segment`: how well masks and presence answers match rendered truth.

Questions about held-out scenes go through the public `Scene` with default settings; the peer
answers the same questions with the same weights in the same run. Variants of the settings are
measured on the first scenes.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from textseg.diffusion.card import Masks
from textseg.diffusion.model import DiffusionModel
from textseg.lab.bench import cost
from textseg.lab.bench.peer import EVALUATIONS, DiffEditMask
from textseg.lab.bench.questions import SET_VERSION, QueryExam, Question, exams
from textseg.lab.bench.scores import (
    Specks,
    auroc,
    boundary_f,
    count_specks,
    iou,
    pixel_ap,
    share_of_cells,
)
from textseg.lab.bench.tables import show, write_table
from textseg.picturebook import weights_folder
from textseg.picturebook.worlds import World
from textseg.progress import Progress, ProgressCallback
from textseg.scene import Scene, SegmentOptions, load
from textseg.segmentation.draws import sigma_at
from textseg.segmentation.guide import CellGrid
from textseg.segmentation.result import LEAST_REGION, Segmentation

THRESHOLDS = np.round(np.arange(0.05, 1.0, 0.05), 2)
SAME = "default on the variants' scenes"
VARIANT_SHARE = 8  # variants see the first eighth of the scenes

COLUMNS = (
    "pixel AP",
    "IoU",
    "best IoU",
    "boundary F",
    "specks",
    "holes",
    "presence AUROC",
    "false present",
    "missed",
    "evaluations/query",
    "s/query",
)


def variants(usual: Masks) -> dict[str, SegmentOptions]:
    """Return what is asked otherwise than a model's card says, by name."""
    soften, refine = replace(usual.soften, head=False), usual.refine
    raw = replace(refine, votes=0.0, speck=0.0)
    return {
        "N = 1": {"draws": 1},
        "N = 4": {"draws": 4},
        "N = 20": {"draws": 20},
        "one level (sigma 0.5)": {"levels": [0.5]},
        "one level (sigma 0.62)": {"levels": [0.62]},
        "log-SNR -3 to 1": {"sigma_range": (sigma_at(1.0), sigma_at(-3.0))},
        "attention: off, the plain difference": {"attention": False},
        "head: off, a threshold on the product": {"soften": soften},
        "statistic: information": {"soften": replace(soften, statistic="information")},
        "statistic: evidence": {"soften": replace(soften, statistic="evidence", scale=1.0)},
        "presence: rivals decide in doubt": {"presence": "rivals"},
        "refinement: no votes, with specks": {"refine": raw},
        "refinement: off (bicubic)": {"refine": replace(raw, method="bicubic")},
        "refinement: walker": {"refine": replace(refine, method="walker")},
    }


@dataclass(frozen=True)
class ScoredAnswer:
    """What one method said to one question, scored.

    `ap`, `boundary` and `ious` (default threshold first, then `THRESHOLDS`) are nan for absent
    queries, `specks` are 0 then; `presence` and `present` are None for a method that cannot tell.
    """

    question: Question
    ap: float
    boundary: float
    ious: tuple[float, ...]
    specks: Specks
    presence: float | None
    present: bool | None
    evaluations: float
    seconds: float


@dataclass(frozen=True)
class Report:
    """Everything that was measured."""

    rows: dict[str, dict[str, Any]]  # Any: numbers, or None where a method has no such thing
    facts: dict[str, int]

    @classmethod
    def from_json(cls, measured: dict[str, Any]) -> Report:  # Any: what `to_json` wrote, parsed
        """Return the report that `to_json` wrote."""
        rows = {name: value for name, value in measured.items() if isinstance(value, dict)}
        facts = {name: value for name, value in measured.items() if name not in rows}
        return cls(rows, facts)

    def to_json(self) -> str:
        """Return one JSON object: facts, then a row per method, group and variant."""
        return json.dumps({**self.facts, **self.rows}, indent=2)

    def to_text(self) -> str:
        """Return a Markdown table."""
        drawn = write_table(["", *COLUMNS], ([name, *_cells(row)] for name, row in self._flat()))
        facts = ", ".join(f"{key} {value}" for key, value in self.facts.items())
        return "\n\n".join([drawn, _cost_text(cast("cost.QueryCost", self.rows["cost"])), facts])

    def _flat(self) -> Iterable[tuple[str, dict[str, Any]]]:
        for name, row in self.rows.items():
            if name != "cost":
                yield from row.items() if name in ("groups", "variants") else [(name, row)]


def _cells(row: dict[str, Any]) -> list[str]:
    shares = ["pixel_ap", "iou", "best_iou", "boundary_f"]
    cells = [show(row[key], "{:.3f}") for key in shares]
    cells += [show(row[key], "{:.1f}") for key in ("specks", "holes")]
    cells.append(show(row["presence_auroc"], "{:.3f}"))
    cells += [show(row[key], "{:.1%}") for key in ("false_present", "missed")]
    cells.append(show(row["evaluations_per_query"], "{:.1f}"))
    return [*cells, show(row["seconds_per_query"], "{:.2f}")]


def _cost_text(row: cost.QueryCost) -> str:
    return (
        f"One query takes {row['seconds_one_query']:.2f} s, "
        f"{row['over_bare_evaluations']:.2f} x its bare network evaluations; five in one call take "
        f"{row['five_together_over_single']:.2f} x five calls; loading takes "
        f"{row['seconds_loading']:.2f} s; 20 queries in one call raise the peak memory by "
        f"{row['megabytes_20_queries']:.0f} MB."
    )


def run(
    *,
    scenes: int = 400,
    seed: int = 0,
    world: World = 1,
    progress: ProgressCallback | None = None,
) -> Report:
    """Measure the embedded model on held-out scenes.

    Args:
        scenes: how many.
        seed: which ones; different seeds share no scene.
        world: the version that they are of.
        progress: told of every scene.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    report = progress or (lambda _: None)
    model, peer = load("picturebook"), DiffEditMask(weights_folder())
    asked_otherwise, shared = variants(model.card.masks), max(1, scenes // VARIANT_SHARE)
    ours: list[ScoredAnswer] = []
    theirs: list[ScoredAnswer] = []
    perfect: list[ScoredAnswer] = []
    varied: dict[str, list[ScoredAnswer]] = {name: [] for name in (SAME, *asked_otherwise)}
    for k, exam in enumerate(exams("evaluation", scenes=scenes, seed=seed, world=world)):
        report(Progress("scenes", k, scenes))
        answered = ask(exam, model)
        ours += answered
        there = [question for question in exam.questions if question.present]
        usual = [question for question in there if not question.reworded]
        theirs += [ask_peer(exam, question, peer, stride=model.latent_stride) for question in usual]
        perfect += [oracle(question, stride=model.latent_stride) for question in usual]
        if k < shared:
            varied[SAME] += answered
            for name, options in asked_otherwise.items():
                varied[name] += ask(exam, model, options)
    report(Progress("scenes", scenes, scenes))
    return Report(
        rows={
            "default": summary(ours),
            "peer": summary(theirs),
            "oracle": summary(perfect),
            "groups": groups(ours),
            "variants": {name: summary(answers) for name, answers in varied.items()},
            "cost": {**cost.measure(model)},
        },
        facts={
            "scenes": scenes,
            "seed": seed,
            "world": world,
            "questions": SET_VERSION,
            "asked": len(ours),
            "variant_scenes": shared,
        },
    )


def ask(
    exam: QueryExam, model: DiffusionModel, options: SegmentOptions | None = None
) -> list[ScoredAnswer]:
    """Return the scored answers of `Scene.segment_all` to all questions of a scene."""
    start = time.perf_counter()
    scene = Scene.open(exam.rendered.image, model)
    queries = [question.query for question in exam.questions]
    found = scene.segment_all(queries, **(options or {}))
    seconds = (time.perf_counter() - start) / len(queries)
    return [
        score(question, item, found.evaluations / len(queries), seconds)
        for question, item in zip(exam.questions, found, strict=True)
    ]


def score(
    question: Question, found: Segmentation, evaluations: float, seconds: float
) -> ScoredAnswer:
    """Return one scored answer of ours."""
    least = LEAST_REGION * found.soft.size / found.raw.difference.size
    answer = _scored(question, found.soft, found.binary(), least)
    return replace(
        answer,
        presence=None if found.present is None else found.presence,
        present=found.present,
        evaluations=evaluations,
        seconds=seconds,
    )


def ask_peer(
    exam: QueryExam, question: Question, peer: DiffEditMask, *, stride: int
) -> ScoredAnswer:
    """Return the scored answer of the peer."""
    start = time.perf_counter()
    mask = peer(exam.rendered.image, question.query, seed=0)
    seconds = time.perf_counter() - start
    answer = _scored(question, mask.astype(np.float32), mask, LEAST_REGION * stride**2)
    return replace(answer, evaluations=float(EVALUATIONS), seconds=seconds)


def oracle(question: Question, *, stride: int) -> ScoredAnswer:
    """Return the score of the truth at latent size, enlarged without looking at the picture."""
    height, width = question.truth.shape
    cells = share_of_cells(question.truth, (height // stride, width // stride))
    grid = CellGrid(size=(height, width), cells=(height / stride, width / stride))
    soft = grid.enlarge(cells).clip(0, 1)
    return _scored(question, soft, soft > 0.5, LEAST_REGION * stride**2)


def _scored(
    question: Question, soft: NDArray[np.float32], binary: NDArray[np.bool_], least: float
) -> ScoredAnswer:
    """Return the score of a mask; pieces and holes of less than ``least`` pixels are specks."""
    truth, nothing = question.truth, (float("nan"),) * (len(THRESHOLDS) + 1)
    if not question.present:
        none = Specks(0, 0)
        return ScoredAnswer(question, nothing[0], nothing[0], nothing, none, None, None, 0.0, 0.0)
    ious = [iou(binary, truth)] + [iou(soft > level, truth) for level in THRESHOLDS]
    return ScoredAnswer(
        question,
        pixel_ap(soft, truth),
        boundary_f(binary, truth),
        tuple(ious),
        count_specks(binary, least),
        None,
        None,
        0.0,
        0.0,
    )


def summary(answers: Sequence[ScoredAnswer]) -> dict[str, Any]:  # Any: as in Report
    """Return the row of a table; things below `MIN_AREA` and reworded questions do not count."""
    counted = [a for a in answers if not a.question.small and not a.question.reworded]
    return _row(counted)


def _row(answers: Sequence[ScoredAnswer]) -> dict[str, Any]:  # Any: as in Report
    there = [answer for answer in answers if answer.question.present]
    ious = np.array([answer.ious for answer in there]).mean(0) if there else None
    best = None if ious is None else int(np.argmax(ious[1:]))
    return {
        "queries": len(answers),
        "pixel_ap": _mean(there, lambda a: a.ap),
        "iou": None if ious is None else float(ious[0]),
        "best_iou": None if ious is None or best is None else float(ious[1 + best]),
        "best_threshold": None if best is None else float(THRESHOLDS[best]),
        "boundary_f": _mean(there, lambda a: a.boundary),
        "specks": _mean(there, lambda a: a.specks.pieces),
        "holes": _mean(there, lambda a: a.specks.holes),
        **_presence(answers),
        "evaluations_per_query": _mean(answers, lambda a: a.evaluations),
        "seconds_per_query": _mean(answers, lambda a: a.seconds),
    }


def _presence(answers: Sequence[ScoredAnswer]) -> dict[str, float | None]:
    told = [answer for answer in answers if answer.presence is not None]
    there = [not answer.present for answer in told if answer.question.present]
    absent = [bool(answer.present) for answer in told if not answer.question.present]
    area = (
        auroc([a.presence or 0.0 for a in told], [a.question.present for a in told])
        if told
        else None
    )
    return {
        "presence_auroc": area if area == area else None,
        "false_present": statistics.fmean(absent) if absent else None,
        "missed": statistics.fmean(there) if there else None,
    }


def _mean(answers: Sequence[ScoredAnswer], value: Callable[[ScoredAnswer], float]) -> float | None:
    return statistics.fmean(value(answer) for answer in answers) if answers else None


def groups(answers: Sequence[ScoredAnswer]) -> dict[str, dict[str, Any]]:  # Any: as in Report
    """Return the same numbers for kinds of questions; absent ones go with some of the groups."""
    usual = [a for a in answers if not a.question.reworded]
    again = [a for a in answers if a.question.reworded]

    def among(chosen: Callable[[Question], bool]) -> dict[str, Any]:  # Any: as in Report
        return _row([a for a in usual if chosen(a.question)])

    rows = {
        "with colour": among(lambda q: not q.small and " " in q.query),
        "without colour": among(lambda q: not q.small and " " not in q.query),
        "held-out pairs": among(lambda q: not q.small and q.held_out),
        "seen pairs and kinds": among(lambda q: not q.small and q.present and not q.held_out),
        "hard absent": among(lambda q: q.hard),
        "easy absent": among(lambda q: not q.present and not q.hard),
        "smaller than 1 %": among(lambda q: q.small),
    }
    if again:  # to be compared with the first group: the same questions
        rows["held-out phrasings"] = _row([a for a in again if not a.question.small])
    return rows
