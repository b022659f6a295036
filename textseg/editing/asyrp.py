"""The asymmetric step of "Diffusion models already have a semantic latent space".

arXiv:2210.10960 (Asyrp), section 3: a step of DDIM is made of the estimate of the clean picture and
of the direction back to the noise. Where both are shifted by a changed network the shifts nearly
cancel; where only the picture is, and the noise stays that of the unchanged network, a small shift
is enough. It is made down to a level; the rest is the unchanged network's own.

What differs: the paper trains, for each attribute, a network that changes the deepest features;
here the target prompt changes the estimate of the picture, and the source prompt is the unchanged
network. What is left without training is this: with ``guidance`` times the way from one estimate to
the other, a step from sigma to sigma' moves as far as classifier-free guidance would, from the
source prompt, with ``guidance * sigma * (1 - sigma') / (sigma - sigma')``: the more steps there
are, the more. The mask confines it. The fresh noise of the last steps ("quality boosting") is left
out, for it costs the picture its detail. A negative prompt has no place and is not looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction
from textseg.diffusion.sampling import Step, denoise_with, walk
from textseg.diffusion.solvers import Denoiser, Solver, Stepper
from textseg.editing.base import (
    STRICT,
    InversionSolver,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)


@dataclass(frozen=True, config=STRICT)
class Asyrp:
    """Shift the estimate of the picture only; 40 steps up and down as in the paper.

    The edit goes down to half of the levels, as for the faces of the paper (516 of 1000).
    """

    title: ClassVar[str] = "shift what the picture is to be, and keep the source's noise"
    paper: ClassVar[str] = "arXiv:2210.10960"
    suits: ClassVar[tuple[Change, ...]] = ("alter",)
    needs: ClassVar[tuple[Need, ...]] = ("inversion",)
    cost: ClassVar[str] = "2 a step, 1 a step of the inversion"

    strength: Strength = 1.0
    steps: Steps = 40
    guidance: Annotated[
        float, Field(ge=0, le=100, description="how far to shift; 1 is what the target text says")
    ] = 1.0
    until: Annotated[
        float, Field(ge=0, le=1, description="share of the levels below which nothing is shifted")
    ] = 0.5
    inversion_solver: InversionSolver = "reused_midpoint"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the decoding."""
        levels = edit_levels(model, self, source.latents)
        path = source.invert(levels, solver=self.inversion_solver, prompt="source")
        both = denoise_with(model, Conditioning.cat([source.source, source.target]))

        def denoise(z: Tensor, sigma: float) -> Prediction:
            return both(torch.cat([z, z]), sigma)

        untouched = min(len(levels), round(self.until * self.steps) + 1)
        solver = self._asymmetric(levels[: len(levels) - untouched])
        after = keep_background(source, levels, path.at)
        return walk(denoise, path.at(levels[0]), levels, after=after, solver=solver)

    def _asymmetric(self, shifted: Collection[float]) -> Solver:
        """Return Euler's rule for the source prompt, which shifts the picture at some levels."""

        def step(
            denoise: Denoiser, z: Tensor, sigma: float, to: float
        ) -> tuple[Tensor, Prediction]:
            prediction = denoise(z, sigma)
            reached = z + (to - sigma) * prediction.velocity[:1]
            if sigma in shifted:
                away, towards = prediction.x0.chunk(2)
                reached = reached + (1 - to) * self.guidance * (towards - away)
            return reached, prediction

        def start() -> Stepper:
            return step

        return start
