from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import Watched, bench, method_with
from textseg.diffusion.counting import Counter
from textseg.editing.base import edit_levels
from textseg.testing import GaussianModel

MODEL = GaussianModel(rate=0.3)


@pytest.mark.parametrize("inverted_by", ["euler", "reused_midpoint", "fixed_point"])
@pytest.mark.parametrize("family", ["gaussian", "sd1", "sd2"])
def test_reusing_every_estimate_of_a_path_leads_down_that_path(
    family: str, inverted_by: str, tiny_models
) -> None:
    """Whatever made the path: what is reused are the estimates that lead along it."""
    table = bench(tiny_models.get(family) or MODEL)
    method = method_with("mdp", reuse_from=0.0, reuse_share=1.0, inversion_solver=inverted_by)
    steps = table.steps(method, table.everything)
    (path,) = table.made
    for step in steps:
        expected = path.at(step.sigma)
        assert_close(step.z, expected, rtol=0, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize(
    ("start", "share", "expected"),
    [
        (0.0, 1.0, range(10)),
        (0.0, 0.5, range(5)),
        (0.1, 0.5, range(1, 6)),
        (0.04, 0.5, range(5)),
        (0.8, 0.5, range(8, 10)),
        (1.0, 1.0, range(0)),
        (0.3, 0.0, range(0)),
    ],
)
def test_the_range_counts_in_shares_of_the_steps(
    start: float, share: float, expected: range
) -> None:
    """The network is asked at the steps that are left, once each without guidance."""
    model = Watched(rate=0.3)
    table = bench(model)
    method = method_with("mdp", steps=10, guidance=1.0, reuse_from=start, reuse_share=share)
    levels = edit_levels(table.model, method, table.latents)
    source = table.source_with(table.everything)
    table.inverted(levels, solver="euler", prompt="empty")
    object.__setattr__(source, "invert", lambda *_, **__: table.made[0])
    model.asked_at.clear()
    list(method.run(table.model, source))
    assert model.asked_at == [sigma for k, sigma in enumerate(levels[:-1]) if k not in expected]


def test_reused_steps_cost_nothing() -> None:
    def rows(share: float) -> int:
        counter = Counter(MODEL)
        table = bench(counter.as_model)
        table.run(method_with("mdp", steps=10, reuse_from=0.0, reuse_share=share), table.everything)
        return counter.rows

    assert rows(1.0) == 11  # the inversion alone: the reused midpoint, one more than its steps
    assert rows(0.5) == 11 + 5 * 2


def test_what_is_reused_are_noise_estimates_not_velocities() -> None:
    """At another place than the path's the step goes where the noise and the place point."""
    table = bench(MODEL)
    method = method_with("mdp", steps=4, strength=1.0, reuse_from=0.25, reuse_share=0.25)
    first, second, *_ = table.steps(method, table.everything)
    (path,) = table.made
    start, reached = path.at(0.75), path.at(0.5)
    eps = start + (1 - 0.75) * (reached - start) / (0.5 - 0.75)
    x0 = (first.z - 0.75 * eps) / (1 - 0.75)
    assert not torch.allclose(first.z, start, atol=1e-2)
    assert_close(second.z, (1 - 0.5) * x0 + 0.5 * eps, rtol=0, atol=1e-4)


def test_at_pure_noise_the_reused_velocity_is_the_paths() -> None:
    table = bench(MODEL)
    method = method_with("mdp", steps=4, strength=1.0, reuse_from=0.0, reuse_share=0.25)
    first = table.steps(method, table.everything)[0]
    assert torch.isfinite(first.z).all()
    assert_close(first.z, table.made[0].at(0.75))
