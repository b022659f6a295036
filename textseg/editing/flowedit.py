"""FlowEdit: inversion-free text-based editing using pre-trained flow models (arXiv:2412.08629).

Algorithm 1. The edited latents Z start as the picture X and follow the difference between two
velocities: that of the target prompt at Z + (1 - sigma) X + sigma n - X, and that of the source
prompt at (1 - sigma) X + sigma n, with fresh noise n at every step. In this package's coordinates
a noise-predicting model has a velocity too, so the same lines serve it. The mask multiplies the
difference: outside it the latents remain exactly those of the picture.
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
from textseg.diffusion.solvers import Denoiser
from textseg.editing.base import STRICT, Guidance, Need, Source, Steps, Strength, edit_levels


@dataclass(frozen=True, config=STRICT)
class FlowEdit:
    """Follow the difference between what target and source prompt say; defaults as for SD 3."""

    title: ClassVar[str] = "follow the difference of two velocities, without inversion"
    paper: ClassVar[str] = "arXiv:2412.08629"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "4 a step"

    strength: Strength = 0.66
    steps: Steps = 50
    guidance: Guidance = 13.5
    source_guidance: Annotated[
        float, Field(ge=0, le=100, description="guidance of the source prompt")
    ] = 3.5
    averages: Annotated[
        int, Field(ge=1, le=100, description="noises that each step is averaged over")
    ] = 1

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the edit."""
        levels = edit_levels(model, self, source.latents)
        return walk(self._difference(model, source), source.latents, levels)

    def _difference(self, model: DiffusionModel, source: Source) -> Denoiser:
        texts = Conditioning.cat([source.source, source.target]).repeat_interleave(self.averages)
        scales = torch.tensor([self.source_guidance, self.guidance])
        of_both = guided(
            model, texts, source.negative, scale=scales.repeat_interleave(self.averages)
        )
        drawn = 0

        def denoise(z: Tensor, sigma: float) -> Prediction:
            nonlocal drawn
            noised = torch.cat(
                [source.noised(model, sigma, drawn + k) for k in range(self.averages)]
            )
            drawn += self.averages
            both = torch.cat([noised, z - source.latents + noised])
            away, towards = of_both(both, sigma).velocity.chunk(2)
            change = (towards - away).mean(0, keepdim=True)
            return Prediction.from_velocity(z, sigma, source.mask * change)

        return denoise
