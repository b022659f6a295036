from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from textseg.diffusion.model import Prediction
from textseg.diffusion.sampling import denoise_with, draw_noise, last, walk
from textseg.diffusion.solvers import (
    SOLVERS,
    Solver,
    dpm_solver_2m,
    euler,
    fixed_point,
    reused_midpoint,
    solver_named,
)
from textseg.errors import InvalidInputError, UnknownNameError
from textseg.testing import GaussianModel

SHAPE = (1, 3, 8, 12)
ORDERS = {"euler": 1, "fixed_point": 1, "reused_midpoint": 2, "dpm_solver_2m": 2}
EXPLICIT = ["euler", "reused_midpoint", "dpm_solver_2m"]


class Recorder:
    """Answers with velocity(z, sigma) and notes where it was asked."""

    def __init__(self, velocity) -> None:
        self.velocity = velocity
        self.asked: list[float] = []

    def __call__(self, z: Tensor, sigma: float) -> Prediction:
        self.asked.append(sigma)
        return Prediction.from_velocity(z, sigma, self.velocity(z, sigma))


def curved(z: Tensor, sigma: float) -> Tensor:
    return math.sin(3 * sigma) * z.cos() + sigma**2


def gaussian():
    model = GaussianModel()  # every prompt is one Gaussian
    return model, denoise_with(model, model.embed_text(["tree"]))


def exact(z: Tensor, sigma: float, to: float) -> Tensor:
    """Where the flow of one Gaussian leads: the distance from the mean in deviations is kept."""
    model, denoise = gaussian()
    mean = denoise(torch.zeros_like(z), 1.0).x0  # at pure noise nothing else is known
    away = (z - (1 - sigma) * mean) / math.hypot((1 - sigma) * model.spread, sigma)
    return (1 - to) * mean + math.hypot((1 - to) * model.spread, to) * away


def error(solver: Solver, sigma: float, to: float, *, steps: int) -> float:
    """Of a walk on evenly spaced levels between levels where the flow is smooth."""
    _, denoise = gaussian()
    z = draw_noise(SHAPE, seed=0).double()
    levels = [sigma + (to - sigma) * k / steps for k in range(steps + 1)]
    found = last(walk(denoise, z, levels, solver=solver), z)
    return (found - exact(z, sigma, to)).abs().max().item()


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize(("sigma", "to"), [(0.9, 0.4), (0.4, 0.9)])
def test_errors_fall_with_the_order_of_the_solver(name: str, sigma: float, to: float) -> None:
    """Half the step, half the error or a quarter of it, upwards as downwards."""
    # enough iterations to solve the implicit equation
    solver = fixed_point(12) if name == "fixed_point" else SOLVERS[name]
    coarse, fine = (error(solver, sigma, to, steps=steps) for steps in (64, 128))
    assert math.log2(coarse / fine) == pytest.approx(ORDERS[name], abs=0.25)


@pytest.mark.parametrize("name", ["reused_midpoint", "dpm_solver_2m"])
def test_second_order_beats_euler_at_the_same_steps(name: str) -> None:
    assert error(SOLVERS[name], 0.9, 0.4, steps=16) < error(euler, 0.9, 0.4, steps=16) / 4


@pytest.mark.parametrize("name", EXPLICIT)
def test_steps_are_exact_where_the_network_is_sure_of_the_picture(name: str) -> None:
    """Down to sigma 0 and up from it, where the half log-SNR is infinite."""
    x0, eps = draw_noise(SHAPE, seed=0), draw_noise(SHAPE, seed=1)

    def sure(z: Tensor, sigma: float) -> Prediction:
        if sigma == 0:  # clean latents say nothing about the noise
            return Prediction(x0=x0, eps=eps, velocity=eps - x0)
        return Prediction.from_x0(z, sigma, x0)

    levels = (1.0, 0.7, 0.4, 0.0)
    down = last(walk(sure, eps, levels, solver=SOLVERS[name]), eps)
    assert_close(down, x0, rtol=1e-4, atol=1e-4)
    up = last(walk(sure, x0, levels[::-1], solver=SOLVERS[name]), x0)
    assert_close(up, eps, rtol=1e-4, atol=1e-4)


def test_the_reused_midpoint_is_the_rule_of_its_paper() -> None:
    """Written out for three uneven steps."""
    z0, (s0, s1, s2, s3) = draw_noise(SHAPE, seed=0).double(), (0.8, 0.65, 0.3, 0.1)
    first = curved(z0, s0)
    mid0 = curved(z0 + (s1 - s0) / 2 * first, (s0 + s1) / 2)
    z1 = z0 + (s1 - s0) * mid0
    mid1 = curved(z1 + (s2 - s1) / 2 * mid0, (s1 + s2) / 2)
    z2 = z1 + (s2 - s1) * mid1
    mid2 = curved(z2 + (s3 - s2) / 2 * mid1, (s2 + s3) / 2)
    z3 = z2 + (s3 - s2) * mid2
    states = [
        step.z for step in walk(Recorder(curved), z0, (s0, s1, s2, s3), solver=reused_midpoint)
    ]
    for found, expected in zip(states, (z1, z2, z3), strict=True):
        assert_close(found, expected)


def test_where_and_how_often_each_solver_asks() -> None:
    levels = (0.8, 0.6, 0.4)
    expected = {
        "euler": [0.8, 0.6],
        "dpm_solver_2m": [0.8, 0.6],
        "reused_midpoint": [0.8, 0.7, 0.5],
        "fixed_point": [0.6, 0.6, 0.4, 0.4],
    }
    for name, solver in SOLVERS.items():
        recorder = Recorder(curved)
        list(walk(recorder, draw_noise(SHAPE, seed=0), levels, solver=solver))
        assert recorder.asked == pytest.approx(expected[name]), name


@pytest.mark.parametrize("name", SOLVERS)
def test_a_walk_remembers_nothing_of_the_walk_before(name: str) -> None:
    z, levels = draw_noise(SHAPE, seed=0), (0.9, 0.6, 0.3)
    solver = SOLVERS[name]
    once = last(walk(Recorder(curved), z, levels, solver=solver), z)
    next(walk(Recorder(curved), z + 1, levels, solver=solver))  # left in the middle
    assert_close(last(walk(Recorder(curved), z, levels, solver=solver), z), once, rtol=0, atol=0)


def test_a_converged_step_up_undoes_eulers_step_down() -> None:
    z, high, low = draw_noise(SHAPE, seed=0).double(), 0.5, 0.46
    _, denoise = gaussian()
    down, _ = euler()(denoise, z, high, low)
    up, _ = fixed_point(60)()(denoise, down, low, high)
    assert_close(up, z, rtol=0, atol=1e-9)
    plain, _ = euler()(denoise, down, low, high)
    assert (plain - z).abs().max() > 1e-4


def test_more_iterations_come_closer() -> None:
    z, high, low = draw_noise(SHAPE, seed=0).double(), 0.5, 0.46
    _, denoise = gaussian()
    down, _ = euler()(denoise, z, high, low)
    apart = [
        (fixed_point(n)()(denoise, down, low, high)[0] - z).abs().max().item() for n in (1, 2, 4, 8)
    ]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] < apart[0] / 100


def test_dpm_solver_written_out_for_the_variance_preserving_mix() -> None:
    """Equations of DPM-Solver++(2M) in x = a x0 + s eps, for uneven steps."""
    levels = (0.8, 0.65, 0.3, 0.1)
    a = [(1 - sigma) / math.hypot(1 - sigma, sigma) for sigma in levels]
    s = [sigma / math.hypot(1 - sigma, sigma) for sigma in levels]
    log_snr = [math.log(one / other) for one, other in zip(a, s, strict=True)]
    z = draw_noise(SHAPE, seed=0).double()
    denoise = Recorder(curved)
    x, earlier = z * (a[0] + s[0]), None
    for k in range(3):
        x0 = denoise(x / (a[k] + s[k]), levels[k]).x0
        h = log_snr[k + 1] - log_snr[k]
        estimate = x0
        if earlier is not None:
            r = (log_snr[k] - log_snr[k - 1]) / h
            estimate = (1 + 1 / (2 * r)) * x0 - earlier / (2 * r)
        x = s[k + 1] / s[k] * x - a[k + 1] * math.expm1(-h) * estimate
        earlier = x0
    found = last(walk(denoise, z, levels, solver=dpm_solver_2m), z)
    assert_close(found * (a[3] + s[3]), x)


def test_no_iterations_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least 1, got 0"):
        fixed_point(0)


def test_an_unknown_solver_lists_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="known: dpm_solver_2m, euler, fixed_point, reused"):
        solver_named("eulr")


def test_solvers_have_their_names() -> None:
    assert solver_named("euler") is euler
    assert solver_named("dpm_solver_2m") is dpm_solver_2m
