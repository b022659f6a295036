from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.sampling import denoise_with, guided, last, walk
from textseg.diffusion.solvers import euler
from textseg.editing.base import edit_levels
from textseg.testing import GaussianModel


@pytest.mark.parametrize("still", [{"guidance": 0.0}, {"until": 1.0}])
def test_without_a_shift_it_is_what_the_source_prompt_makes_of_the_inverted_picture(
    still: dict[str, float],
) -> None:
    table = bench(GaussianModel(rate=0.3))
    method = method_with("asyrp", **still)
    found = table.run(method, table.everything)
    start, levels = table.made[0].states[0], edit_levels(table.model, method, table.latents)
    plain = last(walk(denoise_with(table.model, table.text("tree")), start, levels), start)
    assert_close(found, plain, rtol=0, atol=1e-6)


@torch.no_grad()
def test_it_is_the_step_of_the_authors_on_a_network_that_predicts_noise() -> None:
    """x_next = sqrt(abar') x0(modified) + sqrt(1 - abar') eps(unmodified), then unmodified."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline))
    method = method_with("asyrp", guidance=1.0)
    found = table.run(method, table.everything)
    levels = edit_levels(table.model, method, table.latents)
    pipeline.scheduler.set_timesteps(4)
    text = table.model.embed_text(["tree", "house"]).embeddings

    def x_at(z: Tensor | float, sigma: float) -> Tensor | float:
        return z / ((1 - sigma) ** 2 + sigma**2) ** 0.5

    x = x_at(table.made[0].at(levels[0]), levels[0])
    for k, (time, (sigma, to)) in enumerate(
        zip(pipeline.scheduler.timesteps, pairwise(levels), strict=True)
    ):
        et, modified = pipeline.unet(torch.cat([x, x]), time, text).sample.chunk(2)
        x0 = (x - x_at(sigma, sigma) * (modified if k < 2 else et)) / x_at(1 - sigma, sigma)
        x = x_at(1 - to, to) * x0 + x_at(to, to) * et
    assert_close(x_at(found, levels[-1]), x, rtol=1e-3, atol=1e-4)


def test_one_step_moves_as_far_as_much_guidance_would() -> None:
    """The sentence of the module: guidance times sigma (1 - sigma') / (sigma - sigma')."""
    table = bench(GaussianModel(rate=0.3))
    method = method_with("asyrp", steps=10, until=0.0, guidance=0.7)
    steps = table.steps(method, table.everything)
    before, sigma, to = steps[3].z, steps[3].sigma, steps[4].sigma
    scale = 0.7 * sigma * (1 - to) / (sigma - to)
    denoise = guided(table.model, table.text("house"), table.text("tree"), scale=scale)
    assert_close(steps[4].z, euler()(denoise, before, sigma, to)[0], rtol=0, atol=1e-4)
