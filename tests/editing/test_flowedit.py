from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import SEED, Bench, bench, method_with
from textseg.backends.diffusers_unet import DiffusersUNet
from textseg.diffusion.sampling import guided
from textseg.editing.apply import numbered_noise
from textseg.editing.base import edit_levels
from textseg.testing import GaussianModel

OPTIONS = {"steps": 5, "strength": 0.8, "guidance": 4.0, "source_guidance": 1.5}


def flow_formulation(table: Bench, mask: Tensor, *, averages: int) -> Tensor:
    """Algorithm 1 as the paper writes it, for flows."""
    model, picture = table.model, table.latents
    empty, source, target = (table.text(p) for p in (table.negative, table.source, table.target))
    of_source = guided(model, source, empty, scale=OPTIONS["source_guidance"])
    of_target = guided(model, target, empty, scale=OPTIONS["guidance"])
    levels = edit_levels(model, method_with("flowedit", **OPTIONS), table.latents)
    noise, z, drawn = numbered_noise(picture, SEED), picture, 0
    for sigma, following in pairwise(levels):
        change = torch.zeros_like(z)
        for _ in range(averages):
            noised = (1 - sigma) * picture + sigma * noise(drawn)
            drawn += 1
            both = of_target(z + noised - picture, sigma), of_source(noised, sigma)
            change = change + (both[0].velocity - both[1].velocity) / averages
        z = z + (following - sigma) * mask * change
    return z


def eps_formulation(table: Bench, mask: Tensor) -> Tensor:
    """The same, written for a network that predicts noise, in its own coordinates x = a x0 + s eps.

    With sigma = s / (a + s) the difference of velocities is that of the noises, less what the
    edited latents are off the picture, over 1 - sigma.
    """
    model, picture = table.model, table.latents
    assert isinstance(model, DiffusersUNet)
    unet = model._parts.unet
    empty, source, target = (table.text(p) for p in (table.negative, table.source, table.target))

    def eps(x: Tensor, timestep: float, text: Tensor, scale: float) -> Tensor:
        away, towards = (
            unet(x, torch.tensor(timestep), words).sample for words in (empty.embeddings, text)
        )
        return away + scale * (towards - away)

    levels = edit_levels(model, method_with("flowedit", **OPTIONS), table.latents)
    noise, z = numbered_noise(picture, SEED), picture
    for number, (sigma, following) in enumerate(pairwise(levels)):
        timestep = model._process.time(sigma)
        a, s = (part / (sigma**2 + (1 - sigma) ** 2) ** 0.5 for part in (1 - sigma, sigma))
        assert a**2 + s**2 == pytest.approx(1)
        x_source = a * picture + s * noise(number)
        x_target = x_source + (a + s) * (z - picture)
        eps_source = eps(x_source, timestep, source.embeddings, OPTIONS["source_guidance"])
        eps_target = eps(x_target, timestep, target.embeddings, OPTIONS["guidance"])
        change = (eps_target - eps_source - (z - picture)) / (1 - sigma)
        z = z + (following - sigma) * mask * change
    return z


@torch.no_grad()
def test_on_a_network_that_predicts_noise_it_is_the_noise_formulation(tiny_models) -> None:
    table = bench(tiny_models["sd1"])
    found = table.run(method_with("flowedit", **OPTIONS), table.soft)
    expected = eps_formulation(table, table.soft)
    assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize(
    ("family", "averages"), [("gaussian", 1), ("gaussian", 3), ("sd1", 1), ("sd2", 1), ("sd2", 2)]
)
@torch.no_grad()
def test_it_is_algorithm_1(family: str, averages: int, tiny_models) -> None:
    table = bench(tiny_models.get(family) or GaussianModel(rate=0.3))
    found = table.run(method_with("flowedit", **OPTIONS, averages=averages), table.soft)
    expected = flow_formulation(table, table.soft, averages=averages)
    assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    assert not torch.allclose(found, table.latents, atol=1e-2)


def test_each_step_draws_its_own_noise_and_averaging_takes_more() -> None:
    drawn = list[int]()
    table = bench(GaussianModel(rate=0.3))
    source = table.source_with(table.everything)
    noise = source.noise

    def counted(number: int) -> Tensor:
        drawn.append(number)
        return noise(number)

    object.__setattr__(source, "noise", counted)
    method = method_with("flowedit", steps=4, strength=0.75, averages=2)
    list(method.run(table.model, source))
    assert drawn == list(range(6))


def test_its_cost_is_four_rows_a_step_and_two_without_guidance() -> None:
    from textseg.diffusion.counting import Counter

    for options, rows in (({"source_guidance": 1.0, "guidance": 1.0}, 2), (OPTIONS, 4)):
        counter = Counter(GaussianModel(rate=0.3))
        table = bench(counter.as_model)
        method = method_with("flowedit", **{**options, "steps": 4, "strength": 0.5, "averages": 3})
        table.run(method, table.everything)
        assert counter.rows == 2 * rows * 3


def test_it_needs_no_inversion() -> None:
    table = bench(GaussianModel(rate=0.3))
    table.run(method_with("flowedit"), table.everything)
    assert not table.made
