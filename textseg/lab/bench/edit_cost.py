"""What an edit costs in seconds and memory, taken in a process that does nothing else.

The evaluations are counted in the benchmark itself; time is not taken there, because several
scenes may be worked on at once.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from textseg.lab.bench.edit_editors import make_editor
from textseg.lab.bench.edit_questions import exam, scene_numbers
from textseg.lab.bench.memory import peak_megabytes

Made = TypeVar("Made")


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


def measure(name: str, *, rounds: int, steps: int | None = None) -> Cost:
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
        asked = exam("calibration", number)
        editing, opening = _timed(partial(editor.open, asked))
        for times, task in zip((first, repeat), asked.tasks, strict=False):
            answer, seconds = _timed(partial(editing, task))
            if answer is not None:
                times.append(seconds + (opening if times is first else 0))
    return Cost(_median(first[1:]), _median(repeat[1:]), peak_megabytes())


def _timed(make: Callable[[], Made]) -> tuple[Made, float]:
    start = time.perf_counter()
    made = make()
    return made, time.perf_counter() - start


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
