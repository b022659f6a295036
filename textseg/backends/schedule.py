"""Discrete variance-preserving noise schedules, seen as noise levels sigma = s / (a + s).

A training schedule knows x_t = a_t x0 + s_t eps at integer timesteps t only. In between, a timestep
is fractional and interpolated linearly in log-SNR = 2 log((1 - sigma) / sigma), where the schedules
are smooth.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from textseg.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
RANGE_TOLERANCE = 1e-6  # what a float32 round trip may move a level beyond the end of the range


@dataclass(frozen=True, eq=False)
class Schedule:
    """The training schedule of a model and the grid of timesteps on which it likes to be sampled.

    ``sigmas`` has the level of every training timestep, ascending; ``final`` is the level where a
    walk ends; ``prediction_type`` says what the network puts out.
    """

    sigmas: npt.NDArray[np.float64]
    final: float
    prediction_type: str
    scheduler: SchedulerMixin

    @classmethod
    def of(cls, scheduler: SchedulerMixin) -> Self:
        """Read a diffusers scheduler; it is copied, never changed.

        Raises ``UnsupportedError`` for schedules that are not discrete and variance preserving.
        """
        _check_supported(scheduler)
        kept = scheduler.alphas_cumprod.double().cpu().numpy().copy()
        if scheduler.config.get("rescale_betas_zero_snr"):
            # some schedulers put a small number there, to protect their own divisions
            kept[-1] = 0.0
        sigmas = _level(kept)
        return cls(
            sigmas=sigmas,
            final=_final_level(scheduler, sigmas),
            prediction_type=scheduler.config.prediction_type,
            scheduler=copy.deepcopy(scheduler),
        )

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest level of the training schedule."""
        return float(self.sigmas[0]), float(self.sigmas[-1])

    def timestep(self, sigma: float) -> float:
        """Return the fractional timestep of a level.

        Raises ``InvalidInputError`` outside ``range``.
        """
        low, high = self.range
        if not low - RANGE_TOLERANCE <= sigma <= high + RANGE_TOLERANCE:
            raise InvalidInputError(
                f"noise level sigma = {sigma:g} is outside what the model was trained on",
                hint=f"use a level from {low:.4f} to {high:.4f}",
            )
        last = len(self.sigmas) - 1
        if sigma >= high:
            return float(last)
        if self._is_beyond_log_snr(sigma):
            return float(last - (high - sigma) / (high - self.sigmas[-2]))
        finite = self.sigmas[self.sigmas < 1]
        return float(np.interp(_log_odds(sigma), _log_odds(finite), np.arange(len(finite))))

    def sigma(self, timestep: float) -> float:
        """Return the level of a fractional timestep, from 0 to the last: undoes ``timestep``."""
        last = len(self.sigmas) - 1
        below = min(int(timestep), last - 1)
        part = timestep - below
        low, high = self.sigmas[below], self.sigmas[below + 1]
        if part == 0 or part == 1 or high == 1:
            return float(low + part * (high - low))
        odds = np.exp((1 - part) * _log_odds(low) + part * _log_odds(high))
        return float(odds / (1 + odds))

    def levels(self, steps: int, start: float) -> tuple[float, ...]:
        """Return the levels of a walk on the scheduler's own ``steps`` timesteps, then ``final``.

        Levels above ``start`` are left out. Timesteps that a scheduler lists twice are walked once.
        """
        last = len(self.sigmas) - 1
        if not 1 <= steps <= last + 1:
            raise InvalidInputError(f"steps must be from 1 to {last + 1}, got {steps}")
        timesteps = np.unique(np.clip(self._native_timesteps(steps), 0, last))[::-1]
        sigmas = [self.sigma(float(timestep)) for timestep in timesteps]
        kept = [sigma for sigma in sigmas if self.final < sigma <= start]
        if not kept:
            raise InvalidInputError(
                f"none of {steps} steps lies between sigma {self.final:.4f} and start = {start:g}",
                hint="use more steps or a higher start",
            )
        return (*kept, self.final)

    def _native_timesteps(self, steps: int) -> npt.NDArray[np.float64]:
        from diffusers import DDIMScheduler

        scheduler = copy.deepcopy(self.scheduler)  # set_timesteps changes it
        try:
            scheduler.set_timesteps(steps)
        except ValueError as error:
            raise InvalidInputError(
                f"the model's scheduler refuses {steps} steps: {error}"
            ) from error
        timesteps: npt.NDArray[np.float64] = scheduler.timesteps.double().cpu().numpy()
        if len(np.unique(timesteps)) > steps:
            # the solver has stages inside its steps, and stages are not levels of a walk
            scheduler = DDIMScheduler.from_config(self.scheduler.config)
            scheduler.set_timesteps(steps)
            timesteps = scheduler.timesteps.double().numpy()
        return timesteps

    def _is_beyond_log_snr(self, sigma: float) -> bool:
        # pure noise has log-SNR minus infinity: the interval before it is linear in sigma instead
        return bool(self.sigmas[-1] == 1 and sigma > self.sigmas[-2])


def _check_supported(scheduler: SchedulerMixin) -> None:
    config = scheduler.config
    name = type(scheduler).__name__
    if not hasattr(scheduler, "alphas_cumprod") or config.get("timestep_type") == "continuous":
        raise UnsupportedError(
            f"the noise schedule of {name} is not a discrete variance-preserving one",
            hint="use the scheduler that the model came with; those of flow matching and EDM do "
            "not fit the UNets of Stable Diffusion",
        )
    if config.prediction_type not in PREDICTION_TYPES:
        raise UnsupportedError(
            f"prediction type {config.prediction_type!r} of {name} is not among "
            f"{', '.join(PREDICTION_TYPES)}"
        )
    if config.get("rescale_betas_zero_snr") and config.prediction_type == "epsilon":
        raise UnsupportedError(
            "a network that predicts noise cannot start from pure noise, as rescale_betas_zero_snr "
            "asks",
            hint="correct prediction_type or rescale_betas_zero_snr in the scheduler's config",
        )


def _final_level(scheduler: SchedulerMixin, sigmas: npt.NDArray[np.float64]) -> float:
    if hasattr(scheduler, "final_alpha_cumprod"):  # DDIM and its kin: set_alpha_to_one decides
        return float(_level(np.float64(scheduler.final_alpha_cumprod)))
    if scheduler.config.get("final_sigmas_type") == "sigma_min":
        return float(sigmas[0])
    return 0.0


def _level(kept: Any) -> Any:  # Any: a numpy scalar gives a scalar, an array an array
    """Return s / (a + s) for cumulative alphas a**2."""
    a, s = np.sqrt(kept), np.sqrt(1 - kept)
    return s / (a + s)


def _log_odds(sigma: Any) -> Any:  # Any: as in _level
    """Return log(sigma / (1 - sigma)), which is minus half the log-SNR."""
    return np.log(sigma / (1 - sigma))
