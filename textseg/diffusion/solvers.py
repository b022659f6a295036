"""Solvers: how one step from a noise level to the next is made.

A solver is started once for each walk, because some remember earlier steps. All of them work in
both directions, so the same ones invert. Evaluations of the network a step:

- ``euler`` 1. In sigma it is DDIM with eta 0 (arXiv:2010.02502) for a variance-preserving model.
- ``reused_midpoint`` 1, and one more at the start: the second-order rule of FireFlow
  (arXiv:2412.07517, section 3.2), which takes the previous midpoint for the velocity at the start.
- ``dpm_solver_2m`` 1: DPM-Solver++(2M) (arXiv:2211.01095, algorithm 2).
- ``fixed_point`` as many as it has iterations: implicit Euler, whose step up undoes Euler's step
  down once it has converged (arXiv:2312.12540).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from textseg.diffusion.model import Prediction
from textseg.errors import InvalidInputError, UnknownNameError

Denoiser = Callable[[Tensor, float], Prediction]
Stepper = Callable[[Denoiser, Tensor, float, float], tuple[Tensor, Prediction]]
"""From ``z`` at one level to the state at the next, and the prediction that led there."""
Solver = Callable[[], Stepper]


def euler() -> Stepper:
    """Return Euler's rule in sigma."""

    def step(denoise: Denoiser, z: Tensor, sigma: float, to: float) -> tuple[Tensor, Prediction]:
        prediction = denoise(z, sigma)
        return z + (to - sigma) * prediction.velocity, prediction

    return step


def reused_midpoint() -> Stepper:
    """Return the midpoint rule that enters each step with the midpoint velocity of the last one."""
    known: list[Tensor] = []

    def step(denoise: Denoiser, z: Tensor, sigma: float, to: float) -> tuple[Tensor, Prediction]:
        entering = known.pop() if known else denoise(z, sigma).velocity
        half = (to - sigma) / 2
        prediction = denoise(z + half * entering, sigma + half)
        known.append(prediction.velocity)
        return z + (to - sigma) * prediction.velocity, prediction

    return step


def dpm_solver_2m() -> Stepper:
    """Return the multistep rule of second order in half the log-SNR, for estimates of x0.

    Where a level is 0 or 1 that variable is infinite: such a step is of first order there, and the
    one up from sigma 0 is Euler's.
    """
    earlier: list[tuple[Tensor, float]] = []  # x0 and length of the last step

    def step(denoise: Denoiser, z: Tensor, sigma: float, to: float) -> tuple[Tensor, Prediction]:
        prediction = denoise(z, sigma)
        if sigma == 0:
            return z + to * prediction.velocity, prediction
        length = _half_log_snr(to) - _half_log_snr(sigma)
        x0 = prediction.x0
        if earlier and math.isfinite(length):
            before, last = earlier.pop()
            # the last length over this one; infinite after a start from pure noise
            x0 = x0 + (x0 - before) * (0.5 * length / last)
        earlier[:] = [(prediction.x0, length)]
        decay = (1 - sigma) / sigma * to  # (1 - to) exp(-length), also where that is 0 times inf
        return to / sigma * z + (1 - to - decay) * x0, prediction

    return step


def fixed_point(iterations: int = 2) -> Solver:
    """Return implicit Euler, z' = z + (sigma' - sigma) velocity(z', sigma'), solved by iteration.

    It may diverge where steps are large: below 50 steps a third iteration did harm.
    """
    if iterations < 1:
        raise InvalidInputError(f"iterations is at least 1, got {iterations}")
    return partial(_implicit, iterations)


def _implicit(iterations: int) -> Stepper:
    def step(denoise: Denoiser, z: Tensor, sigma: float, to: float) -> tuple[Tensor, Prediction]:
        reached = z
        for _ in range(iterations):
            prediction = denoise(reached, to)
            reached = z + (to - sigma) * prediction.velocity
        return reached, prediction

    return step


def _half_log_snr(sigma: float) -> float:
    if sigma in (0, 1):
        return math.inf if sigma == 0 else -math.inf
    return math.log((1 - sigma) / sigma)


SOLVERS: Mapping[str, Solver] = {
    "euler": euler,
    "reused_midpoint": reused_midpoint,
    "dpm_solver_2m": dpm_solver_2m,
    "fixed_point": fixed_point(),
}


def solver_named(name: str) -> Solver:
    """Return a solver by its name; raises ``UnknownNameError`` with those there are."""
    if name not in SOLVERS:
        raise UnknownNameError.among("solver", name, list(SOLVERS))
    return SOLVERS[name]
