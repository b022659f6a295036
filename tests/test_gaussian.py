from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from textseg.diffusion.card import Looking, Sizes
from textseg.diffusion.model import (
    Conditioning,
    DiffusionModel,
    Levels,
    Prediction,
    level_values,
)
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError, UnknownNameError
from textseg.testing import GaussianModel, GaussianThing, check_model

FAR = Looking((9.0, 8.0), 10)  # sigma below 0.02


@pytest.mark.parametrize(
    "model",
    [
        GaussianModel(),
        GaussianModel(rate=0.3),
        GaussianModel(latent_stride=4, size_multiple=8),
        GaussianModel(things={}),
    ],
    ids=["one Gaussian per text", "mixture", "stride", "background only"],
)
def test_the_exact_model_keeps_the_contract(model: GaussianModel) -> None:
    assert isinstance(model, DiffusionModel)
    check_model(model, prompt="tree")


@pytest.mark.parametrize("sigma", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("prompt", ["", "tree", "tree house"])
def test_estimates_are_the_posterior_means(sigma: float, prompt: str) -> None:
    """Tweedie: E[eps | z] = -sigma * grad log p(z), with p from an independent implementation."""
    model = GaussianModel(rate=0.3)
    z = draw_noise((1, 3, 8, 8), seed=1).requires_grad_()
    text = model.embed_text([prompt])
    things = [thing.region(8, 8) for thing in model.things.values()]
    chances = [1.0 if name in prompt.split() else 0.3 for name in model.things]
    front = chances[0] * things[0]
    behind = (1 - front) * chances[1] * things[1]
    weights = torch.stack([front, behind, 1 - front - behind], -1)
    colours = [thing.colour for thing in model.things.values()] + [model.background]
    means = (1 - sigma) * (2 * torch.tensor(colours) - 1).expand(8, 8, 3, 3)
    deviation = ((1 - sigma) ** 2 * model.spread**2 + sigma**2) ** 0.5
    density = Normal(means, deviation).log_prob(z[0].permute(1, 2, 0)[:, :, None]).sum(-1)
    log_p = torch.logsumexp(weights.log() + density, -1).sum()
    (score,) = torch.autograd.grad(log_p, z)
    torch.testing.assert_close(
        model.predict(z.detach(), sigma, text).eps, -sigma * score, rtol=1e-4, atol=1e-4
    )


def test_log_density_of_one_gaussian_is_the_normal_density() -> None:
    model, x0 = GaussianModel(), draw_noise((1, 3, 4, 6), seed=2)
    mean = 2 * torch.tensor(model.background) - 1
    expected = Normal(mean[:, None, None], model.spread).log_prob(x0[0]).sum(0)
    found = model.log_density(x0, model.embed_text([""]))[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3)


def test_a_picture_shows_its_things_where_the_model_puts_them() -> None:
    model = GaussianModel()
    rgb = model.picture(["tree"], 16, 32, seed=0)
    region = model.region("tree", 16, 32)
    assert rgb.shape == (16, 32, 3)
    np.testing.assert_allclose(rgb[region].mean(0), model.things["tree"].colour, atol=0.03)
    np.testing.assert_allclose(rgb[~region].mean(0), model.background, atol=0.03)


def test_earlier_things_hide_later_ones() -> None:
    things = {
        "ball": GaussianThing(colour=(1, 0, 0), box=(0.0, 0.0, 0.5, 0.5)),
        "wall": GaussianThing(colour=(0, 0, 1), box=(0.0, 0.0, 1.0, 1.0)),
    }
    model = GaussianModel(things=things)
    assert model.region("ball", 8, 8).sum() == 16
    assert model.region("wall", 8, 8).sum() == 64 - 16
    rgb = model.picture(["wall", "ball"], 8, 8, seed=0)
    assert rgb[model.region("ball", 8, 8), 0].mean() > 0.9
    with pytest.raises(UnknownNameError, match="known: ball, wall"):
        model.region("tree", 8, 8)


def test_the_check_finds_a_model_that_mixes_its_rows() -> None:
    class Leaking(GaussianModel):
        def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
            found = super().predict(z, sigma, text)
            x0 = found.x0 + found.x0.mean(0)
            return Prediction.from_x0(z, sigma, x0)

    with pytest.raises(AssertionError):
        check_model(Leaking())


def test_the_check_finds_a_model_that_looks_at_one_level_only() -> None:
    class Hasty(GaussianModel):
        def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
            return super().predict(z, level_values(sigma)[0], text)

    with pytest.raises(AssertionError):
        check_model(Hasty())


def test_the_check_finds_wrong_shapes_and_lost_prompts() -> None:
    class Shrinking(GaussianModel):
        def encode_image(self, image: torch.Tensor) -> torch.Tensor:
            return super().encode_image(image)[..., :-1]

    class Shuffling(GaussianModel):
        def embed_text(self, prompts: object) -> Conditioning:
            return super().embed_text(list(prompts)[::-1])

    with pytest.raises(AssertionError, match="encode_image"):
        check_model(Shrinking())
    with pytest.raises(AssertionError, match="embed_text"):
        check_model(Shuffling())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda card: replace(card, masks=replace(card.masks, levels=FAR)), "levels beyond"),
        (lambda card: replace(card, sizes=Sizes(33, None, "")), "side of 33 pixels"),
        (lambda card: replace(card, sizes=Sizes(None, 7, "")), "side of 7 pixels"),
        (lambda card: replace(card, language=replace(card.language, blank="blank")), "blank text"),
        (lambda card: card.as_json(), "card is dict"),
    ],
)
def test_the_check_finds_a_card_that_does_not_fit(change: Any, match: str) -> None:
    model = GaussianModel(size_multiple=4, sigma_range=(0.1, 0.9))
    object.__setattr__(model, "card", change(model.card))
    with pytest.raises(AssertionError, match=match):
        check_model(model)


def test_one_prompt_per_row_is_required() -> None:
    model = GaussianModel()
    with pytest.raises(InvalidInputError, match="1 prompts for 2 rows"):
        model.predict(torch.zeros(2, 3, 4, 4), 0.5, model.embed_text([""]))
