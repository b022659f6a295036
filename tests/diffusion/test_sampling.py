from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from textseg.diffusion.model import Prediction
from textseg.diffusion.sampling import denoise_with, draw_noise, guided, walk
from textseg.errors import InvalidInputError
from textseg.testing import GaussianModel

LEVELS = (1.0, 0.6, 0.5, 0.1, 0.0)
SHAPE = (2, 3, 4, 6)


def straight_to(x0: Tensor):
    """A denoiser that is sure of x0, so that Euler steps are exact."""
    return lambda z, sigma: Prediction.from_x0(z, sigma, x0)


def test_a_walk_towards_a_known_picture_stays_on_the_line_to_it() -> None:
    x0, eps = draw_noise(SHAPE, seed=0), draw_noise(SHAPE, seed=1)
    steps = list(walk(straight_to(x0), eps, LEVELS))
    assert [step.sigma for step in steps] == list(LEVELS[1:])
    assert [(step.index, step.of) for step in steps] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    for step in steps:
        assert_close(step.z, (1 - step.sigma) * x0 + step.sigma * eps, atol=1e-5, rtol=1e-5)


def test_a_walk_up_and_down_again_comes_back() -> None:
    x0, eps = draw_noise(SHAPE, seed=0), draw_noise(SHAPE, seed=1)
    z = 0.9 * x0 + 0.1 * eps
    *_, top = walk(straight_to(x0), z, (0.1, 0.5, 0.9))
    *_, back = walk(straight_to(x0), top.z, (0.9, 0.5, 0.1))
    assert_close(back.z, z, atol=1e-5, rtol=1e-5)


def test_after_changes_the_state_at_the_level_just_reached() -> None:
    seen = []

    def after(z: Tensor, sigma: float) -> Tensor:
        seen.append(sigma)
        return torch.full_like(z, sigma)

    z = draw_noise(SHAPE, seed=0)
    for step in walk(straight_to(torch.zeros(SHAPE)), z, LEVELS, after=after):
        assert_close(step.z, torch.full(SHAPE, step.sigma))
    assert seen == list(LEVELS[1:])


def test_a_walk_does_not_change_where_it_starts() -> None:
    z = draw_noise(SHAPE, seed=0)
    list(walk(straight_to(torch.zeros(SHAPE)), z, LEVELS))
    assert_close(z, draw_noise(SHAPE, seed=0), rtol=0, atol=0)


def test_a_walk_evaluates_only_as_far_as_it_is_followed() -> None:
    asked = []

    def denoise(z: Tensor, sigma: float) -> Prediction:
        asked.append(sigma)
        return Prediction.from_x0(z, sigma, torch.zeros_like(z))

    next(walk(denoise, draw_noise(SHAPE, seed=0), LEVELS))
    assert asked == [1.0]


class CountingModel(GaussianModel):
    """Notes the batch size of every evaluation."""

    rows: list[int]

    def predict(self, z, sigma, text):
        self.rows.append(len(z))
        return super().predict(z, sigma, text)


def make_counting() -> CountingModel:
    model = CountingModel(rate=0.2)
    object.__setattr__(model, "rows", [])
    return model


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0])
def test_guidance_goes_scale_times_from_reference_to_text_in_one_batch(scale: float) -> None:
    model = make_counting()
    text, reference = model.embed_text(["tree", "house"]), model.embed_text([""])
    z = draw_noise((2, 3, 8, 12), seed=0)
    found = guided(model, text, reference, scale=scale)(z, 0.5)
    assert model.rows == [4]
    towards = denoise_with(model, text)(z, 0.5).eps
    away = denoise_with(model, reference.repeat_interleave(2))(z, 0.5).eps
    assert (towards - away).abs().max() > 0.1
    assert_close(found.eps, away + scale * (towards - away), rtol=1e-4, atol=1e-4)
    assert_close(0.5 * found.x0 + 0.5 * found.eps, z)


def test_guidance_of_scale_one_does_not_evaluate_the_reference() -> None:
    model = make_counting()
    text = model.embed_text(["tree"])
    z = draw_noise((1, 3, 8, 12), seed=0)
    found = guided(model, text, model.embed_text([""]), scale=1)(z, 0.5)
    assert model.rows == [1]
    assert_close(found.eps, model.predict(z, 0.5, text).eps)


def test_reference_prompts_must_go_with_the_prompts() -> None:
    model = GaussianModel()
    with pytest.raises(InvalidInputError, match="2 reference prompts for 3"):
        guided(model, model.embed_text(["a"] * 3), model.embed_text(["", ""]), scale=2)


def test_noise_is_standard_normal_seeded_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    noise = draw_noise((1, 4, 100, 120), seed=3)
    assert_close(torch.random.get_rng_state(), before, rtol=0, atol=0)
    assert noise.dtype == torch.float32
    assert noise.mean().abs() < 0.02  # four standard errors
    assert abs(noise.std() - 1) < 0.02
    assert_close(draw_noise((1, 4, 100, 120), seed=3), noise, rtol=0, atol=0)
    assert not torch.equal(draw_noise((1, 4, 100, 120), seed=4), noise)
