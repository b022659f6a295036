"""Inversion: from a picture up into the noise that a deterministic sampler would make it from.

The probability-flow equation is walked backwards (DDIM inversion, arXiv:2010.02502, section 4.3,
when the solver is Euler's). It goes without guidance: a guided inversion does not lead back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from textseg.diffusion.regularised import regularised
from textseg.diffusion.sampling import Step, walk
from textseg.diffusion.solvers import SOLVERS, Denoiser, Solver, reused_midpoint
from textseg.diffusion.trajectory import Trajectory, Watch
from textseg.errors import UnknownNameError

INVERTERS: Mapping[str, Solver] = {**SOLVERS, "regularised": regularised}


def inverter_named(name: str) -> Solver:
    """Return what makes the steps of an inversion; raises ``UnknownNameError``."""
    if name not in INVERTERS:
        raise UnknownNameError.among("solver", name, list(INVERTERS))
    return INVERTERS[name]


def invert(
    denoise: Denoiser,
    latents: Tensor,
    levels: Sequence[float],
    *,
    solver: Solver = reused_midpoint,
    watch: Watch | None = None,
) -> Trajectory:
    """Return the trajectory of a picture.

    Args:
        denoise: an unguided denoiser (``conditioned``).
        latents: (1, c, h, w) of the picture.
        levels: descending, as ``DiffusionModel.levels`` gives them; the picture is at the last one.
        solver: makes the steps; the default was the most exact for its evaluations.
        watch: sees every step.
    """
    upwards = tuple(reversed(levels))
    steps = walk(denoise, latents, upwards, solver=solver)
    return Trajectory.upwards(latents, upwards[0], _watched(steps, watch))


def _watched(steps: Iterator[Step], watch: Watch | None) -> Iterator[Step]:
    for step in steps:
        if watch is not None:
            watch(step)
        yield step
