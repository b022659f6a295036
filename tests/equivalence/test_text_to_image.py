"""Whole walks against the pipelines of diffusers, step by step."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
)
from torch import Tensor
from torch.testing import assert_close

from tests.tiny import build_sd, build_sd2, build_xl
from tests.tiny_parts import SD_BETAS, build_scheduler
from textseg.backends.diffusers_unet import DiffusersUNet, wrap_pipeline
from textseg.backends.unet_parts import parts_of
from textseg.diffusion.model import Prediction
from textseg.diffusion.sampling import draw_noise, guided, walk
from textseg.diffusion.solvers import Solver, dpm_solver_2m, euler
from textseg.editing.apply import numbered_noise
from textseg.picturebook import weights_folder
from textseg.scene import Scene

PROMPTS = ["a red tree", "house, at night"]
CELLS = {"height": 12, "width": 20}
SHAPE = (2, 4, *CELLS.values())
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


def pipeline_states(
    pipeline, latents: Tensor, *, steps: int, scale: float, negative: str = ""
) -> list[Tensor]:
    """The latents after each step of the pipeline, in its own coordinate."""
    states = []

    def collect(_pipeline, _step, _timestep, tensors: dict[str, Any]) -> dict[str, Any]:
        states.append(tensors["latents"].clone())
        return tensors

    pipeline(
        PROMPTS,
        negative_prompt=[negative] * len(PROMPTS) if negative else None,
        latents=latents,
        num_inference_steps=steps,
        guidance_scale=scale,
        output_type="latent",
        callback_on_step_end=collect,
        **{side: cells * pipeline.vae_scale_factor for side, cells in CELLS.items()},
    )
    return states


def our_states(
    pipeline,
    noise: Tensor,
    *,
    steps: int,
    scale: float,
    negative: str = "",
    solver: Solver = euler,
) -> list[tuple[float, Tensor]]:
    model = wrap_pipeline(pipeline)
    levels = model.levels(steps)
    reference = model.embed_text([negative])
    denoise = guided(model, model.embed_text(PROMPTS), reference, scale=scale)
    with torch.no_grad():
        z = model.prior(noise, levels[0])
        return [(step.sigma, step.z) for step in walk(denoise, z, levels, solver=solver)]


def assert_same_walk(
    pipeline, *, steps: int, scale: float = 7.5, negative: str = "", solver: Solver = euler
) -> None:
    noise = draw_noise((2, pipeline.unet.config.in_channels, *SHAPE[2:]), seed=1)
    theirs = pipeline_states(pipeline, noise, steps=steps, scale=scale, negative=negative)
    ours = our_states(pipeline, noise, steps=steps, scale=scale, negative=negative, solver=solver)
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


def build_dpm(**options: Any) -> DPMSolverMultistepScheduler:
    settings = {**SD_BETAS, "timestep_spacing": "leading", "steps_offset": 1, **options}
    return DPMSolverMultistepScheduler(**settings)


@pytest.mark.parametrize("scale", [7.5, 1.0])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_a_walk_is_the_pipeline_with_dpm_solver(prediction_type: str, scale: float) -> None:
    scheduler = build_dpm(prediction_type=prediction_type)
    assert_same_walk(build_sd(scheduler=scheduler), steps=5, scale=scale, solver=dpm_solver_2m)


def test_a_walk_away_from_a_negative_prompt_is_the_pipeline() -> None:
    assert_same_walk(build_sd(), steps=4, negative="a tree")
    assert_same_walk(
        build_sd(scheduler=build_dpm()), steps=4, negative="a tree", solver=dpm_solver_2m
    )


@pytest.mark.parametrize(("scale", "negative"), [(7.5, ""), (7.5, "a tree"), (1.0, "")])
def test_a_generated_picture_is_the_pipelines(scale: float, negative: str) -> None:
    assert_same_picture(
        build_sd(scheduler=build_dpm()),
        steps=5,
        scale=scale,
        negative=negative,
        size=(24, 40),
        solver="dpm_solver_2m",
    )


def assert_same_picture(
    pipeline, *, steps: int, scale: float, negative: str, size: tuple[int, int], solver: Any
) -> None:
    usual = wrap_pipeline(pipeline).card
    card = replace(usual, sampling=replace(usual.sampling, solver=solver))
    model = DiffusersUNet(parts_of(pipeline), name="tiny", card=card)
    scene = Scene.generate(
        "a red house", model, seed=3, steps=steps, guidance=scale, negative=negative, size=size
    )
    latents = numbered_noise(torch.zeros_like(scene.latents), 3)(0)
    made = pipeline(
        "a red house",
        negative_prompt=negative or None,
        latents=latents,
        num_inference_steps=steps,
        guidance_scale=scale,
        output_type="np",
        height=size[0],
        width=size[1],
    ).images[0]
    assert scene.rgb.shape == (*size, 3)
    assert np.abs(scene.rgb - made).max() < 1.5 / 255  # ours is rounded to 8 bits


@pytest.fixture(scope="module")
def shipped() -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline.from_pretrained(
        weights_folder(), safety_checker=None, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize(("scale", "negative"), [(7.5, "tree"), (1.0, "")])
def test_a_walk_with_the_shipped_weights_is_the_pipeline(shipped, scale, negative) -> None:
    assert_same_walk(shipped, steps=4, scale=scale, negative=negative)


def test_a_picture_from_the_shipped_weights_is_the_pipelines(shipped) -> None:
    assert isinstance(shipped.scheduler, DDIMScheduler)
    assert_same_picture(shipped, steps=2, scale=7.5, negative="tree", size=(64, 96), solver="euler")


def test_a_walk_with_the_shipped_weights_is_the_pipeline_with_dpm_solver(shipped) -> None:
    """From the level at which that scheduler begins: not quite pure noise."""
    scheduler = DPMSolverMultistepScheduler.from_config(shipped.scheduler.config)
    pipeline = StableDiffusionPipeline(**{**shipped.components, "scheduler": scheduler})
    pipeline.set_progress_bar_config(disable=True)
    noise, steps = draw_noise((2, *shipped_cells(shipped)), seed=1), 4
    theirs = pipeline_states(pipeline, noise, steps=steps, scale=7.5)
    levels = [ratio / (1 + ratio) for ratio in scheduler.sigmas.double().tolist()]
    assert levels[0] == pytest.approx(4096 / 4097)
    model = wrap_pipeline(pipeline)
    assert levels[1:] == pytest.approx(model.levels(steps)[1:])
    follow = guided(model, model.embed_text(PROMPTS), model.embed_text([""]), scale=7.5)

    def denoise(z: Tensor, sigma: float) -> Prediction:
        return follow(z, 1.0 if sigma == levels[0] else sigma)  # it asks at timestep 999 there

    with torch.no_grad():
        ours = list(walk(denoise, model.prior(noise, levels[0]), levels, solver=dpm_solver_2m))
    for step, x in zip(ours, theirs, strict=True):
        z = step.z / math.hypot(1 - step.sigma, step.sigma)
        assert_close(z, x, rtol=2e-3, atol=2e-3 * x.std().item())


def shipped_cells(pipeline) -> tuple[int, int, int]:
    return (pipeline.unet.config.in_channels, *CELLS.values())
