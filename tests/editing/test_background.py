"""The blend of the background: at the level just reached, and with the clean picture at the end."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import BLENDING, SEED, STEPS, Bench, bench, method_with
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.editing.apply import numbered_noise
from textseg.editing.base import edit_levels, keep_background, noised_start
from textseg.errors import InvalidInputError
from textseg.registry.models import load_model
from textseg.testing import GaussianModel

MODEL = GaussianModel(rate=0.3)


@pytest.mark.parametrize("solver", ["euler", "reused_midpoint", "dpm_solver_2m"])
def test_without_a_mask_diffedit_walks_down_the_pictures_own_trajectory(solver: str) -> None:
    """Implementations that blend with the level before the one just reached end one level up."""
    table = bench(MODEL)
    method = method_with("diffedit", solver=solver)
    steps = table.steps(method, table.nothing)
    (path,) = table.made
    assert [step.sigma for step in steps] == list(edit_levels(MODEL, method, table.latents)[1:])
    for step in steps:
        assert torch.equal(step.z, path.at(step.sigma))
    assert torch.equal(steps[-1].z, table.latents)
    levels = path.levels
    assert all(not torch.equal(path.at(a), path.at(b)) for a, b in pairwise(levels))


def test_without_a_mask_mdp_walks_down_the_pictures_own_trajectory() -> None:
    table = bench(MODEL)
    for step in table.steps(method_with("mdp"), table.nothing):
        assert torch.equal(step.z, table.made[0].at(step.sigma))


def test_without_a_mask_blended_shows_the_picture_under_fresh_noise_of_each_level() -> None:
    table = bench(MODEL)
    steps = table.steps(method_with("blended"), table.nothing)
    noise = numbered_noise(table.latents, SEED)
    for number, step in enumerate(steps[:-1], start=1):
        expected = (1 - step.sigma) * table.latents + step.sigma * noise(number)
        assert torch.equal(step.z, expected)
    assert torch.equal(steps[-1].z, table.latents)


@pytest.mark.parametrize("name", BLENDING)
@pytest.mark.parametrize("family", ["sd1", "sd2", "picturebook"])
def test_the_last_background_is_the_clean_picture_wherever_the_schedule_ends(
    name: str, family: str, tiny_models
) -> None:
    model: DiffusionModel = tiny_models.get(family) or load_model("picturebook", device="cpu")
    table = bench(model, cells=(4, 8))
    mask = table.nothing
    mask[..., :4] = 1
    final = table.run(method_with(name, steps=3), mask)
    assert torch.equal(final[..., 4:], table.latents[..., 4:])
    assert not torch.equal(final[..., :4], table.latents[..., :4])


def kept(table: Bench, mask: torch.Tensor, *, differential: bool = False) -> list[torch.Tensor]:
    """What is left of a state of ones on a background of zeros, after each of four steps.

    The clean picture is minus one.
    """
    levels = (0.8, 0.6, 0.4, 0.2, 0.0)
    source = Bench(table.model, -torch.ones_like(table.latents)).source_with(mask)

    def background(sigma: float) -> torch.Tensor:
        assert sigma in levels[1:-1]
        return torch.zeros_like(table.latents)

    after = keep_background(source, levels, background, differential=differential)
    return [after(torch.ones_like(table.latents), sigma) for sigma in levels[1:]]


def test_a_soft_mask_mixes_by_its_own_value() -> None:
    table = bench(MODEL)
    *before, final = kept(table, table.soft)
    for state in before:
        assert_close(state, table.soft.expand_as(state))
    assert_close(final, (2 * table.soft - 1).expand_as(final))


def test_the_differential_rule_cuts_the_mask_at_the_share_of_steps_to_come() -> None:
    table = bench(MODEL, cells=(1, 6))
    mask = torch.tensor([0.0, 0.1, 0.25, 0.5, 0.74, 1.0]).reshape(1, 1, 1, 6)
    free = [[0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]]
    *before, final = kept(table, mask, differential=True)
    for state, expected in zip(before, free, strict=True):  # 3/4, 1/2, 1/4 to come
        assert state[0, 0, 0].tolist() == expected
    assert final[0, 0, 0].tolist() == [-1, 1, 1, 1, 1, 1]  # all but what is exactly 0


@pytest.mark.parametrize("name", ["diffedit", "blended"])
def test_the_differential_rule_is_an_option_that_changes_soft_masks_only(name: str) -> None:
    table = bench(MODEL)
    plain, cut = method_with(name), method_with(name, differential=True)
    binary = (table.soft > 0.5).float()
    assert torch.equal(table.run(plain, binary), table.run(cut, binary))
    assert not torch.equal(table.run(plain, table.soft), table.run(cut, table.soft))
    outside = table.run(cut, table.soft)[..., :1]  # where the soft mask is exactly 0
    assert torch.equal(outside, table.latents[..., :1])


@pytest.mark.parametrize("strength", [0.01, 0.25, 0.5, 0.75, 1.0])
def test_strength_is_the_share_of_the_models_own_levels(strength: float) -> None:
    method = method_with("sdedit", steps=8, strength=strength)
    every = MODEL.levels(8)
    expected = max(1, round(8 * strength))
    assert edit_levels(MODEL, method, bench(MODEL).latents) == every[-expected - 1 :]


@pytest.mark.parametrize("family", ["sd1", "sd2"])
def test_at_strength_1_nothing_of_the_picture_is_left_at_the_start(
    family: str, tiny_models
) -> None:
    """Also where the schedule begins below the level of pure noise, as Stable Diffusion's does."""
    model = tiny_models[family]
    one, other = bench(model), bench(model)
    other.latents = draw_noise(one.latents.shape, seed=77)
    starts = [
        [
            noised_start(
                model, method_with("sdedit", strength=share), table.source_with(table.soft)
            )
            for table in (one, other)
        ]
        for share in (1.0, 0.75)
    ]
    assert torch.equal(*starts[0])
    assert not torch.equal(*starts[1])
    assert_close(
        starts[0][0], model.prior(numbered_noise(one.latents, SEED)(0), model.levels(STEPS)[0])
    )


def test_more_steps_than_a_schedule_has_are_refused(tiny_models) -> None:
    table = bench(tiny_models["sd2"])
    with pytest.raises(InvalidInputError, match="steps"):
        table.run(method_with("diffedit", steps=1001), table.soft)


def test_noise_has_a_number_and_belongs_to_its_seed() -> None:
    like = torch.zeros(1, 4, 40, 60)
    noise = numbered_noise(like, 3)
    assert torch.equal(noise(2), numbered_noise(like, 3)(2))
    others = [noise(3), numbered_noise(like, 4)(2), numbered_noise(like, 2**63 - 1)(2)]
    for other in others:
        correlation = np.corrcoef(noise(2).flatten(), other.flatten())[0, 1]
        assert abs(correlation) < 0.05
    assert_close(noise(0).std().item(), 1.0, rtol=0.05, atol=0)
