"""MDP: a generalized framework for text-guided image editing by manipulating the diffusion path.

arXiv:2303.16765, section 4, the variant "MDP-epsilon_t": over a range of steps the noise estimates
of the source path are used again instead of those for the target prompt, so that the layout of the
picture is laid down before the target prompt takes over. The source's estimates are read off its
trajectory and cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import DiffusionModel, Prediction
from textseg.diffusion.sampling import Step, guided, walk
from textseg.diffusion.solvers import Denoiser
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.base import (
    STRICT,
    Guidance,
    InversionPrompt,
    InversionSolver,
    Need,
    Share,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)


@dataclass(frozen=True, config=STRICT)
class MDP:
    """Reuse the source's noise estimates over a range of steps."""

    title: ClassVar[str] = "reuse the picture's own noise estimates over a range of steps"
    paper: ClassVar[str] = "arXiv:2303.16765"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("inversion",)
    cost: ClassVar[str] = "2 a step that is not reused, 1 a step of the inversion"

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    reuse_from: Annotated[Share, Field(description="share of the steps before the range")] = 0.04
    reuse_share: Annotated[Share, Field(description="share of the steps in the range")] = 0.5
    inversion_solver: InversionSolver = "reused_midpoint"
    inversion_prompt: InversionPrompt = "empty"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the edit."""
        levels = edit_levels(model, self, source.latents)
        trajectory = source.invert(
            levels, solver=self.inversion_solver, prompt=self.inversion_prompt
        )
        target = guided(model, source.target, source.negative, scale=self.guidance)
        return walk(
            _reusing(target, trajectory, self._range(levels)),
            trajectory.at(levels[0]),
            levels,
            after=keep_background(source, levels, trajectory.at),
        )

    def _range(self, levels: Sequence[float]) -> dict[float, float]:
        """Return the steps whose estimates are reused: level -> level that it leads to."""
        of = len(levels) - 1
        first = round(self.reuse_from * of)
        return dict(list(pairwise(levels))[first : first + round(self.reuse_share * of)])


def _reusing(target: Denoiser, trajectory: Trajectory, reused: dict[float, float]) -> Denoiser:
    def denoise(z: Tensor, sigma: float) -> Prediction:
        if sigma not in reused:
            return target(z, sigma)
        start, reached = trajectory.at(sigma), trajectory.at(reused[sigma])
        velocity = (reached - start) / (reused[sigma] - sigma)
        if sigma >= 1:  # there the noise is z itself, whatever the picture is
            return Prediction.from_velocity(z, sigma, velocity)
        return Prediction.from_eps(z, sigma, start + (1 - sigma) * velocity)

    return denoise
