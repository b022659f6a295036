"""What an edit costs in seconds and memory, taken in a process that does nothing else.

The evaluations are counted in the benchmark itself; time is not taken there, because several
scenes may be worked on at once.
"""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from textseg.lab.bench.editing.editors import make_editor
from textseg.lab.bench.editing.scene_tasks import scene_numbers, scene_tasks
from textseg.lab.bench.memory import peak_megabytes


@dataclass(frozen=True)
class Cost:
    """Costs of one editor.

    Attributes:
        seconds_first: median for opening a picture and editing it; None when nothing was found.
        seconds_repeat: median for another target of the same query; likewise.
        megabytes_peak: most memory that a process held that loaded the model and edited.
    """

    seconds_first: float | None
    seconds_repeat: float | None
    megabytes_peak: float


def measure_cost(name: str, *, rounds: int, steps: int | None = None) -> Cost:
    """Return the costs of an editor, on as many threads as torch takes by itself.

    Args:
        name: as `make_editor` takes it.
        rounds: scenes that count; one more warms up.
        steps: as `make_editor` takes them.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (name, rounds, steps))


def _measured(name: str, rounds: int, steps: int | None) -> Cost:
    editor = make_editor(name, steps=steps)
    first: list[float] = []
    repeat: list[float] = []
    for number in scene_numbers("calibration", scenes=rounds + 1, seed=0):
        tasks = scene_tasks("calibration", number)
        editing = editor.open(tasks[0].image)
        for times, task in zip((first, repeat), tasks, strict=False):
            answer = editing(task)
            if answer.found:
                times.append(answer.seconds)
    return Cost(_median(first[1:]), _median(repeat[1:]), peak_megabytes())


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
