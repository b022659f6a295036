"""How a network is asked at a noise level sigma, and how its answer is read.

Networks know their own coordinates: a variance-preserving one sees x_t = a x0 + s eps at a timestep
and answers with the noise, with v = a eps - s x0 (arXiv:2202.00512) or with x0. It is asked at
z = x_t / (a + s) and sigma = s / (a + s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from torch import Tensor

from textseg.backends.schedule import Schedule
from textseg.diffusion.model import Levels, Prediction, per_row

if TYPE_CHECKING:
    from diffusers import SchedulerMixin


class Process(Protocol):
    """The noise process that a network was trained on."""

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest level."""

    def time(self, sigma: float) -> float:
        """Return what the network is told; raises ``InvalidInputError`` outside ``range``."""

    def seen(self, z: Tensor, sigma: Levels) -> Tensor:
        """Return what the network sees of ``z`` (b, c, h, w)."""

    def read(self, z: Tensor, sigma: Levels, answer: Tensor) -> Prediction:
        """Return the network's answer (b, c, h, w) in all three forms."""

    def levels(self, steps: int, start: float, *, tokens: int) -> tuple[float, ...]:
        """Return the levels of a walk on a picture of so many tokens; see ``DiffusionModel``."""

    def prior(self, noise: Tensor, sigma: float) -> Tensor:
        """Return pure noise as the network sees it at a level."""

    def training_weight(self, sigma: float) -> float:
        """Return how much squared errors of the velocity are, as squared errors of the answer."""


@dataclass(frozen=True, eq=False)
class VariancePreserving:
    """x_t = a x0 + s eps with a a + s s = 1, at the timesteps of a schedule."""

    schedule: Schedule

    @classmethod
    def of(cls, scheduler: SchedulerMixin) -> Self:
        """Read a diffusers scheduler; it is copied, never changed. Raises ``UnsupportedError``."""
        return cls(Schedule.of(scheduler))

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest level of the schedule."""
        return self.schedule.range

    def time(self, sigma: float) -> float:
        """Return the fractional timestep of a level."""
        return self.schedule.timestep(sigma)

    def seen(self, z: Tensor, sigma: Levels) -> Tensor:
        """Return x_t = (a + s) z."""
        level = per_row(sigma, z)
        return z / ((1 - level) ** 2 + level**2) ** 0.5

    def read(self, z: Tensor, sigma: Levels, answer: Tensor) -> Prediction:
        """Return the answer in all three forms; the schedule says which one it has."""
        match self.schedule.prediction_type:
            case "epsilon":
                return Prediction.from_eps(z, sigma, answer)
            case "sample":
                return Prediction.from_x0(z, sigma, answer)
        level = per_row(sigma, z)
        norm = ((1 - level) ** 2 + level**2) ** 0.5  # 1 / (a + s)
        # eps - x0 = (a + s) v + (s - a) x_t, from v = a eps - s x0 and a a + s s = 1
        velocity = answer / norm + (2 * level - 1) * z / norm**2
        return Prediction.from_velocity(z, sigma, velocity)

    def levels(self, steps: int, start: float, *, tokens: int) -> tuple[float, ...]:
        """Return the levels of the scheduler's own timesteps, the same for all numbers of tokens.

        The scheduler's config decides how they are spaced and where they end.
        """
        return self.schedule.levels(steps, start)

    def prior(self, noise: Tensor, sigma: float) -> Tensor:
        """Return x_t / (a + s) for pure noise x_t."""
        return noise * math.hypot(1 - sigma, sigma)

    def training_weight(self, sigma: float) -> float:
        """Return the square of what ``read`` makes of an error of the answer, undone."""
        match self.schedule.prediction_type:
            case "epsilon":
                return (1 - sigma) ** 2
            case "sample":
                return sigma**2
        return (1 - sigma) ** 2 + sigma**2
