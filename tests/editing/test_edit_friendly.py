"""Edit friendly DDPM inversion beside its equations, and where its steps come from."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import SEED, bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.model import Prediction
from textseg.diffusion.sampling import draw_noise
from textseg.diffusion.stochastic import fresh_share, stochastic_mean
from textseg.editing.apply import numbered_noise
from textseg.editing.base import edit_levels

SCALES = {"guidance": 5.0, "source_guidance": 2.0}


@pytest.mark.parametrize("family", ["sd1", "sd2", "flux"])
def test_the_source_prompt_gives_the_picture_back_whatever_the_model(
    family: str, tiny_models
) -> None:
    table = bench(tiny_models[family], target="tree")
    method = method_with("edit_friendly", guidance=3.5, strength=0.5)
    found = table.run(method, table.everything)
    assert_close(found, table.latents, rtol=0, atol=1e-4)
    table.target = "house"
    assert (table.run(method, table.everything) - table.latents).abs().max() > 1e-2


@torch.no_grad()
def test_it_is_the_algorithm_of_the_paper_on_a_network_that_predicts_noise() -> None:
    """Algorithm 1 and the decoding, written out in x_t and with the sampler of diffusers."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline))
    method = method_with("edit_friendly", strength=0.75, **SCALES)
    levels = edit_levels(table.model, method, table.latents)
    scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
    scheduler.set_timesteps(4)
    times = scheduler.timesteps[-len(levels) + 1 :]
    text = table.model.embed_text(["", "tree", "house"]).embeddings

    def asked(x: Tensor, time: Tensor, row: int, scale: float) -> Tensor:
        both = torch.stack([text[0], text[row]])
        away, towards = pipeline.unet(torch.cat([x, x]), time, both).sample.chunk(2)
        return away + scale * (towards - away)

    def stepped(x: Tensor, time: Tensor, eps: Tensor, noise: Tensor) -> Tensor:
        return scheduler.step(eps, time, x, eta=1.0, variance_noise=noise).prev_sample

    noise, states = numbered_noise(table.latents, SEED), []
    for k, time in enumerate(times):
        signal = scheduler.alphas_cumprod[time]
        states.append(signal.sqrt() * table.latents + (1 - signal).sqrt() * noise(k))
    clean = scheduler.final_alpha_cumprod
    last = table.latents * (clean.sqrt() + (1 - clean).sqrt())  # the picture, at the last level
    x, nothing = states[0], torch.zeros_like(states[0])
    for k, (time, state) in enumerate(zip(times, states, strict=True)):
        mean = stepped(state, time, asked(state, time, 1, 2.0), nothing)
        fresh = [*states[1:], last][k] - mean  # sigma_t z_t
        x = stepped(x, time, asked(x, time, 2, 5.0), nothing) + fresh
    found = table.run(method, table.everything)
    assert_close(found, x / (clean.sqrt() + (1 - clean).sqrt()), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("sigma", "to"), [(1.0, 0.7), (0.8, 0.6), (0.5, 0.1), (0.3, 0.0)])
def test_stochastic_steps_end_in_the_noise_of_their_level(sigma: float, to: float) -> None:
    """The noise that is kept and the fresh one together are as strong as the level says."""
    x0, eps = draw_noise((1, 3, 200, 300), seed=0), draw_noise((1, 3, 200, 300), seed=1)
    share = fresh_share(sigma, to)
    assert 0 <= share <= 1
    mean = stochastic_mean(Prediction(x0, eps, eps - x0), sigma, to)
    fresh = to * share**0.5 * draw_noise(x0.shape, seed=2)
    noise = (mean + fresh - (1 - to) * x0).std().item()
    assert noise == pytest.approx(to, rel=0.02, abs=1e-6)


def test_a_step_of_no_length_draws_nothing_and_one_from_pure_noise_all() -> None:
    assert fresh_share(0.5, 0.5) == 0
    assert fresh_share(1.0, 0.9) == fresh_share(0.5, 0.0) == 1
