"""Solvers against the schedulers of diffusers of the same name, state by state, on one network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from diffusers import DPMSolverMultistepInverseScheduler, DPMSolverMultistepScheduler
from torch import Tensor
from torch.testing import assert_close

from tests.tiny import build_sd
from tests.tiny_parts import SD_BETAS, build_scheduler
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.sampling import denoise_with, draw_noise, walk
from textseg.diffusion.solvers import Solver, dpm_solver_2m, euler

SHAPE = (1, 4, 12, 20)
PROMPT = "a red tree"
PREDICTIONS = ["epsilon", "v_prediction", "sample"]
ZERO_SNR = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}


@dataclass(frozen=True)
class Walked:
    """States in x = a x0 + s eps, beginning with the first, and their levels s / (a + s)."""

    states: Sequence[Tensor]
    levels: Sequence[float]


def by_scheduler(pipeline, scheduler, steps: int) -> Walked:
    """What the scheduler makes of noise, asking the network at its own timesteps."""
    scheduler.set_timesteps(steps)
    text = wrap_pipeline(pipeline).embed_text([PROMPT]).embeddings
    states = [draw_noise(SHAPE, seed=0)]
    for timestep in scheduler.timesteps:
        answer = pipeline.unet(states[-1], timestep, text).sample
        states.append(scheduler.step(answer, timestep, states[-1]).prev_sample)
    return Walked(states, levels_of(scheduler))


def levels_of(scheduler) -> list[float]:
    if hasattr(scheduler, "sigmas"):  # s / a
        return [ratio / (1 + ratio) for ratio in scheduler.sigmas.double().tolist()]
    kept = [*scheduler.alphas_cumprod[scheduler.timesteps].double().tolist()]
    kept.append(float(scheduler.final_alpha_cumprod))
    return [math.sqrt(1 - a) / (math.sqrt(a) + math.sqrt(1 - a)) for a in kept]


def by_us(pipeline, theirs: Walked, solver: Solver, *, levels: Sequence[float] = ()) -> Walked:
    model = wrap_pipeline(pipeline)
    levels = levels or theirs.levels
    z = theirs.states[0] * norm(levels[0])
    denoise = denoise_with(model, model.embed_text([PROMPT]))
    steps = list(walk(denoise, z, levels, solver=solver))
    return Walked([z / norm(levels[0]), *(step.z / norm(step.sigma) for step in steps)], levels)


def norm(sigma: float) -> float:
    """1 / (a + s)."""
    return math.hypot(1 - sigma, sigma)


def differences(ours: Walked, theirs: Walked) -> list[float]:
    """The largest difference of each state, as a share of that state's spread."""
    assert len(ours.states) == len(theirs.states)
    pairs = zip(ours.states, theirs.states, strict=True)
    return [((a - b).abs().max() / b.std()).item() for a, b in pairs]


def dpm(**options) -> DPMSolverMultistepScheduler:
    settings = {"timestep_spacing": "trailing", "steps_offset": 1, **SD_BETAS}
    return DPMSolverMultistepScheduler(**{**settings, **options})


def assert_same(ours: Walked, theirs: Walked, *, tolerance: float = 1e-3) -> None:
    assert max(differences(ours, theirs)) < tolerance


@pytest.mark.parametrize("prediction_type", PREDICTIONS)
@torch.no_grad()
def test_euler_is_ddim(prediction_type: str) -> None:
    scheduler = build_scheduler(prediction_type=prediction_type)
    pipeline = build_sd(scheduler=scheduler)
    theirs = by_scheduler(pipeline, scheduler, 5)
    assert_same(by_us(pipeline, theirs, euler), theirs)


@torch.no_grad()
def test_euler_is_ddim_from_pure_noise() -> None:
    scheduler = build_scheduler(timestep_spacing="trailing", set_alpha_to_one=True, **ZERO_SNR)
    pipeline = build_sd(scheduler=scheduler)
    # this scheduler steps by whole timesteps, which is where it asks only if steps divide 1000
    theirs = by_scheduler(pipeline, scheduler, 5)
    assert theirs.levels[0] == 1
    assert theirs.levels[-1] == 0
    assert_same(by_us(pipeline, theirs, euler), theirs)


@pytest.mark.parametrize("prediction_type", PREDICTIONS)
@pytest.mark.parametrize("steps", [6, 17])
@torch.no_grad()
def test_dpm_solver_is_the_multistep_scheduler_down_to_the_picture(
    prediction_type: str, steps: int
) -> None:
    """On both sides of 15 steps, below which the scheduler may lower the order of the last one."""
    scheduler = dpm(prediction_type=prediction_type)
    pipeline = build_sd(scheduler=scheduler)
    theirs = by_scheduler(pipeline, scheduler, steps)
    assert theirs.levels[-1] == 0
    assert_same(by_us(pipeline, theirs, dpm_solver_2m), theirs)
    assert max(differences(by_us(pipeline, theirs, euler), theirs)) > 0.01


@torch.no_grad()
def test_dpm_solver_is_the_multistep_scheduler_down_to_the_lowest_timestep() -> None:
    scheduler = dpm(final_sigmas_type="sigma_min", lower_order_final=False)
    pipeline = build_sd(scheduler=scheduler)
    theirs = by_scheduler(pipeline, scheduler, 6)
    assert_same(by_us(pipeline, theirs, dpm_solver_2m), theirs)


@torch.no_grad()
def test_dpm_solver_is_the_multistep_scheduler_from_all_but_pure_noise() -> None:
    """The scheduler takes a share of 2^-24 of the picture's power for none."""
    scheduler = dpm(**ZERO_SNR)
    pipeline = build_sd(scheduler=scheduler)
    theirs = by_scheduler(pipeline, scheduler, 6)
    assert theirs.levels[0] == pytest.approx(4096 / 4097)
    # for that level it asks at timestep 999, ours a little below, as the schedule has it
    assert_same(by_us(pipeline, theirs, dpm_solver_2m), theirs, tolerance=3e-3)


@torch.no_grad()
def test_from_pure_noise_itself_only_the_second_step_has_another_order() -> None:
    """Its correction shrinks with the log-SNR of the start, which is infinite here, -17 there."""
    scheduler = dpm(**ZERO_SNR)
    pipeline = build_sd(scheduler=scheduler)
    theirs = by_scheduler(pipeline, scheduler, 6)
    from_noise = by_us(pipeline, theirs, dpm_solver_2m, levels=(1.0, *theirs.levels[1:]))
    apart = differences(from_noise, theirs)
    assert max(apart[:2]) < 1e-3
    assert apart[2] > 4e-3
    first_order = by_us(pipeline, theirs, euler, levels=(1.0, *theirs.levels[1:]))
    assert_close(from_noise.states[2], first_order.states[2], rtol=1e-4, atol=1e-4)


def dpm_up(**options) -> DPMSolverMultistepInverseScheduler:
    return DPMSolverMultistepInverseScheduler(timestep_spacing="linspace", **SD_BETAS, **options)


@pytest.mark.parametrize("prediction_type", PREDICTIONS)
@torch.no_grad()
def test_dpm_solver_upwards_is_the_inverse_scheduler(prediction_type: str) -> None:
    """It begins at the level of timestep 0, where ours begins when it is given that level."""
    scheduler = dpm_up(prediction_type=prediction_type, lower_order_final=False)
    pipeline = build_sd(scheduler=build_scheduler(prediction_type=prediction_type))
    theirs = by_scheduler(pipeline, scheduler, 6)
    assert theirs.levels == sorted(theirs.levels)
    assert theirs.levels[0] == pytest.approx(0.0283, abs=1e-4)
    assert_same(by_us(pipeline, theirs, dpm_solver_2m), theirs)


@torch.no_grad()
def test_the_inverse_scheduler_lowers_the_order_of_a_short_walks_last_step() -> None:
    pipeline = build_sd()
    theirs = by_scheduler(pipeline, dpm_up(), 6)
    apart = differences(by_us(pipeline, theirs, dpm_solver_2m), theirs)
    assert max(apart[:-1]) < 1e-3
    assert apart[-1] > 0.01
