"""EGSDE: unpaired image-to-image translation via energy-guided stochastic differential equations.

arXiv:2207.06635, appendix A.3 (VP-EGSDE): the picture is noised half way and denoised by the
stochastic sampler, which at every step descends an energy: the square of how far the low-pass
filtered state is from the low-pass filtered source picture under the same noise as at the start.
So colours and layout in the large stay, and detail is new.

What differs: the target prompt and guidance take the place of a network of the target domain; the
paper's second energy, which needs a classifier of the two domains, is left out. The descent is
solved over a whole step, so that fewer than the paper's 1000 steps do: in the low band the distance
decays by (abar / abar')**(2 weight), the limit of many small steps. The filter is the mean over
blocks of the picture, once in place of the twice that its gradient has. Outside the mask the
picture comes back at every step, under the noise of the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import DiffusionModel, Prediction, cells_of
from textseg.diffusion.sampling import Step, guided, walk
from textseg.diffusion.solvers import Denoiser, Solver, Stepper
from textseg.diffusion.stochastic import fresh_share, stochastic_mean
from textseg.editing.base import (
    STRICT,
    Guidance,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)


@dataclass(frozen=True, config=STRICT)
class EGSDE:
    """Denoise with fresh noise, held to the low band of the picture; weights of the authors.

    They start at half of 1000 steps, and filter 256 pixels down to 8.
    """

    title: ClassVar[str] = "denoise with fresh noise, held to the picture's colours in the large"
    paper: ClassVar[str] = "arXiv:2207.06635"
    suits: ClassVar[tuple[Change, ...]] = ("replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "2 a step"

    strength: Strength = 0.5
    steps: Steps = 200
    guidance: Guidance = 7.5
    weight: Annotated[
        float,
        Field(ge=0, le=1000, description="how strongly the low band is held; 0 is not at all"),
    ] = 2.0
    blocks: Annotated[
        int, Field(ge=1, le=1024, description="blocks of the low band along the shorter side")
    ] = 8

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the denoising."""
        levels = edit_levels(model, self, source.latents)
        share = {
            to: 1 - _signal_ratio(sigma, to) ** (2 * self.weight) for sigma, to in pairwise(levels)
        }

        def under_noise(sigma: float) -> Tensor:
            return source.noised(model, sigma, 0)

        put_back = keep_background(source, levels, under_noise)

        def after(z: Tensor, sigma: float) -> Tensor:
            held = z - share[sigma] * self._low(z - under_noise(sigma))
            return put_back(held, sigma)

        return walk(
            guided(model, source.target, source.negative, scale=self.guidance),
            under_noise(levels[0]),
            levels,
            after=after,
            solver=_stochastic(source),
        )

    def _low(self, z: Tensor) -> Tensor:
        """Return the means of blocks, at the size of ``z`` (1, c, h, w)."""
        rows, columns = cells_of(z)
        scale = min(1, self.blocks / min(rows, columns))
        blocks = (max(1, round(scale * rows)), max(1, round(scale * columns)))
        means = torch.nn.functional.adaptive_avg_pool2d(z, blocks)
        return torch.nn.functional.interpolate(means, cells_of(z), mode="nearest-exact")


def _stochastic(source: Source) -> Solver:
    """Return DDPM's rule with noise from the source: number 0 is that of the start."""

    def start() -> Stepper:
        drawn = count(1)

        def step(
            denoise: Denoiser, z: Tensor, sigma: float, to: float
        ) -> tuple[Tensor, Prediction]:
            prediction = denoise(z, sigma)
            fresh = to * fresh_share(sigma, to) ** 0.5 * source.noise(next(drawn))
            return stochastic_mean(prediction, sigma, to) + fresh, prediction

        return step

    return start


def _signal_ratio(sigma: float, to: float) -> float:
    """Return abar / abar' of two levels: shares of the picture in the variance of the state."""

    def signal(level: float) -> float:
        return (1 - level) ** 2 / ((1 - level) ** 2 + level**2)

    return signal(sigma) / signal(to)
