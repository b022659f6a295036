"""Inversion in which the estimates of the noise are kept like noise.

Regularised DDIM inversion of pix2pix-zero (arXiv:2302.03027, section 3.2): estimates on the way up
hang together from cell to cell, and what they lead to is no noise that the network was trained on.
So each is moved a little down the gradient of two losses, one of the correlation of cells with
those next to them at several scales, one of mean and variance; numbers of the authors' code, with
fixed distances of cells where that draws them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from textseg.diffusion.model import Prediction
from textseg.diffusion.solvers import Denoiser, Stepper, euler

CORRELATION, SPREAD = 20.0, 20.0  # how far to move by the gradient of each loss
ROUNDS = 5
DISTANCES = (1, 2, 3, 4, 5)
COARSEST = 8  # cells along the shorter side


def regularised() -> Stepper:
    """Return Euler's rule with estimates that are kept like noise."""
    plain = euler()

    def step(denoise: Denoiser, z: Tensor, sigma: float, to: float) -> tuple[Tensor, Prediction]:
        def noise_like(z: Tensor, sigma: float) -> Prediction:
            found = denoise(z, sigma)
            return found if sigma >= 1 else Prediction.from_eps(z, sigma, like_noise(found.eps))

        return plain(noise_like, z, sigma, to)

    return step


def like_noise(eps: Tensor) -> Tensor:
    """Return estimates of noise (b, c, h, w) with less correlation and nearer to N(0, 1)."""
    for _ in range(ROUNDS):
        for distance in DISTANCES:
            slope = _slope(eps, partial(correlation, distance=distance))
            eps = eps - CORRELATION / len(DISTANCES) * slope
        eps = eps - SPREAD * _slope(eps, divergence)
    return eps


def correlation(noise: Tensor, distance: int) -> Tensor:
    """Return the squared correlation of cells ``distance`` apart along each side, summed.

    It is summed over channels and over scales, each half the size of the one before.
    """
    total = noise.new_zeros(())
    while True:
        for side in (2, 3):
            total = total + (noise * noise.roll(distance, side)).mean((2, 3)).square().sum()
        if min(noise.shape[2:]) <= COARSEST:
            return total
        noise = avg_pool2d(noise, 2)


def divergence(noise: Tensor) -> Tensor:
    """Return twice the Kullback-Leibler divergence of N(mean, variance) from N(0, 1)."""
    variance = noise.var(unbiased=False)
    return variance + noise.mean().square() - 1 - (variance + 1e-7).log()


def _slope(eps: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.enable_grad():
        eps = eps.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(eps), [eps])
    return slope
