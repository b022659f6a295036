"""What a model learns of a picture, and that nobody else's model does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.tiny import FAMILIES, build_sd, build_sd2, build_sd3
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.counting import Counter
from textseg.diffusion.fitting import (
    ATTENTION,
    Lesson,
    descend,
    refit,
    refitted,
    training_level,
    training_loss,
)
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.errors import UnsupportedError
from textseg.registry.families import wrap_family
from textseg.testing import GaussianModel

CELLS = (8, 12)


def lesson_for(model: DiffusionModel, prompt: str = "a red tree") -> Lesson:
    x0 = 0.5 * draw_noise((1, model.latent_channels, *CELLS), seed=7)
    return Lesson(x0, model.embed_text([prompt]))


@torch.no_grad()
def own_loss(pipeline: Any, model: Any, lesson: Lesson, number: int) -> torch.Tensor:
    """As diffusers' training scripts have it: what the network answers, against its target."""
    sigma = training_level(model, CELLS, number)
    noise, text = draw_noise(lesson.x0.shape, seed=number), lesson.text.embeddings
    if hasattr(pipeline, "transformer"):
        answer = pipeline.transformer(
            hidden_states=(1 - sigma) * lesson.x0 + sigma * noise,
            timestep=torch.tensor([1000 * sigma]),
            encoder_hidden_states=text,
            pooled_projections=lesson.text.pooled,
        ).sample
        return (answer - (noise - lesson.x0)).square().mean()
    norm = np.hypot(1 - sigma, sigma)
    a, s = (1 - sigma) / norm, sigma / norm
    time = torch.tensor([model._process.time(sigma)])
    answer = pipeline.unet(a * lesson.x0 + s * noise, time, text).sample
    v = pipeline.scheduler.config.prediction_type == "v_prediction"
    return (answer - (a * noise - s * lesson.x0 if v else noise)).square().mean()


@pytest.mark.parametrize("build", [build_sd, build_sd2, build_sd3])
def test_the_loss_is_that_which_the_network_was_trained_with(build: Any) -> None:
    pipeline = build()
    model = wrap_family(pipeline)
    lesson = lesson_for(model)
    for number in (0, 5):
        found = training_loss(model, lesson, number)
        assert_close(found, own_loss(pipeline, model, lesson, number), rtol=1e-4, atol=1e-5)


def test_the_loss_of_a_network_that_answers_with_the_picture_is_the_error_of_the_picture() -> None:
    pipeline = build_sd(scheduler=FAMILIES["sd1"]().scheduler)
    pipeline.scheduler.register_to_config(prediction_type="sample")
    model = wrap_pipeline(pipeline)
    lesson = lesson_for(model)
    sigma, noise = training_level(model, CELLS, 3), draw_noise(lesson.x0.shape, seed=3)
    with torch.no_grad():
        found = model.predict((1 - sigma) * lesson.x0 + sigma * noise, sigma, lesson.text)
    expected = (found.x0 - lesson.x0).square().mean()
    assert_close(training_loss(model, lesson, 3), expected, rtol=1e-4, atol=1e-5)


def test_cells_that_do_not_count_say_nothing() -> None:
    model = GaussianModel(rate=0.3)
    lesson = lesson_for(model, "tree")
    where = torch.zeros(1, 1, *CELLS)
    where[..., :3] = 1
    half = training_loss(model, Lesson(lesson.x0, lesson.text, where), 2)
    other = lesson.x0.clone()
    other[..., 3:] += 5  # cells of this model do not see one another
    assert_close(training_loss(model, Lesson(other, lesson.text, where), 2), half)
    assert 0 < half < training_loss(model, lesson, 2)


def test_levels_are_spread_as_the_steps_of_the_model_are() -> None:
    model = wrap_pipeline(build_sd())
    found = sorted(model._process.time(training_level(model, CELLS, k)) for k in range(100))
    assert_close(np.array(found), np.linspace(0, 999, 100), rtol=0, atol=25)


def test_steps_too_small_for_half_precision_add_up() -> None:
    value = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    descend([value], lambda _: value.float().sum(), range(100), rate=1e-4)
    assert_close(value.detach().float(), torch.full((3,), 0.99), rtol=0, atol=4e-3)


@pytest.mark.parametrize("pattern", ["", ATTENTION])
def test_a_twin_learns_the_picture_and_its_weights_can_be_put_back(pattern: str) -> None:
    pipeline = build_sd()
    counter = Counter(wrap_pipeline(pipeline))
    model = counter.as_model
    lesson = lesson_for(model)
    before = {name: each.clone() for name, each in pipeline.unet.named_parameters()}

    def loss(learner: DiffusionModel, number: int) -> torch.Tensor:
        return training_loss(learner, lesson, number % 2)

    weights = refit(model, pattern, loss, steps=range(6), rate=1e-3)
    assert counter.rows == 6
    second = refitted(model, weights)
    with torch.no_grad():
        assert sum(loss(second, k) for k in (0, 1)) < sum(loss(model, k) for k in (0, 1))
    assert counter.rows == 10
    assert all(torch.equal(each, before[name]) for name, each in pipeline.unet.named_parameters())


@pytest.mark.parametrize("family", ["sd2", "flux"])
def test_a_fit_of_no_steps_is_the_model_itself(family: str) -> None:
    model = wrap_family(FAMILIES[family]())
    weights = refit(model, ATTENTION, lambda *_: pytest.fail("asked"), steps=(), rate=1.0)
    lesson = lesson_for(model)
    with torch.no_grad():
        both = [training_loss(each, lesson, 1) for each in (refitted(model, weights), model)]
    assert torch.equal(*both)


def test_a_model_without_a_network_of_its_own_is_refused_in_words() -> None:
    with pytest.raises(UnsupportedError, match="weights of the model 'gaussian' cannot be fitted"):
        refit(GaussianModel(), "", lambda *_: torch.zeros(()), steps=range(3), rate=1.0)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_an_exact_model_has_slopes_in_its_texts_where_things_are_impossible_too(
    rate: float,
) -> None:
    model = GaussianModel(rate=rate)
    lesson = lesson_for(model, "tree")
    embeddings = lesson.text.embeddings.clone().requires_grad_()
    text = replace(lesson.text, embeddings=embeddings)
    (slope,) = torch.autograd.grad(training_loss(model, Lesson(lesson.x0, text), 1), embeddings)
    assert torch.isfinite(slope).all()
    assert bool(slope.any()) == (rate > 0)
