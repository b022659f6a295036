"""Null-text inversion, and the negative prompt that does without a fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import Bench, Watched, bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.editing.base import edit_levels
from textseg.editing.null_text import NullText
from textseg.testing import GaussianModel

FAMILIES = ["sd1", "sd2", "flux", "gaussian"]


@torch.no_grad()
def fitted(table: Bench, method: NullText) -> list[Tensor]:
    """The embeddings of each step."""
    found = dict[str, Tensor]()

    def fit(key: object, make: object) -> object:
        found.update(table.fitted(key, make))
        return found

    source = table.source_with(table.everything)
    object.__setattr__(source, "fit", fit)
    list(method.run(table.model, source))
    return [found[f"{k}"] for k in range(len(found))]


def lost(table: Bench, method: object) -> float:
    """How far the picture is from itself."""
    return (table.run(method, table.everything) - table.latents).norm().item()


@pytest.mark.parametrize("family", FAMILIES)
def test_without_steps_of_the_fit_it_is_plain_decoding_from_the_inverted_picture(
    family: str, tiny_models
) -> None:
    table = bench(tiny_models.get(family) or GaussianModel(rate=0.3))
    method = method_with("null_text", fit_steps=0)
    plain = method_with("diffedit", strength=1.0, inversion_prompt="source")
    if family == "flux":  # is told the guidance where the text to lead away from is empty
        plain = method_with("null_text", fit_steps=0, rate=1.0)
    found = table.run(method, table.everything)
    assert_close(found, table.run(plain, table.everything), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["sd1", "flux"])
def test_a_fit_brings_the_source_prompt_back_to_the_picture(family: str, tiny_models) -> None:
    table = bench(tiny_models[family], target="tree")
    strong = {"strength": 0.75, "guidance": 7.5, "rate": 0.1}
    none, some, more = (
        lost(table, method_with("null_text", fit_steps=steps, **strong)) for steps in (0, 2, 6)
    )
    assert more < some < none
    assert more < 0.9 * none


def test_the_fit_is_that_of_the_paper_on_a_network_that_predicts_noise() -> None:
    """Algorithm 1 in x_t, two steps of Adam at each of three levels."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline))
    method = method_with("null_text", strength=0.75, fit_steps=2)
    assert isinstance(method, NullText)
    found = fitted(table, method)
    levels = edit_levels(table.model, method, table.latents)
    pipeline.scheduler.set_timesteps(4)
    times = pipeline.scheduler.timesteps[-len(levels) + 1 :]
    text = table.model.embed_text(["", "tree"]).embeddings.detach()

    def x_at(z: Any, sigma: float) -> Any:  # a number or a tensor
        return z / ((1 - sigma) ** 2 + sigma**2) ** 0.5

    x, null = x_at(table.made[0].at(levels[0]), levels[0]), text[:1]

    def stepped(null: Tensor, x: Tensor, k: int) -> Tensor:
        (a, s), (b, r) = ((x_at(1 - v, v), x_at(v, v)) for v in levels[k : k + 2])
        both = torch.cat([null, text[1:]])
        away, towards = pipeline.unet(torch.cat([x, x]), times[k], both).sample.chunk(2)
        eps = away + 3.0 * (towards - away)
        return b * (x - s * eps) / a + r * eps

    for k in range(len(times)):
        null = null.detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([null], lr=0.01 * (1 - k / 6))
        goal = x_at(table.made[0].at(levels[k + 1]), levels[k + 1])
        for _ in range(2):
            optimizer.zero_grad()
            (stepped(null, x, k) - goal).square().mean().backward()
            optimizer.step()
        reached = stepped(null, x, k).detach()
        assert_close(found[k], null.detach(), rtol=0, atol=2e-3)
        assert_close(stepped(found[k], x, k).detach(), reached, rtol=0, atol=1e-4)
        assert (found[k] - text[:1]).abs().mean() > 5e-3
        x = reached


def test_what_is_fitted_is_asked_for_again_and_found() -> None:
    model = Watched(rate=0.3)
    table = bench(model)
    method = method_with("null_text", fit_steps=2)
    table.run(method, table.everything)
    spent, (path,) = model.evaluations, table.made
    source = table.source_with(table.everything)
    object.__setattr__(source, "invert", lambda *_, **__: path)
    with torch.no_grad():
        list(method.run(model, source))
    assert model.evaluations - spent == 4 * 2  # the decoding alone


def test_away_from_the_source_prompt_guidance_is_without_effect_on_itself() -> None:
    table = bench(GaussianModel(rate=0.3), target="tree")
    name, everything = "negative_prompt_inversion", table.everything
    strong, weak = (
        table.run(method_with(name, guidance=scale), everything) for scale in (20.0, 1.0)
    )
    assert_close(strong, weak, rtol=0, atol=1e-4)
    table.target = "house"
    strong = table.run(method_with(name, guidance=20.0), everything)
    assert (strong - weak).abs().max() > 0.1


def test_away_from_the_source_prompt_is_what_a_negative_prompt_says_too(tiny_models) -> None:
    table = bench(tiny_models["sd1"])
    found = table.run(method_with("negative_prompt_inversion"), table.everything)
    table.negative = table.source
    plain = method_with("diffedit", strength=1.0, inversion_prompt="source")
    assert torch.equal(found, table.run(plain, table.everything))
