"""Single predictions against the schedulers of diffusers and the networks asked directly."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import LatentConsistencyModelPipeline
from torch.testing import assert_close

from tests.tiny import build_sd, build_xl
from tests.tiny_parts import build_scheduler
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.sampling import draw_noise

SHAPE = (2, 4, 12, 20)
PROMPTS = ["a red tree", ""]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("timestep", [0, 37, 500, 981, 999])
@torch.no_grad()
def test_x0_is_the_schedulers_pred_original_sample(prediction_type: str, timestep: int) -> None:
    scheduler = build_scheduler(prediction_type=prediction_type)
    pipeline = build_sd(scheduler=scheduler)
    model = wrap_pipeline(pipeline)
    text = model.embed_text(PROMPTS)
    x = draw_noise(SHAPE, seed=0)
    answer = pipeline.unet(x, timestep, text.embeddings).sample
    scheduler.set_timesteps(1000)
    expected = scheduler.step(answer, timestep, x).pred_original_sample
    kept = scheduler.alphas_cumprod[timestep].double()
    a, s = kept.sqrt().item(), (1 - kept).sqrt().item()
    found = model.predict(x / (a + s), s / (a + s), text)
    tolerance = 2e-4 * expected.std().item()
    assert_close(found.x0, expected, rtol=2e-4, atol=tolerance)
    assert_close(a * found.x0 + s * found.eps, x, rtol=2e-4, atol=tolerance)


@torch.no_grad()
def test_v_from_pure_noise_is_minus_the_picture() -> None:
    scheduler = build_scheduler(prediction_type="v_prediction", rescale_betas_zero_snr=True)
    pipeline = build_sd(scheduler=scheduler)
    model = wrap_pipeline(pipeline)
    text = model.embed_text(PROMPTS)
    noise = draw_noise(SHAPE, seed=0)
    found = model.predict(model.prior(noise), 1.0, text)
    assert_close(found.x0, -pipeline.unet(noise, 999, text.embeddings).sample)
    assert_close(found.eps, noise, rtol=0, atol=0)


@torch.no_grad()
def test_a_level_between_two_timesteps_asks_the_network_in_between() -> None:
    pipeline = build_sd()
    model = wrap_pipeline(pipeline)
    text = model.embed_text(PROMPTS)
    kept = pipeline.scheduler.alphas_cumprod[480:482].double()
    ratio = (((1 - kept) / kept).log().mean() / 2).exp().item()  # s / a half way in log-SNR
    sigma, x = ratio / (1 + ratio), draw_noise(SHAPE, seed=0)
    found = model.predict(x * math.hypot(1 - sigma, sigma), sigma, text).eps
    between, below = (
        pipeline.unet(x, torch.tensor(timestep), text.embeddings).sample
        for timestep in (480.5, 480.0)
    )
    assert (between - below).abs().max() > 1e-3
    assert_close(found, between, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_xl_is_told_the_size_of_the_picture_and_the_pooled_text() -> None:
    pipeline = build_xl()
    model = wrap_pipeline(pipeline)
    text = model.embed_text(PROMPTS)
    x, sigma = draw_noise(SHAPE, seed=0), model.levels(10)[3]
    pixels = (24, 40)
    time_ids = pipeline._get_add_time_ids(pixels, (0, 0), pixels, torch.float32, 32)
    added = {"text_embeds": text.pooled, "time_ids": time_ids.repeat(2, 1)}
    answer = pipeline.unet(x, 601, text.embeddings, added_cond_kwargs=added).sample
    found = model.predict(x * math.hypot(1 - sigma, sigma), sigma, text)
    assert_close(found.eps, answer, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_consistency_model_is_asked_without_guidance() -> None:
    pipeline = build_sd(unet={"time_cond_proj_dim": 16})
    model = wrap_pipeline(pipeline)
    text = model.embed_text(PROMPTS)
    x, sigma = draw_noise(SHAPE, seed=0), model.levels(10)[3]
    embedding = LatentConsistencyModelPipeline.get_guidance_scale_embedding(
        pipeline, torch.zeros(2), embedding_dim=16
    )
    answer = pipeline.unet(x, 601, text.embeddings, timestep_cond=embedding).sample
    found = model.predict(x * math.hypot(1 - sigma, sigma), sigma, text)
    assert_close(found.eps, answer, rtol=1e-4, atol=1e-4)
