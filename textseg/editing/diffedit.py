"""DiffEdit: diffusion-based semantic image editing with mask guidance (arXiv:2210.11427).

Section 3.2: the picture is inverted, and decoded again with the target prompt; after every step the
latents outside the mask are replaced by those of the inversion at the same level (equation 6). Its
mask (step 1) is this package's ``noise_difference``.
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
    InversionPrompt,
    InversionSolver,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)


@dataclass(frozen=True, config=STRICT)
class DiffEdit:
    """Invert, then decode with the target prompt inside the mask.

    The paper takes 50 steps of DDIM, which are Euler's; strength and guidance are those of the
    pipeline in diffusers. The midpoint rule, up and down, comes back closer to the picture with
    fewer steps (``textseg bench inversion``).
    """

    title: ClassVar[str] = "invert the picture, then decode it with the target text in the mask"
    paper: ClassVar[str] = "arXiv:2210.11427"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "remove", "add", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("inversion",)
    cost: ClassVar[str] = "2 a step, 1 a step of the inversion"

    strength: Strength = 0.8
    steps: Steps = 50
    guidance: Guidance = 7.5
    solver: ChosenSolver = "euler"
    inversion_solver: InversionSolver = "euler"
    inversion_prompt: InversionPrompt = "empty"
    differential: Differential = False

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the decoding."""
        levels = edit_levels(model, self, source.latents)
        trajectory = source.invert(
            levels, solver=self.inversion_solver, prompt=self.inversion_prompt
        )
        return walk(
            guided(model, source.target, source.negative, scale=self.guidance),
            trajectory.at(levels[0]),
            levels,
            after=keep_background(source, levels, trajectory.at, differential=self.differential),
            solver=SOLVERS[self.solver],
        )
