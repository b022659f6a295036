"""Whole walks against the pipelines of diffusers, step by step."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler
from torch import Tensor
from torch.testing import assert_close

from tests.tiny import SD_BETAS, build_scheduler, build_sd, build_sd2, build_xl
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.sampling import draw_noise, guided, walk

# some schedulers of diffusers hand tensors to numpy 2 in a way that it warns about
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
PROMPTS = ["a red tree", "house, at night"]
SIZE = {"height": 24, "width": 40}
SHAPE = (2, 4, 12, 20)
V = {"prediction_type": "v_prediction"}
ZERO_SNR = {**V, "rescale_betas_zero_snr": True}
CASES = {
    "leading": ({"timestep_spacing": "leading"}, 5),
    "leading, steps that do not divide": ({"timestep_spacing": "leading"}, 3),
    "leading to the clean picture": ({"set_alpha_to_one": True}, 4),
    "trailing": ({"timestep_spacing": "trailing", "set_alpha_to_one": True}, 4),
    "velocity": (V, 4),
    "velocity from pure noise": ({**ZERO_SNR, "timestep_spacing": "trailing"}, 4),
    "velocity, two steps": ({**ZERO_SNR, "timestep_spacing": "trailing"}, 2),
    "picture": ({"prediction_type": "sample"}, 4),
}


def pipeline_states(pipeline, latents: Tensor, *, steps: int, scale: float) -> list[Tensor]:
    """The latents after each step of the pipeline, in its own coordinate."""
    states = []

    def collect(_pipeline, _step, _timestep, tensors: dict[str, Any]) -> dict[str, Any]:
        states.append(tensors["latents"].clone())
        return tensors

    pipeline(
        PROMPTS,
        latents=latents,
        num_inference_steps=steps,
        guidance_scale=scale,
        output_type="latent",
        callback_on_step_end=collect,
        **SIZE,
    )
    return states


def our_states(pipeline, noise: Tensor, *, steps: int, scale: float) -> list[tuple[float, Tensor]]:
    model = wrap_pipeline(pipeline)
    levels = model.levels(steps)
    denoise = guided(model, model.embed_text(PROMPTS), model.embed_text([""]), scale=scale)
    with torch.no_grad():
        z = model.prior(noise, levels[0])
        return [(step.sigma, step.z) for step in walk(denoise, z, levels)]


def assert_same_walk(pipeline, *, steps: int, scale: float = 7.5) -> None:
    noise = draw_noise(SHAPE, seed=1)
    theirs = pipeline_states(pipeline, noise, steps=steps, scale=scale)
    ours = our_states(pipeline, noise, steps=steps, scale=scale)
    assert len(ours) == len(theirs) == steps
    for (sigma, z), x in zip(ours, theirs, strict=True):
        assert_close(z / math.hypot(1 - sigma, sigma), x, rtol=1e-3, atol=1e-3 * x.std().item())


@pytest.mark.parametrize("case", CASES)
def test_a_walk_is_the_pipeline_with_ddim(case: str) -> None:
    options, steps = CASES[case]
    assert_same_walk(build_sd(scheduler=build_scheduler(**options)), steps=steps)


def test_a_walk_without_guidance_is_the_pipeline_without_guidance() -> None:
    assert_same_walk(build_sd(), steps=4, scale=1.0)


def test_a_walk_with_stable_diffusion_2_is_the_pipeline() -> None:
    assert_same_walk(build_sd2(), steps=5)


@pytest.mark.parametrize("zeros", [True, False])
def test_a_walk_with_xl_is_the_pipeline(zeros: bool) -> None:
    """With and without zeros in the place of the empty prompt."""
    assert_same_walk(build_xl(force_zeros_for_empty_prompt=zeros), steps=4)


def test_a_walk_is_the_pipeline_with_euler_on_a_linspace_grid() -> None:
    scheduler = EulerDiscreteScheduler(**SD_BETAS, timestep_spacing="linspace", steps_offset=1)
    pipeline = build_sd(scheduler=scheduler)
    steps = 4  # the grid 999, 666, 333, 0 of whole timesteps
    noise = draw_noise(SHAPE, seed=1)
    ours = our_states(pipeline, noise, steps=steps, scale=7.5)
    model = wrap_pipeline(pipeline)
    top = model.levels(steps)[0]
    scheduler.set_timesteps(steps)
    # this scheduler keeps x0 + (s / a) eps, and multiplies what it is given by its first level
    start = model.prior(noise, top) / (1 - top) / scheduler.init_noise_sigma
    theirs = pipeline_states(pipeline, start, steps=steps, scale=7.5)
    for (sigma, z), x in zip(ours, theirs, strict=True):
        assert_close(z / (1 - sigma), x, rtol=1e-3, atol=1e-3 * x.std().item())
