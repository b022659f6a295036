"""How exactly a picture comes back from its inversion, against the evaluations that takes.

Scenes of the embedded world are inverted and decoded again, both without guidance and with the same
prompt: once the empty one, once a caption that names everything. They are scenes of calibration,
because defaults are set by these numbers.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textseg.diffusion.counting import Counter
from textseg.diffusion.inversion import invert
from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.diffusion.sampling import Step, denoise_with, last, walk
from textseg.diffusion.solvers import SOLVERS, Solver, fixed_point
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.base import edit_levels
from textseg.editing.diffedit import DiffEdit
from textseg.images import to_rgb, to_tensor
from textseg.lab.bench.metrics.pixels import psnr
from textseg.lab.bench.questions import side_for
from textseg.lab.bench.tables import write_table
from textseg.lab.visible import full_caption, seen_in
from textseg.picturebook.scenes import WORLD_VERSION, render, sample_scene
from textseg.progress import Progress, ProgressCallback
from textseg.scene import load

STEPS = (8, 16, 24, 50)
STRENGTHS = (0.8, 1.0)
PROMPTS = ("empty", "caption")
BATCH = 8

UPWARDS: Mapping[str, Solver] = {
    "euler": SOLVERS["euler"],
    "fixed_point 2": fixed_point(2),
    "fixed_point 3": fixed_point(3),
    "reused_midpoint": SOLVERS["reused_midpoint"],
    "dpm_solver_2m": SOLVERS["dpm_solver_2m"],
}
ROUTES: Mapping[str, Sequence[str]] = {
    "euler": ("euler", "dpm_solver_2m"),
    "fixed_point 2": ("euler",),
    "fixed_point 3": ("euler", "dpm_solver_2m"),
    "reused_midpoint": ("reused_midpoint", "dpm_solver_2m"),
    "dpm_solver_2m": ("dpm_solver_2m", "reused_midpoint"),
}
"""For each solver of the way up those of the way down; fixed point is Euler's own inverse."""


@dataclass(frozen=True)
class Route:
    """A way up into the noise and down again.

    Attributes:
        up: solver of the inversion.
        down: solver of the decoding.
        prompt: "empty" or "caption".
        steps: of a walk from pure noise.
        strength: share of the levels that is gone through.
    """

    up: str
    down: str
    prompt: str
    steps: int
    strength: float


@dataclass(frozen=True)
class RoundTrip:
    """What came back.

    Attributes:
        evaluations: of the network for one picture, up and down together.
        error: distance of the latents from those of the picture, as a share of their length.
        psnr: of the decoded picture against the one that was given, in decibels.
    """

    evaluations: float
    error: float
    psnr: float


@dataclass(frozen=True, eq=False)
class _Pictures:
    """Pictures (b, 3, H, W), their latents, and the texts that they go through the network with."""

    images: Tensor
    latents: Tensor
    texts: Mapping[str, Conditioning]


@dataclass(frozen=True, eq=False)
class _Ascent:
    """A trajectory and, for each level, the rows that went through the network to get there."""

    path: Trajectory
    rows: Mapping[float, int]


def measure_inversion(
    *,
    scenes: int = 20,
    seed: int = 0,
    steps: Sequence[int] = STEPS,
    strengths: Sequence[float] = STRENGTHS,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:  # Any: JSON
    """Return the mean round trips of the embedded model, ready for JSON.

    Args:
        scenes: how many.
        seed: which ones; different seeds share no scene.
        steps: numbers of steps from pure noise.
        strengths: shares of the levels.
        progress: told of every prompt and number of steps.

    Returns:
        ``rows``, each the fields of a ``Route`` and of its mean ``RoundTrip``;
        ``psnr_autoencoder``, what encoding and decoding alone leave; ``scenes``, ``seed``,
        ``world``.
    """
    model, report = load("picturebook"), progress or (lambda _: None)
    cases = list(product(PROMPTS, steps))
    firsts = range(0, scenes, BATCH)
    found: dict[Route, list[RoundTrip]] = {}
    ceiling: list[float] = []
    with torch.no_grad():
        for batch, first in enumerate(firsts):
            numbers = range(first, min(first + BATCH, scenes))
            pictures = _read(model, [seed * 1_000_000 + number for number in numbers])
            ceiling += _psnrs(model, pictures, pictures.latents)
            for k, (prompt, count) in enumerate(cases):
                report(Progress("round trips", batch * len(cases) + k, len(firsts) * len(cases)))
                for route, trips in _round_trips(
                    model, pictures, prompt, steps=count, strengths=strengths
                ):
                    found.setdefault(route, []).extend(trips)
    report(Progress("round trips", len(firsts) * len(cases), len(firsts) * len(cases)))
    return {
        "rows": [asdict(route) | asdict(_mean(trips)) for route, trips in found.items()],
        "psnr_autoencoder": statistics.fmean(ceiling),
        "scenes": scenes,
        "seed": seed,
        "world": WORLD_VERSION,
    }


def table(report: dict[str, Any]) -> str:  # Any: as in measure_inversion
    """Return the report as a table in Markdown, a row for each way, a column for each number."""
    columns = ("up", "down", "prompt", "steps", "strength", "evaluations", "error", "psnr")
    forms = ("{}", "{}", "{}", "{}", "{:g}", "{:.0f}", "{:.4f}", "{:.2f}")
    rows = (
        [form.format(row[column]) for form, column in zip(forms, columns, strict=True)]
        for row in report["rows"]
    )
    return write_table(columns, rows)


def _read(model: DiffusionModel, indices: Sequence[int]) -> _Pictures:
    scenes = [render(sample_scene("calibration", index), size=side_for(model)) for index in indices]
    images = torch.cat([to_tensor(np.divide(one.image, 255, dtype=np.float32)) for one in scenes])
    prompts = {"empty": [""] * len(scenes), "caption": [full_caption(seen_in(s)) for s in scenes]}
    texts = {name: model.embed_text(lines) for name, lines in prompts.items()}
    return _Pictures(images, model.encode_image(images), texts)


def _round_trips(
    model: DiffusionModel,
    pictures: _Pictures,
    prompt: str,
    *,
    steps: int,
    strengths: Sequence[float],
) -> Iterator[tuple[Route, list[RoundTrip]]]:
    """Yield what came back of each picture, on each route."""
    text = pictures.texts[prompt]
    for up, downs in ROUTES.items():
        # who climbs higher passes through all lower levels first
        top = _levels(model, pictures.latents, steps=steps, strength=max(strengths))
        ascent = _ascend(model, pictures.latents, text, levels=top, solver=UPWARDS[up])
        for down, strength in product(downs, strengths):
            levels = _levels(model, pictures.latents, steps=steps, strength=strength)
            counter = Counter(model)
            start = ascent.path.at(levels[0])
            denoise = denoise_with(counter.as_model, text)
            back = last(walk(denoise, start, levels, solver=SOLVERS[down]), start)
            rows = ascent.rows[levels[0]] + counter.rows
            trips = _compared(model, pictures, back, evaluations=rows / len(back))
            yield Route(up, down, prompt, steps, strength), trips


def _levels(
    model: DiffusionModel, latents: Tensor, *, steps: int, strength: float
) -> tuple[float, ...]:
    return edit_levels(model, DiffEdit(strength=strength, steps=steps), latents)


def _ascend(
    model: DiffusionModel,
    latents: Tensor,
    text: Conditioning,
    *,
    levels: Sequence[float],
    solver: Solver,
) -> _Ascent:
    counter, rows = Counter(model), dict[float, int]()

    def note(step: Step) -> None:
        rows[step.sigma] = counter.rows

    denoise = denoise_with(counter.as_model, text)
    return _Ascent(invert(denoise, latents, levels, solver=solver, watch=note), rows)


def _compared(
    model: DiffusionModel, pictures: _Pictures, back: Tensor, *, evaluations: float
) -> list[RoundTrip]:
    away = (back - pictures.latents).flatten(1).norm(dim=1)
    errors = (away / pictures.latents.flatten(1).norm(dim=1)).tolist()
    psnrs = _psnrs(model, pictures, back)
    return [RoundTrip(evaluations, *pair) for pair in zip(errors, psnrs, strict=True)]


def _psnrs(model: DiffusionModel, pictures: _Pictures, latents: Tensor) -> list[float]:
    decoded = model.decode_latents(latents)
    pairs = zip(pictures.images, decoded, strict=True)
    return [psnr(to_rgb(before), to_rgb(after)) for before, after in pairs]


def _mean(trips: Sequence[RoundTrip]) -> RoundTrip:
    return RoundTrip(
        evaluations=statistics.fmean(trip.evaluations for trip in trips),
        error=statistics.fmean(trip.error for trip in trips),
        psnr=statistics.fmean(trip.psnr for trip in trips),
    )
