"""Blended Latent Diffusion (arXiv:2206.02779).

Section 4.1: the picture is noised, and denoised with the target prompt; after every step the
latents outside the mask are replaced by the picture under fresh noise of the same level. No
inversion; the place to be changed keeps nothing of what was there but what shows through the noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic.dataclasses import dataclass

from textseg.diffusion.card import Change
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import Step, guided, walk
from textseg.diffusion.solvers import SOLVERS
from textseg.editing.base import (
    STRICT,
    ChosenSolver,
    Differential,
    Guidance,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
    noised_background,
    noised_start,
)


@dataclass(frozen=True, config=STRICT)
class BlendedLatentDiffusion:
    """Denoise with the target prompt inside the mask, on a freshly noised background.

    The published code starts after a quarter of 50 steps.
    """

    title: ClassVar[str] = "denoise inside the mask, on the freshly noised picture"
    paper: ClassVar[str] = "arXiv:2206.02779"
    suits: ClassVar[tuple[Change, ...]] = ("replace", "remove", "add")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "2 a step"

    strength: Strength = 0.75
    steps: Steps = 50
    guidance: Guidance = 7.5
    solver: ChosenSolver = "euler"
    differential: Differential = False

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the denoising."""
        levels = edit_levels(model, self, source.latents)
        background = noised_background(model, source, levels)
        return walk(
            guided(model, source.target, source.negative, scale=self.guidance),
            noised_start(model, self, source),
            levels,
            after=keep_background(source, levels, background, differential=self.differential),
            solver=SOLVERS[self.solver],
        )
