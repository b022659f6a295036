"""`textseg bench edit`: how well edits do what was asked, and what else they change.

Tasks about held-out scenes go through the public `Scene` with its defaults; the other methods and
the peer do the first of these tasks, with the same weights and seeds, in the same run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from multiprocessing import get_context
from typing import Any, get_args

import torch

from textseg.diffusion.card import Change
from textseg.errors import InvalidInputError
from textseg.lab.bench.editing.cost import Cost, measure_cost
from textseg.lab.bench.editing.editors import (
    DEFAULT,
    ONE_ATTEMPT,
    PEER,
    SAME_SCENES,
    TRUE_CAPTIONS,
    make_editor,
    quick_methods,
)
from textseg.lab.bench.editing.judging import REMOVED_L1, RegionJudge, Reliability, check_judge
from textseg.lab.bench.editing.report import Mean
from textseg.lab.bench.editing.running import Mapper, Outcome, Scored, run_items
from textseg.lab.bench.editing.scene_figures import score_answer, summarize
from textseg.lab.bench.editing.scene_table import write_tables
from textseg.lab.bench.editing.scene_tasks import (
    BY_QUERY,
    MIN_AREA,
    OPERATIONS,
    SET_VERSION,
    Operation,
    SceneTask,
    scene_numbers,
    scene_tasks,
)
from textseg.lab.bench.editing.tasks import Editor
from textseg.lab.judge import load_judge
from textseg.picturebook.scenes import WORLD_VERSION, Stream
from textseg.process import end_at_interrupt
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.registry.methods import make_method
from textseg.scene import load

STREAM: Stream = "evaluation"


@dataclass(frozen=True)
class EditBenchSettings:
    """What is measured.

    Attributes:
        scenes: held-out scenes; the default does the tasks of all of them.
        seed: which ones; different seeds share no scene.
        others: of these, how many the other methods and the peer do as well.
        workers: processes that work at once; the figures do not depend on it.
        rounds: scenes that seconds and memory are taken on, one process after the other; 0: not.
        steps: of every method and of the peer, for a quick look; None for each one's own.
        methods: names of the other methods; none: those that are quick.
    """

    scenes: int = 200
    seed: int = 0
    others: int = 40
    workers: int = 1
    rounds: int = 3
    steps: int | None = None
    methods: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"scenes": 1, "seed": 0, "others": 1, "workers": 1, "rounds": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InvalidInputError(f"{name} is at least {bound}, got {getattr(self, name)}")


@dataclass(frozen=True)
class EditReport:
    """Everything that was measured, ready for JSON."""

    measured: dict[str, Any]  # Any: JSON

    def as_json(self) -> str:
        """Return one JSON object.

        `default` and `peer` are rows, `methods` has one a registered method with its own options,
        `variants` the default on the same scenes as these, with a single attempt at each edit, and
        with true captions. Each is over its own number of `scenes`; `judge` says how far the judge
        can be believed. `problems` are scenes that could not be measured.
        """
        return json.dumps(self.measured, indent=2, allow_nan=False)

    def table(self) -> str:
        """Return the same as Markdown tables."""
        return write_tables(self.measured)


@dataclass(frozen=True)
class SceneScores:
    """What came out for one scene: scores by editor, and the judge's reliability by operation."""

    scores: Mapping[str, tuple[Scored, ...]]
    judge: Mapping[Operation, Reliability]


def measure_editing(
    settings: EditBenchSettings | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> EditReport:
    """Measure edits of the embedded model on held-out scenes.

    Args:
        settings: what to measure; None for the defaults.
        progress: told of every scene.
        cancel: looked at after each scene.

    Raises:
        UnknownNameError: no such method.
        Cancelled: `cancel` was raised.
    """
    chosen, follow = settings or EditBenchSettings(), Follow(progress, cancel)
    for method in chosen.methods:
        make_method(method)
    others = chosen.methods or tuple(quick_methods())
    names = (DEFAULT, PEER, *others, ONE_ATTEMPT, TRUE_CAPTIONS)
    numbers = scene_numbers(STREAM, scenes=chosen.scenes, seed=chosen.seed)
    editors = {
        number: names if k < chosen.others else names[:1] for k, number in enumerate(numbers)
    }
    with _workforce(chosen.workers) as mapper:
        score = partial(_score_scene, editors, chosen.steps)
        outcome = run_items(numbers, score, mapper=mapper, follow=follow)
    costs: dict[str, Cost] = {}
    for k, name in enumerate(names[:-1] if chosen.rounds else ()):
        follow.report("costs", k, len(names) - 1)
        costs[name] = measure_cost(name, rounds=chosen.rounds, steps=chosen.steps)
    return EditReport(assemble(outcome, costs, chosen))


def score_editors(
    tasks: Sequence[SceneTask], editors: Mapping[str, Editor], judge: RegionJudge
) -> SceneScores:
    """Return how editors do on the tasks of one scene; the peer gets those of `BY_QUERY`."""
    scores = {}
    for name, editor in editors.items():
        editing = editor.open(tasks[0].image)
        asked = [task for task in tasks if name != PEER or task.operation in BY_QUERY]
        scores[name] = tuple(score_answer(task, editing(task), judge) for task in asked)
    return SceneScores(scores, {task.operation: check_judge(task, judge) for task in tasks})


def assemble(
    outcome: Outcome[SceneScores], costs: Mapping[str, Cost], settings: EditBenchSettings
) -> dict[str, Any]:  # Any: JSON
    """Return the report as JSON-ready objects."""
    found = outcome.scored

    def row(name: str, scenes: Sequence[SceneScores]) -> dict[str, Any]:  # Any: as above
        done = [one.scores[name] for one in scenes if name in one.scores]
        cost = asdict(costs[name]) if name in costs else dict.fromkeys(Cost.__annotations__)
        return {"scenes": len(done), **summarize([s for scores in done for s in scores]), **cost}

    subset = [scores for scores in found if PEER in scores.scores]
    others = settings.methods or quick_methods()
    card = load("picturebook", device="cpu").card
    return {
        "default": row(DEFAULT, found),
        "peer": row(PEER, subset),
        "methods": {name: row(name, subset) for name in others},
        "variants": {
            SAME_SCENES: row(DEFAULT, subset),
            ONE_ATTEMPT: row(ONE_ATTEMPT, subset),
            TRUE_CAPTIONS: row(TRUE_CAPTIONS, subset),
        },
        "judge": {
            operation: _trust([scores.judge[operation] for scores in found])
            for operation in OPERATIONS
        },
        "problems": [asdict(problem) for problem in outcome.problems],
        "settings": {
            **asdict(settings),
            "stream": STREAM,
            "world": WORLD_VERSION,
            "questions": SET_VERSION,
            "least_area": MIN_AREA,
            "removed_l1": REMOVED_L1,
            "attempts": card.attempts.count,
            "default_methods": {name: card.edits.of(name).method for name in get_args(Change)},
        },
    }


def _trust(known: Sequence[Reliability]) -> dict[str, float | None]:
    return {
        name: Mean.of(getattr(one, name) for one in known).value
        for name in ("truth", "unedited", "fooled")
    }


@contextmanager
def _workforce(workers: int) -> Iterator[Mapper]:
    """Yield who does the work, in its order; always one thread each, so that results are alike."""
    if workers == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield map
        finally:
            torch.set_num_threads(threads)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    end_at_interrupt()  # a terminal's Ctrl-C reaches the workers too, and each would tell it
    torch.set_num_threads(1)


def _score_scene(names: Mapping[int, Sequence[str]], steps: int | None, number: int) -> SceneScores:
    editors = {name: _editor(name, steps) for name in names[number]}
    return score_editors(scene_tasks(STREAM, number), editors, load_judge())


@cache
def _editor(name: str, steps: int | None) -> Editor:
    return make_editor(name, steps=steps)
