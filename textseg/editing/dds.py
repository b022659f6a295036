"""Delta denoising score (arXiv:2304.07090).

Score distillation moves a picture by what the network's estimate of the noise misses of the drawn
one, and blurs it, because that is not zero for a perfect picture either. Here the same is taken for
the source prompt at the source picture, with the same noise and level, and subtracted: what is
left points to the change. No graph of the network is needed, the difference is the gradient.

What differs: the mask multiplies the difference; levels are not drawn but visited in an order that
spreads them evenly at any time (steps of the golden ratio), with fresh noise each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction
from textseg.diffusion.sampling import Step, guided, walk
from textseg.diffusion.solvers import Denoiser, Solver, Stepper
from textseg.editing.base import STRICT, Guidance, Need, Source, Steps, Strength, edit_levels

GOLDEN = 0.6180339887498949
LOWEST = 0.05  # share of the levels that is left out at the lower end: step 50 of 1000


@dataclass(frozen=True, config=STRICT)
class DeltaDenoisingScore:
    """Descend the difference of two noise estimates; the defaults of the authors' notebook.

    It takes 200 steps of gradient descent at levels from 50 to 950 of 1000, with a rate of 0.1, a
    weight of 2000 and a mean over 64 x 64 cells: 0.049 for each cell.
    """

    title: ClassVar[str] = "descend the difference of two noise estimates, at levels all over"
    paper: ClassVar[str] = "arXiv:2304.07090"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "4 a step"

    strength: Strength = 0.95
    steps: Steps = 200
    guidance: Guidance = 7.5
    rate: Annotated[
        float, Field(gt=0, le=10, description="how far a step goes along the difference")
    ] = 0.049

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the descent, each told with the level it was asked at."""
        levels = edit_levels(model, self, source.latents)
        asked = levels[: max(1, len(levels) - 1 - round(LOWEST * self.steps))]
        order = [asked[int(k * GOLDEN % 1 * len(asked))] for k in range(self.steps)]
        texts = Conditioning.cat([source.source, source.target])
        of_both = guided(model, texts, source.negative, scale=self.guidance)
        drawn = iter(range(self.steps))

        def denoise(z: Tensor, sigma: float) -> Prediction:
            noised = source.noised(model, sigma, next(drawn))
            moved = noised + (1 - sigma) * (z - source.latents)
            return of_both(torch.cat([noised, moved]), sigma)

        return walk(denoise, source.latents, [*order, levels[-1]], solver=self._descent(source))

    def _descent(self, source: Source) -> Solver:
        def step(denoise: Denoiser, z: Tensor, sigma: float, _: float) -> tuple[Tensor, Prediction]:
            prediction = denoise(z, sigma)
            away, towards = prediction.eps.chunk(2)
            return z - self.rate * source.mask * (towards - away), prediction

        def start() -> Stepper:
            return step

        return start
