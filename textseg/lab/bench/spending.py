"""`textseg bench cost`: what queries, edits and large pictures take, and what of that could go.

Seconds are those of the processor, on one thread, so that a machine which others use as well gives
the same; only labelling is told by the clock. What is compared takes turns in one process, and the
ratio of each turn counts.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from textseg.diffusion.model import DiffusionModel
from textseg.images import png_bytes
from textseg.lab.bench.cost import bare_evaluations
from textseg.lab.bench.editing.editors import DEFAULT, PEER, make_editor
from textseg.lab.bench.editing.scene_tasks import BY_QUERY, scene_numbers, scene_tasks
from textseg.lab.bench.questions import side_for
from textseg.lab.bench.tables import write_table
from textseg.labelling.label import label
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render, sample_scene
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.progress import Progress, ProgressCallback
from textseg.scene import Scene, load

COUNTS = (1, 5, 20)  # queries of a call
LARGE = (3000, 4000)
GRAIN = 2.0  # grey levels: a photograph is not as smooth as one that was enlarged
Form = str  # of ``str.format``
RATIO, SECONDS, SHARE, PACE = "{:.2f} x", "{:.2f} s", "{:.0%}", "{:.1f} a second"
WORKERS = (1, 2)


@dataclass(frozen=True)
class Figure:
    """A number that was measured: how it is written, and what it should be."""

    value: float
    form: Form
    goal: str = ""


@dataclass(frozen=True)
class Spending:
    """Everything that was measured, each number under what it says."""

    figures: dict[str, Figure]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what ``to_json`` wrote."""
        return cls({name: Figure(**each) for name, each in json.loads(text).items()})

    def to_json(self) -> str:
        """Return one JSON object: for each figure its value and its goal."""
        return json.dumps({name: asdict(each) for name, each in self.figures.items()}, indent=2)

    def to_text(self) -> str:
        """Return a Markdown table."""
        return write_table(
            ["", "measured", "goal"],
            [
                [name, each.form.format(each.value), each.goal]
                for name, each in self.figures.items()
            ],
        )


def measure_spending(
    *,
    rounds: int = 5,
    scenes: int = 4,
    pictures: int = 64,
    progress: ProgressCallback | None = None,
) -> Spending:
    """Return what the embedded model takes.

    Args:
        rounds: turns of each query, after one that warms up.
        scenes: calibration scenes whose things are edited.
        pictures: calibration scenes that are labelled.
        progress: told of every part.
    """
    report = progress or (lambda _: None)
    model = load("picturebook", device="cpu")
    parts: list[Callable[[], dict[str, Figure]]] = [
        lambda: measure_queries(model, rounds),
        lambda: measure_edits(scenes),
        lambda: measure_picture(model, LARGE),
        lambda: measure_labelling(model, pictures),
    ]
    figures: dict[str, Figure] = {}
    with _one_thread():
        for k, part in enumerate(parts):
            report(Progress("costs", k, len(parts)))
            figures |= part()
    report(Progress("costs", len(parts), len(parts)))
    return Spending(figures)


def measure_queries(model: DiffusionModel, rounds: int) -> dict[str, Figure]:
    """Return what calls of few and many queries take, beside encoding and evaluating alone."""
    image = render(PICTURES["meadow"][0], size=side_for(model)).image
    found: dict[str, Figure] = {}
    for count in COUNTS:
        queries = [f"{colour} {kind}" for kind, colour in islice(product(KINDS, COLORS), count)]
        rows = model.card.masks.levels.draws * (count + 1)
        turns = [
            (
                _seconds(lambda: Scene.open(image, model).segment_all(queries)),  # noqa: B023
                _seconds(lambda: bare_evaluations(model, image, rows=rows)),  # noqa: B023
            )
            for _ in range(rounds + 1)
        ][1:]
        name = f"{count} queries" if count > 1 else "1 query"
        found[name] = Figure(statistics.median(ours for ours, _ in turns), SECONDS)
        over = statistics.median(ours / bare for ours, bare in turns)
        found[f"{name}, over bare evaluations"] = Figure(over, RATIO, "1.05 x")
    return found


def measure_edits(scenes: int) -> dict[str, Figure]:
    """Return the cost of first edits, and what the peer takes for the same."""
    editors = {name: make_editor(name) for name in (DEFAULT, PEER)}
    spent: dict[str, list[tuple[float, int]]] = {name: [] for name in editors}
    for k, number in enumerate(scene_numbers("calibration", scenes=scenes + 1, seed=0)):
        for task in scene_tasks("calibration", number):
            if task.operation not in BY_QUERY:
                continue
            for name, editor in editors.items():
                start = time.process_time()
                answer = editor.open(task.image)(task)
                if k:  # the first warms up
                    spent[name].append((time.process_time() - start, answer.evaluations.total))
    ours, theirs = (np.mean(spent[name], axis=0) for name in (DEFAULT, PEER))
    return {
        "first edit, mean": Figure(float(ours[0]), SECONDS),
        "first edit, over the peer's": Figure(float(ours[0] / theirs[0]), RATIO, "0.5 x"),
        "first edit, evaluations": Figure(float(ours[1]), "{:.0f}", "150"),
    }


def measure_picture(model: DiffusionModel, size: tuple[int, int]) -> dict[str, Figure]:
    """Return what it takes from the file of a picture (H, W) to those of a mask, step by step.

    Of three turns the median counts.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "large.png"
        file.write_bytes(png_bytes(_enlarged(size)))
        turns = [_steps(model, file, Path(folder) / str(k)) for k in range(3)]
    reading, network, refining, saving = np.median(turns, axis=0)
    whole = reading + network + refining + saving
    name = f"{size[0] * size[1] / 1e6:.0f} megapixels"
    return {
        f"{name}, reading": Figure(float(reading), SECONDS),
        f"{name}, network": Figure(float(network), SECONDS),
        f"{name}, refining": Figure(float(refining), SECONDS),
        f"{name}, saving": Figure(float(saving), SECONDS),
        f"{name}, share of network and refining": Figure(
            float((network + refining) / whole), SHARE, "80%"
        ),
    }


def measure_labelling(
    model: DiffusionModel, pictures: int, *, crews: Sequence[int] = WORKERS
) -> dict[str, Figure]:
    """Return how many pictures a second are labelled with five queries, by a loop and by workers.

    These are seconds of the clock, from the first part that is finished on: loading the model is
    left out, and what else the machine does is not.
    """
    queries = [f"{colour} {kind}" for kind, colour in islice(product(KINDS, COLORS), 5)]
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{k:04}.png" for k in range(pictures)]
        numbers = scene_numbers("calibration", scenes=pictures, seed=0)
        for file, number in zip(files, numbers, strict=True):
            image = render(sample_scene("calibration", number), size=side_for(model)).image
            file.write_bytes(png_bytes(image))
        start = time.perf_counter()
        for file in files:
            Scene.open(file, model).segment_all(queries)
        loop = pictures / (time.perf_counter() - start)
        found = {"labelling, a loop in Python": Figure(loop, PACE)}
        for workers in crews:
            pace = _labelling_pace(Path(folder), queries, workers)
            several = "worker" if workers == 1 else "workers"
            found[f"labelling, {workers} {several}"] = Figure(pace, PACE)
            found[f"labelling, {workers} {several}, over the loop"] = Figure(pace / loop, RATIO)
    return found


def _labelling_pace(folder: Path, queries: list[str], workers: int) -> float:
    """Return pictures a second, from the first that have rows on."""
    reached: list[tuple[int, float]] = []

    def watch(progress: Progress) -> None:
        if progress.step and (not reached or progress.step > reached[-1][0]):
            reached.append((progress.step, time.perf_counter()))

    label(folder, queries, out=folder / f"labels-{workers}", workers=workers, progress=watch)
    (first, start), (last, end) = reached[0], reached[-1]
    return (last - first) / (end - start)


def _steps(model: DiffusionModel, file: Path, into: Path) -> tuple[float, ...]:
    """Return the seconds of reading, network, refining and saving."""
    marks: dict[str, float] = {}

    def watch(progress: Progress) -> None:
        marks.setdefault(progress.stage, time.process_time())

    start = time.process_time()
    scene = Scene.open(file, model)
    opened = time.process_time()
    found = scene.segment_all(["tree"], progress=watch)
    refined = time.process_time()
    found.save(into)
    saved = time.process_time()
    answered = marks["refining"]
    return opened - start, answered - opened, refined - answered, saved - refined


def _enlarged(size: tuple[int, int]) -> NDArray[np.uint8]:
    drawn = Image.fromarray(render(PICTURES["meadow"][0]).image)
    smooth = np.asarray(drawn.resize(size[::-1], Image.Resampling.BICUBIC), np.float32)
    grain = np.random.default_rng(0).normal(0, GRAIN, smooth.shape)
    return (smooth + grain).clip(0, 255).round().astype(np.uint8)


def _seconds(part: Callable[[], object]) -> float:
    start = time.process_time()
    part()
    return time.process_time() - start


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
