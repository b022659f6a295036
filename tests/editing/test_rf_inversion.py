from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import GUIDANCE, bench, method_with
from textseg.diffusion.guidance import told
from textseg.editing.base import edit_levels
from textseg.testing import GaussianModel

MODEL = GaussianModel(rate=0.3)


@pytest.mark.parametrize("family", ["sd1", "sd2", "flux"])
def test_under_full_control_the_way_down_leads_back_to_the_picture(
    family: str, tiny_models
) -> None:
    table = bench(tiny_models[family])
    method = method_with("rf_inversion", towards_picture=1.0, held=1.0)
    found = table.run(method, table.everything)
    assert_close(found, table.latents, rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", ["gaussian", "sd1"])
def test_without_control_it_is_decoding_from_the_inverted_picture(family: str, tiny_models) -> None:
    table = bench(tiny_models.get(family) or MODEL)
    free = {"strength": 0.75, "towards_noise": 0.0, "towards_picture": 0.0}
    found = table.run(method_with("rf_inversion", **free), table.everything)
    plain = table.run(method_with("diffedit", strength=0.75), table.everything)
    assert_close(found, plain, rtol=0, atol=1e-5)


def test_led_straight_to_the_noise_it_is_noising_and_denoising() -> None:
    table = bench(MODEL)
    straight = {"strength": 0.75, "towards_noise": 1.0, "towards_picture": 0.0}
    found = table.run(method_with("rf_inversion", **straight), table.everything)
    plain = table.run(method_with("sdedit", strength=0.75), table.everything)
    assert_close(found, plain, rtol=0, atol=1e-5)


@torch.no_grad()
def test_it_is_the_two_algorithms_of_the_paper_on_a_flow(tiny_models) -> None:
    """Written out in the paper's time, t = 1 - sigma, and its velocities, with gamma and eta."""
    table = bench(tiny_models["flux"])
    gamma, eta = 0.5, 0.9
    method = method_with("rf_inversion", held=0.5)
    levels = edit_levels(table.model, method, table.latents)

    def asked(z: Tensor, sigma: float, prompt: str, scale: float) -> Tensor:
        text = told(table.text(prompt), scale)
        return table.model.predict(z, sigma, text).velocity

    noise = table.source_with(table.everything).noise(0)
    y = table.latents
    for low, high in pairwise(levels[::-1]):
        u = asked(y, low, "", 1.0)
        y = y + (u + gamma * ((noise - y) / (1 - low) - u)) * (high - low)
    for k, (high, low) in enumerate(pairwise(levels)):
        v = -asked(y, high, table.target, GUIDANCE)
        if k < 2:
            v = v + eta * ((table.latents - y) / (1 - (1 - high)) - v)
        y = y + v * (high - low)
    assert_close(table.run(method, table.everything), y, rtol=1e-4, atol=1e-4)


def test_both_ways_are_counted_as_steps_of_one() -> None:
    table = bench(MODEL)
    steps = table.steps(method_with("rf_inversion"), table.soft)
    assert [(step.index, step.of) for step in steps] == [(k, 8) for k in range(8)]
    assert [step.sigma for step in steps] == [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0]
