"""The states of one picture at falling noise levels, from inversion or from its own creation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from textseg.diffusion.sampling import Step
from textseg.errors import InvalidInputError

_SAME_LEVEL = 1e-6


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A path through the latents of one picture.

    Attributes:
        levels: noise levels, descending; the last one is where the model's schedule ends.
        states: (1, c, h, w) at each level; the last one is the picture itself.
    """

    levels: tuple[float, ...]
    states: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        """Check that there is one state for each of the descending levels."""
        if not self.levels or len(self.levels) != len(self.states):
            raise InvalidInputError(f"{len(self.levels)} levels for {len(self.states)} states")
        if any(b >= a for a, b in zip(self.levels, self.levels[1:], strict=False)):
            raise InvalidInputError("the levels of a trajectory must descend")

    @classmethod
    def downwards(cls, start: Tensor, sigma: float, steps: Iterable[Step]) -> Self:
        """Return what a walk from ``start`` at ``sigma`` down to the picture passes through."""
        passed = [(sigma, start), *((step.sigma, step.z) for step in steps)]
        levels, states = zip(*passed, strict=True)
        return cls(levels, states)

    @classmethod
    def upwards(cls, picture: Tensor, sigma: float, steps: Iterable[Step]) -> Self:
        """Return what a walk from ``picture`` at ``sigma`` up into the noise passes through."""
        passed = [(sigma, picture), *((step.sigma, step.z) for step in steps)]
        levels, states = zip(*reversed(passed), strict=True)
        return cls(levels, states)

    def copied(self) -> Self:
        """Return the same path in tensors of its own, for those who might write into them."""
        return type(self)(self.levels, tuple(state.clone() for state in self.states))

    @property
    def clean(self) -> Tensor:
        """The state at the last level: the latents of the picture."""
        return self.states[-1]

    @property
    def nbytes(self) -> int:
        """Memory that the states take."""
        return sum(state.nbytes for state in self.states)

    def covers(self, levels: Sequence[float]) -> bool:
        """Tell whether there is a state at each of the levels."""
        return all(self._find(level) is not None for level in levels)

    def at(self, sigma: float) -> Tensor:
        """Return the state at a level; raises ``InvalidInputError`` when it has none there."""
        found = self._find(sigma)
        if found is None:
            raise InvalidInputError(
                f"the trajectory has no state at sigma {sigma:.4f}, only at "
                f"{len(self.levels)} levels from {self.levels[0]:.4f} to {self.levels[-1]:.4f}"
            )
        return self.states[found]

    def _find(self, sigma: float) -> int | None:
        close = (k for k, level in enumerate(self.levels) if abs(level - sigma) < _SAME_LEVEL)
        return next(close, None)


Watch = Callable[[Step], None]
"""Sees every step of a walk: shows progress, may raise to cancel."""
