"""Guidance as a closure, the only denoising loop of the package, and seeded noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from textseg.diffusion.guidance import Scale, guide_of
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction, covered
from textseg.diffusion.solvers import Denoiser, Solver, euler
from textseg.errors import InvalidInputError


@dataclass(frozen=True)
class Step:
    """One step of a walk: ``z`` at the level just reached, and the prediction that led there.

    ``index`` counts from 0 to ``of`` - 1.
    """

    index: int
    of: int
    sigma: float
    z: Tensor
    prediction: Prediction


def denoise_with(model: DiffusionModel, text: Conditioning) -> Denoiser:
    """Return the denoiser that follows ``text`` (one prompt per row of z) without guidance.

    A level that the network does not cover is asked about at the nearest one that it does: clean
    latents count as slightly noised ones.
    """
    return lambda z, sigma: model.predict(z, covered(model, sigma), text)


def guided(
    model: DiffusionModel, text: Conditioning, reference: Conditioning, *, scale: Scale
) -> Denoiser:
    """Return the denoiser that follows ``text`` more than the model does by itself.

    It moves ``scale`` times the way from what ``reference`` says to what ``text`` says, or goes the
    model's own way (``textseg.diffusion.guidance``).

    One prompt of ``reference`` serves all rows, else it has as many as ``text``. Where ``scale`` is
    1 for all, the reference has no say and is not evaluated.
    """
    if bool((torch.as_tensor(scale) == 1).all()):
        return denoise_with(model, text)
    if len(reference) == 1:
        reference = reference.repeat_interleave(len(text))
    if len(reference) != len(text):
        raise InvalidInputError(f"{len(reference)} reference prompts for {len(text)} prompts")
    return guide_of(model)(model, text, reference, scale=scale)


def walk(
    denoise: Denoiser,
    z: Tensor,
    levels: Sequence[float],
    *,
    after: Callable[[Tensor, float], Tensor] | None = None,
    solver: Solver = euler,
) -> Iterator[Step]:
    """Yield the steps from ``z`` at ``levels[0]`` through all further levels, down or up.

    ``solver`` makes the steps, by default Euler's. ``after(z, sigma)`` may change each state at the
    level just reached, before it is yielded and stepped from.
    """
    of, step = len(levels) - 1, solver()
    for index, (sigma, following) in enumerate(pairwise(levels)):
        z, prediction = step(denoise, z, sigma, following)
        if after is not None:
            z = after(z, following)
        yield Step(index=index, of=of, sigma=following, z=z, prediction=prediction)


def last(steps: Iterable[Step], start: Tensor) -> Tensor:
    """Return the state that a walk from ``start`` ends in."""
    z = start
    for step in steps:
        z = step.z
    return z


def draw_noise(shape: Sequence[int], *, seed: int) -> Tensor:
    """Return standard normal noise, on the CPU in float32, from a generator of its own.

    The same seed gives the same noise, wherever it is moved.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)
