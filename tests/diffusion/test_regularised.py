"""Estimates of noise are kept like noise."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close

from textseg.diffusion.inversion import invert, inverter_named
from textseg.diffusion.regularised import correlation, divergence, like_noise
from textseg.diffusion.sampling import denoise_with, draw_noise
from textseg.diffusion.solvers import euler, solver_named
from textseg.errors import UnknownNameError
from textseg.testing import GaussianModel

SHAPE = (1, 4, 16, 24)


def test_a_shift_of_alike_cells_counts_at_each_scale() -> None:
    columns = torch.tensor([1.0, -1.0]).repeat(12).expand(SHAPE)  # gone at half the size
    assert_close(correlation(columns, 1), torch.tensor(4 * 2.0))  # -1 along rows, 1 along columns
    wide = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(6).expand(SHAPE)
    assert_close(avg_pool2d(wide, 2)[0, 0, 0, :2], torch.tensor([1.0, -1.0]))
    assert_close(correlation(wide, 1), torch.tensor(4 * (1.0 + 0.0 + 2.0)))


def test_a_standard_normal_diverges_from_nothing() -> None:
    noise = draw_noise(SHAPE, seed=0)
    noise = (noise - noise.mean()) / noise.std(unbiased=False)
    assert_close(divergence(noise), torch.tensor(0.0), rtol=0, atol=1e-5)
    assert_close(divergence(2 * noise + 1), 4 - torch.tensor(4.0).log(), rtol=1e-4, atol=0)


def test_smooth_estimates_become_more_like_noise() -> None:
    noise = draw_noise(SHAPE, seed=0)
    smooth = 0.5 * noise + 0.5 * noise.mean((2, 3), keepdim=True) + 0.4
    found = like_noise(smooth)
    for loss in (lambda eps: correlation(eps, 1), divergence):
        assert loss(found) < loss(smooth)


@torch.no_grad()
def test_an_inversion_with_it_differs_from_eulers_and_still_ends_at_the_picture() -> None:
    model = GaussianModel(rate=0.3)
    denoise, latents = denoise_with(model, model.embed_text(["tree"])), draw_noise(SHAPE, seed=1)
    latents = latents[:, : model.latent_channels]
    plain, found = (
        invert(denoise, latents, (0.8, 0.4, 0.0), solver=solver)
        for solver in (euler, inverter_named("regularised"))
    )
    assert torch.equal(found.clean, latents)
    assert divergence(found.states[0]) < divergence(plain.states[0])


def test_it_makes_no_picture() -> None:
    with pytest.raises(UnknownNameError, match="unknown solver 'regularised'"):
        solver_named("regularised")
    with pytest.raises(UnknownNameError, match=r"unknown solver 'heun'.*regularised"):
        inverter_named("heun")
