"""Steps with fresh noise, as DDPM's sampler makes them (arXiv:2006.11239; eta = 1 of 2010.02502).

They are told in shares of the noise, so that they are the same for every model: of the noise of
the level that is reached, a part is the estimate's and the rest is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import count

import torch
from torch import Tensor

from textseg.diffusion.model import Prediction
from textseg.diffusion.snr import log_snr
from textseg.diffusion.solvers import Denoiser, Solver, Stepper


def fresh_share(sigma: float, to: float) -> float:
    """Return which share of the variance of the noise at ``to`` a step from ``sigma`` draws anew.

    It is 1 - SNR(sigma) / SNR(to), in [0, 1] for a step down: 1 from pure noise, and to no noise.
    """
    if sigma >= 1 or to <= 0:
        return 1.0
    return -math.expm1(log_snr(sigma) - log_snr(to))


def stochastic_mean(prediction: Prediction, sigma: float, to: float) -> Tensor:
    """Return the mean (b, c, h, w) of the state at ``to``, which leaves out the fresh noise.

    The state is that plus ``to * sqrt(fresh_share(sigma, to))`` times standard normal noise
    (arXiv:2010.02502, equation 12 with equation 16 for eta = 1).
    """
    kept = math.sqrt(1 - fresh_share(sigma, to))
    return (1 - to) * prediction.x0 + to * kept * prediction.eps


def mapped(path: Mapping[float, Tensor]) -> Solver:
    """Return the rule whose noise is what leads from state to state of a picture.

    That is edit friendly DDPM's (arXiv:2304.06140, algorithm 1). The denoiser is given one row at a
    level and answers about two: the state of ``path`` there, and the row.
    """

    def step(denoise: Denoiser, z: Tensor, sigma: float, to: float) -> tuple[Tensor, Prediction]:
        prediction = denoise(z, sigma)
        away, towards = stochastic_mean(prediction, sigma, to).chunk(2)
        return towards + (path[to] - away), prediction

    return lambda: step


def descending(loss: Callable[[Tensor, int], Tensor], noise: Callable[[int], Tensor]) -> Solver:
    """Return the rule whose mean is moved down the gradient of a loss, by the noise's variance.

    So a classifier leads a sampler (arXiv:2105.05233, algorithm 1). The gradient goes through the
    denoiser, which is asked about one row at a time: graphs of decoders are large.

    Args:
        loss: of an estimate of x0 (1, c, h, w) at the step of a number, counted from 0.
        noise: gives that of a step, (b, c, h, w).
    """

    def start() -> Stepper:
        made = count()

        def step(
            denoise: Denoiser, z: Tensor, sigma: float, to: float
        ) -> tuple[Tensor, Prediction]:
            velocities, slopes, number = list[Tensor](), list[Tensor](), next(made)
            for row in z.detach().split(1):
                asked = row.clone().requires_grad_()
                found = denoise(asked, sigma)
                slopes += torch.autograd.grad(loss(found.x0, number), [asked])
                velocities.append(found.velocity.detach())
            found = Prediction.from_velocity(z, sigma, torch.cat(velocities))
            fresh = to * fresh_share(sigma, to) ** 0.5
            # the slope is meant along states of variance 1, z / hypot(1 - sigma, sigma)
            rate = fresh**2 * math.hypot(1 - sigma, sigma) / math.hypot(1 - to, to)
            mean = stochastic_mean(found, sigma, to) - rate * torch.cat(slopes)
            return mean + fresh * noise(number), found

        return step

    return start
