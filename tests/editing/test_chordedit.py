from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import Watched, bench, method_with
from textseg.testing import GaussianModel


def test_equal_prompts_change_nothing_at_all(tiny_models) -> None:
    table = bench(tiny_models["sd1"], target="tree")
    method = method_with("chordedit", refine=0.0)
    (step,) = table.steps(method, table.everything)
    assert torch.equal(step.z, table.latents)


@pytest.mark.parametrize(("window", "weights"), [(0.0, {0.9: 1.0}), (0.15, {0.9: 1, 0.75: 6})])
def test_the_difference_is_averaged_over_two_levels_with_weights_of_time(
    window: float, weights: dict[float, float]
) -> None:
    """With one Gaussian per text R(t) is known: how much of the means shows through at a level."""
    model = GaussianModel()
    table = bench(model)
    method = method_with("chordedit", steps=20, guidance=1.0, window=window, refine=0.0)
    expected = torch.zeros_like(table.latents)
    for sigma, weight in weights.items():
        clean = (1 - sigma) * model.spread
        seen = sigma**2 / (clean**2 + sigma**2)
        for thing, sign in (("tree", -1), ("house", 1)):
            here = torch.from_numpy(model.region(thing, 8, 12))
            away = torch.tensor(model.things[thing].colour) - torch.tensor(model.background)
            share = sign * weight / sum(weights.values()) * seen
            expected[0, :, here] += share * 2 * away[:, None]
    found = table.run(method, table.everything)
    assert_close(found, table.latents + expected, rtol=0, atol=1e-5)


def test_the_refinement_is_what_the_target_makes_of_the_noised_result() -> None:
    table = bench(GaussianModel(rate=0.3))
    given = {"steps": 20, "guidance": 1.0}
    moved = table.run(method_with("chordedit", refine=0.0, **given), table.everything)
    source = table.source_with(table.everything)
    noised: Tensor = 0.7 * moved + 0.3 * source.noise(0)
    with torch.no_grad():
        expected = table.model.predict(noised, 0.3, table.text("house")).x0
    found = table.run(method_with("chordedit", refine=0.3, **given), table.everything)
    assert_close(found, expected, rtol=0, atol=1e-5)


def test_it_takes_five_evaluations() -> None:
    model = Watched(rate=0.3)
    table = bench(model)
    table.run(method_with("chordedit", steps=20, guidance=1.0), table.everything)
    assert model.evaluations == 5
    assert model.asked_at == pytest.approx([0.9, 0.75, 0.3])
