"""SDEdit: guided image synthesis and editing with stochastic differential equations.

arXiv:2108.01073, algorithm 1, with a deterministic sampler: noise the picture, denoise it with the
target prompt. Known as img2img. The whole frame changes on the way; the mask decides at the end
which pixels of it are used, so this is what masked methods have to beat.
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
    Guidance,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    noised_start,
)


@dataclass(frozen=True, config=STRICT)
class SDEdit:
    """Noise the picture and denoise it with the target prompt; use it inside the mask only."""

    title: ClassVar[str] = "noise and denoise the whole picture, use it inside the mask"
    paper: ClassVar[str] = "arXiv:2108.01073"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "2 a step"

    strength: Strength = 0.8
    steps: Steps = 50
    guidance: Guidance = 7.5
    solver: ChosenSolver = "euler"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the denoising."""
        levels = edit_levels(model, self, source.latents)
        return walk(
            guided(model, source.target, source.negative, scale=self.guidance),
            noised_start(model, self, source),
            levels,
            solver=SOLVERS[self.solver],
        )
