"""Semantic image inversion and editing using rectified stochastic differential equations.

arXiv:2410.10792 (RF-Inversion), algorithms 1 and 2: on the way up the network's velocity is mixed
with the one that leads straight to drawn noise (equation 8), so that the state that is reached is
likely noise as well as the picture's. On the way down with the target prompt it is mixed, for a
first share of the steps, with the one that leads straight back to the picture.

What differs: outside the mask the way down is under full control, which is the straight line to
the picture. The straight lines end at the model's own last level. The text on the way up is that
of the negative prompt, which is empty unless one is given. In this package's coordinates a
noise-predicting model has a velocity too, so the same lines serve it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import DiffusionModel, Prediction
from textseg.diffusion.sampling import Step, denoise_with, guided, walk
from textseg.diffusion.solvers import Denoiser
from textseg.editing.base import (
    STRICT,
    Guidance,
    Need,
    Share,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)


@dataclass(frozen=True, config=STRICT)
class RFInversion:
    """Controlled up, controlled down; defaults of the authors' example for FLUX.1 dev."""

    title: ClassVar[str] = "invert towards drawn noise, decode held to the picture at first"
    paper: ClassVar[str] = "arXiv:2410.10792"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "1 a step up, 2 a step down"

    strength: Strength = 1.0
    steps: Steps = 28
    guidance: Guidance = 3.5
    towards_noise: Annotated[
        Share, Field(description="control of the way up: 0 is inversion, 1 a straight line")
    ] = 0.5
    towards_picture: Annotated[
        Share, Field(description="control of the way down while it is held to the picture")
    ] = 0.9
    held: Annotated[Share, Field(description="share of the steps down that are held")] = 0.25

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps up, then those down."""
        levels = edit_levels(model, self, source.latents)
        of, z = len(levels) - 1, source.latents
        noise = model.prior(source.noise(0))
        steered = dict.fromkeys(levels, self.towards_noise)
        up = _led(denoise_with(model, source.negative), steered, noise, 1)
        for step in walk(up, z, levels[::-1]):
            z = step.z
            yield replace(step, of=2 * of)
        held = dict.fromkeys(levels[: round(self.held * of)], self.towards_picture)
        target = guided(model, source.target, source.negative, scale=self.guidance)
        down = _led(target, held, source.latents, levels[-1])
        start = z

        def background(sigma: float) -> Tensor:
            return source.latents + _gone(sigma, levels[0], levels[-1]) * (start - source.latents)

        for step in walk(down, z, levels, after=keep_background(source, levels, background)):
            yield replace(step, index=of + step.index, of=2 * of)


def _gone(sigma: float, start: float, end: float) -> float:
    """Return how far above its end a level is, 1 at the start."""
    return (sigma - end) / (start - end)


def _led(denoise: Denoiser, control: dict[float, float], goal: Tensor, end: float) -> Denoiser:
    """Return the denoiser that is led to ``goal`` at level ``end``, by a share at some levels."""

    def led(z: Tensor, sigma: float) -> Prediction:
        found, share = denoise(z, sigma).velocity, control.get(sigma, 0.0)
        straight = (goal - z) / (end - sigma)
        return Prediction.from_velocity(z, sigma, found + share * (straight - found))

    return led
