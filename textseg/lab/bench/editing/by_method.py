"""How often each edit method does what it is for: `python -m textseg.lab.bench.editing.by_method`.

Held-out scenes with known truth, as in `textseg bench edit`, but each method alone, with the card's
options and one attempt, at the kinds of change that it says it suits. Every method has a file of
results in a folder, to which a run adds: what is there is not measured again, so a run may be
stopped, and several may work side by side. ``--write`` sums up what the folder holds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from textseg.editing.planning import usual_options
from textseg.files import write_files
from textseg.lab.bench.editing.editors import make_editor
from textseg.lab.bench.editing.judging import RegionJudge
from textseg.lab.bench.editing.report import Mean
from textseg.lab.bench.editing.running import Problem, Results, Scored, run_items
from textseg.lab.bench.editing.scene_figures import score_answer
from textseg.lab.bench.editing.scene_tasks import (
    OPERATIONS,
    SET_VERSION,
    Operation,
    scene_numbers,
    scene_tasks,
)
from textseg.lab.bench.editing.tasks import Editor
from textseg.lab.judge import load_judge
from textseg.picturebook.scenes import WORLD_VERSION, Stream
from textseg.progress import Follow
from textseg.registry.methods import method_names, methods
from textseg.scene import load

STREAM: Stream = "evaluation"
Row = dict[str, Any]  # Any: JSON


def operations_of(name: str) -> tuple[Operation, ...]:
    """Return the kinds of edit of the benchmark that a method is for."""
    info = next(info for info in methods() if info.name == name)
    suits = {"recolour" if kind == "alter" else kind for kind in info.suits}
    return tuple(operation for operation in OPERATIONS if operation in suits)


def results_of(name: str, folder: Path) -> Results:
    """Return the results of a method; they are those of its options and of these scenes."""
    card = load("picturebook", device="cpu").card
    options = usual_options(name, card=card, steps=None)
    header = {"method": name, "options": options, "stream": STREAM}
    return Results(
        folder / f"{name}.jsonl", header | {"world": WORLD_VERSION, "questions": SET_VERSION}
    )


def measure_method(
    results: Results,
    editor: Editor,
    judge: RegionJudge,
    *,
    operations: Sequence[Operation],
    numbers: Sequence[int],
    follow: Follow,
) -> tuple[Problem, ...]:
    """Add how a method does on scenes to its results; return what could not be measured.

    Args:
        results: what is in them is left as it is.
        editor: the method.
        judge: of what came out.
        operations: kinds of edit.
        numbers: of the scenes.
        follow: told of every edit, and asked between them whether to stop.
    """

    @lru_cache(maxsize=1)
    def opened(number: int) -> tuple[Any, Any]:  # Any: an Editing, and its tasks by name
        tasks = {task.operation: task for task in scene_tasks(STREAM, number)}
        return editor.open(tasks["recolour"].image), tasks

    def score(key: str) -> Scored:
        number, operation = key.split()
        edit, tasks = opened(int(number))
        return score_answer(tasks[operation], edit(tasks[operation]), judge)

    keys = [f"{number} {operation}" for number in numbers for operation in operations]
    return run_items(keys, results.resumed(score), follow=follow).problems


def sum_up(scores: Sequence[Scored], operations: Sequence[Operation]) -> Row:
    """Return the row of a method, over the scenes of which all its edits were measured.

    Returns:
        scenes: how many those are.
        success: the share of its edits that came off, by kind; None where there is none.
        evaluations: rows through the network of the first edit of a scene, finding included.
    """
    counts = Counter(score.key.split()[0] for score in scores)
    whole = [score for score in scores if counts[score.key.split()[0]] == len(operations)]
    parts = {name: [score for score in whole if score.group == name] for name in operations}
    first = parts[operations[0]]
    return {
        "scenes": len(first),
        "success": {name: Mean.of_figure("success", part).value for name, part in parts.items()},
        "evaluations": Mean.of(one.evaluations for one in first if one.figures["found"]).value,
    }


def read_rows(folder: Path) -> dict[str, Row]:
    """Return the rows of the methods that have results in a folder, by name, with their options."""
    rows = {}
    for name in method_names():
        results = results_of(name, folder)
        if results.path.is_file():
            scores = list(results.read().values())
            rows[name] = {
                **sum_up(scores, operations_of(name)),
                "options": results.header["options"],
            }
    return rows


def main(
    folder: Annotated[Path, typer.Argument(help="Of the results, one file a method.")],
    method: Annotated[list[str] | None, typer.Option(help="To measure; may be repeated.")] = None,
    scenes: Annotated[int, typer.Option(min=1, help="Held-out scenes to render.")] = 100,
    write: Annotated[Path | None, typer.Option(help="Write the rows there, as JSON.")] = None,
) -> None:
    """Measure methods on held-out scenes, or write down what has been measured."""
    if method:
        _measure(method, folder, scenes=scenes)
    if write is not None:
        content = json.dumps({"methods": read_rows(folder)}, indent=2) + "\n"
        write_files(write.parent, [(write.name, content.encode())], force=True)


def _measure(names: Sequence[str], folder: Path, *, scenes: int) -> None:
    torch.set_num_threads(1)  # so that results do not depend on the machine
    judge, numbers = load_judge(), scene_numbers(STREAM, scenes=scenes, seed=0)
    for name in names:
        problems = measure_method(
            results_of(name, folder),
            make_editor(name),
            judge,
            operations=operations_of(name),
            numbers=numbers,
            follow=Follow(),
        )
        for problem in problems:
            typer.echo(f"left out: {name}, {problem.key}: {problem.reason}", err=True)


if __name__ == "__main__":
    typer.run(main)
