"""Negative-prompt inversion: fast image inversion for editing (arXiv:2305.16807).

Section 3: the picture is inverted with the source prompt and decoded with the target prompt, and
guidance leads away from the source prompt in place of the empty one. What null-text inversion
fits turns out to lie near there, so that it costs nothing: where both prompts say the same,
guidance is without effect and the path leads back to the picture, however strong it is.

What differs: the mask confines the edit, not prompt-to-prompt. The source prompt takes the place of
a negative prompt; what is given as one is not looked at.
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
    InversionSolver,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)


@dataclass(frozen=True, config=STRICT)
class NegativePromptInversion:
    """Invert with the source prompt, decode away from it; 50 steps of DDIM as in the paper."""

    title: ClassVar[str] = "decode with the target text, away from the picture's own text"
    paper: ClassVar[str] = "arXiv:2305.16807"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("inversion",)
    cost: ClassVar[str] = "2 a step, 1 a step of the inversion"

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    solver: ChosenSolver = "euler"
    inversion_solver: InversionSolver = "euler"
    differential: Differential = False

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the decoding."""
        levels = edit_levels(model, self, source.latents)
        path = source.invert(levels, solver=self.inversion_solver, prompt="source")
        return walk(
            guided(model, source.target, source.source, scale=self.guidance),
            path.at(levels[0]),
            levels,
            after=keep_background(source, levels, path.at, differential=self.differential),
            solver=SOLVERS[self.solver],
        )
