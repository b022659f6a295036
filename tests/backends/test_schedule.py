from __future__ import annotations

import diffusers
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.tiny_parts import SD_BETAS, build_scheduler
from textseg.backends.schedule import Schedule
from textseg.errors import InvalidInputError, UnsupportedError

# some schedulers of diffusers hand tensors to numpy 2 in a way that it warns about
pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")
SCHEDULERS = {
    "epsilon": build_scheduler(),
    "zero_snr": build_scheduler(prediction_type="v_prediction", rescale_betas_zero_snr=True),
}


@pytest.fixture(params=SCHEDULERS)
def schedule(request: pytest.FixtureRequest) -> Schedule:
    return Schedule.of(SCHEDULERS[request.param])


def level_of(scheduler, timestep: int) -> float:
    kept = float(scheduler.alphas_cumprod[timestep])
    return (1 - kept) ** 0.5 / (kept**0.5 + (1 - kept) ** 0.5)


def test_known_levels_of_stable_diffusion() -> None:
    schedule = Schedule.of(build_scheduler())
    assert_allclose([schedule.sigma(t) for t in (0, 500, 981)], [0.028, 0.618, 0.929], atol=6e-4)
    assert_allclose(schedule.range, (0.0283, 0.9360), atol=1e-4)


def test_integer_timesteps_are_exact_both_ways(schedule: Schedule) -> None:
    timesteps = np.arange(1000)
    sigmas = [schedule.sigma(float(t)) for t in timesteps]
    assert_allclose(sigmas, schedule.sigmas, rtol=1e-12)
    assert_allclose([schedule.timestep(sigma) for sigma in sigmas], timesteps, atol=1e-6)


def test_fractional_timesteps_rise_with_the_level(schedule: Schedule) -> None:
    low, high = schedule.range
    timesteps = [schedule.timestep(sigma) for sigma in np.linspace(low, high, 5000)]
    assert (np.diff(timesteps) > 0).all()
    assert timesteps[0] == 0
    assert timesteps[-1] == 999


def test_levels_and_fractional_timesteps_undo_each_other(schedule: Schedule) -> None:
    timesteps = np.linspace(0, 999, 1234)
    back = [schedule.timestep(schedule.sigma(float(t))) for t in timesteps]
    assert_allclose(back, timesteps, atol=1e-6)


def test_half_a_timestep_is_half_way_in_log_snr(schedule: Schedule) -> None:
    def log_snr(timestep: float) -> float:
        sigma = schedule.sigma(timestep)
        return 2 * np.log((1 - sigma) / sigma)

    assert_allclose(log_snr(400.5), (log_snr(400) + log_snr(401)) / 2)


@pytest.mark.parametrize("sigma", [-0.1, 0.0, 0.02, 0.95, 1.0, float("nan")])
def test_a_level_outside_the_training_range_names_the_range(sigma: float) -> None:
    with pytest.raises(InvalidInputError, match=r"0\.0283 to 0\.9360"):
        Schedule.of(build_scheduler()).timestep(sigma)


def test_pure_noise_is_the_last_timestep_of_a_zero_snr_schedule() -> None:
    schedule = Schedule.of(SCHEDULERS["zero_snr"])
    assert schedule.range[1] == 1
    assert schedule.timestep(1.0) == 999


def test_zero_snr_holds_for_schedulers_that_hide_it_from_their_own_divisions() -> None:
    options = {**SD_BETAS, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    schedule = Schedule.of(diffusers.EulerDiscreteScheduler(**options))
    assert schedule.range[1] == 1


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("steps", [2, 3, 7, 50, 1000])
def test_levels_are_those_of_the_schedulers_timesteps(spacing: str, steps: int) -> None:
    scheduler = build_scheduler(timestep_spacing=spacing, steps_offset=0)
    levels = Schedule.of(scheduler).levels(steps, 1.0)
    assert list(levels) == sorted(set(levels), reverse=True)
    scheduler.set_timesteps(steps)
    expected = {level_of(scheduler, t) for t in scheduler.timesteps.tolist()}
    end = level_of(scheduler, 0)
    assert_allclose(levels, sorted(expected | {end}, reverse=True), rtol=1e-6)


@pytest.mark.parametrize(
    ("scheduler", "final"),
    [
        (build_scheduler(set_alpha_to_one=True), 0.0),
        (build_scheduler(set_alpha_to_one=False), 0.0283),
        (diffusers.EulerDiscreteScheduler(**SD_BETAS), 0.0),
        (diffusers.EulerDiscreteScheduler(**SD_BETAS, final_sigmas_type="sigma_min"), 0.0283),
        (diffusers.PNDMScheduler(**SD_BETAS, set_alpha_to_one=False), 0.0283),
    ],
)
def test_a_walk_ends_where_the_config_says(scheduler, final: float) -> None:
    assert_allclose(Schedule.of(scheduler).levels(5, 1.0)[-1], final, atol=1e-4)


def test_a_consistency_scheduler_keeps_its_own_few_steps() -> None:
    schedule = Schedule.of(diffusers.LCMScheduler(**SD_BETAS, original_inference_steps=50))
    timesteps = [schedule.timestep(sigma) for sigma in schedule.levels(4, 1.0)[:-1]]
    assert_allclose(timesteps, [999, 759, 499, 259], atol=1e-6)
    with pytest.raises(InvalidInputError, match="60 steps"):
        schedule.levels(60, 1.0)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNDMScheduler", {"skip_prk_steps": True}),
        ("PNDMScheduler", {"skip_prk_steps": False}),
        ("HeunDiscreteScheduler", {"timestep_spacing": "leading"}),
        ("KDPM2DiscreteScheduler", {"timestep_spacing": "leading"}),
    ],
)
def test_solvers_with_inner_stages_walk_each_level_once(kind: str, options) -> None:
    scheduler = getattr(diffusers, kind)(**SD_BETAS, **options, steps_offset=1)
    found = Schedule.of(scheduler).levels(10, 1.0)
    expected = Schedule.of(build_scheduler()).levels(10, 1.0)
    assert len(found) == len(expected) == 11
    assert_allclose(found[:-1], expected[:-1], rtol=1e-5)


def test_levels_above_the_start_are_left_out() -> None:
    schedule = Schedule.of(build_scheduler())
    levels = schedule.levels(10, 1.0)
    assert schedule.levels(10, levels[4]) == levels[4:]
    assert schedule.levels(10, 0.5) == tuple(level for level in levels if level <= 0.5)


@pytest.mark.parametrize(("steps", "start"), [(0, 1.0), (-1, 1.0), (1001, 1.0), (10, 0.0)])
def test_levels_that_cannot_be_are_refused(steps: int, start: float) -> None:
    with pytest.raises(InvalidInputError):
        Schedule.of(build_scheduler()).levels(steps, start)


def test_a_scheduler_is_read_and_not_changed() -> None:
    scheduler = build_scheduler()
    scheduler.set_timesteps(7)
    before, config = scheduler.timesteps.tolist(), dict(scheduler.config)
    Schedule.of(scheduler).levels(20, 1.0)
    assert scheduler.timesteps.tolist() == before
    assert dict(scheduler.config) == config


@pytest.mark.parametrize(
    ("scheduler", "complaint"),
    [
        (diffusers.FlowMatchEulerDiscreteScheduler(), "not a discrete variance-preserving"),
        (diffusers.EDMEulerScheduler(), "not a discrete variance-preserving"),
        (diffusers.EulerDiscreteScheduler(timestep_type="continuous"), "variance-preserving"),
        (
            diffusers.DPMSolverMultistepScheduler(prediction_type="flow_prediction"),
            "flow_prediction",
        ),
        (build_scheduler(rescale_betas_zero_snr=True), "pure noise"),
    ],
)
def test_other_kinds_of_schedule_are_refused_by_name(scheduler, complaint: str) -> None:
    with pytest.raises(UnsupportedError, match=complaint):
        Schedule.of(scheduler)
