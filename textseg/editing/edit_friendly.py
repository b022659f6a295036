"""An edit friendly DDPM noise space: inversion and manipulations (arXiv:2304.06140).

Section 3, algorithm 1: the picture is noised at every level with noise of its own, not
along one path; what a step of the stochastic sampler with the source prompt lacks to get from one
of these states to the next is a noise map. Decoding with the target prompt adds the same maps,
which are larger than those of a usual sampling and carry the picture's structure.

What differs: each step finds its map and uses it at once, for both prompts in one batch; the last
step adds what it lacks too, where the authors' code adds nothing, so that the source prompt gives
the picture back to the last bit of rounding. The steps are told in shares of noise
(``textseg.diffusion.stochastic``): for noise-predicting models they are DDPM's, for flows those of
the noise process that has the same states.
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
from textseg.diffusion.stochastic import mapped
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
class EditFriendly:
    """Decode with the noise maps of the picture; defaults of the paper's experiments."""

    title: ClassVar[str] = "decode with the noise that the picture itself would have drawn"
    paper: ClassVar[str] = "arXiv:2304.06140"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "4 a step"

    strength: Strength = 0.64
    steps: Steps = 100
    guidance: Guidance = 15.0
    source_guidance: Annotated[
        float, Field(ge=0, le=100, description="guidance of the source prompt")
    ] = 3.5

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the decoding."""
        levels = edit_levels(model, self, source.latents)
        path = {sigma: source.noised(model, sigma, k) for k, sigma in enumerate(levels)}
        path[levels[-1]] = source.latents
        of_both = guided(
            model,
            Conditioning.cat([source.source, source.target]),
            source.negative,
            scale=torch.tensor([self.source_guidance, self.guidance]),
        )

        def denoise(z: Tensor, sigma: float) -> Prediction:
            return of_both(torch.cat([path[sigma], z]), sigma)

        after = keep_background(source, levels, path.__getitem__)
        return walk(denoise, path[levels[0]], levels, after=after, solver=mapped(path))
