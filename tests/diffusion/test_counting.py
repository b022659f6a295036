from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from textseg.diffusion.counting import Counter
from textseg.diffusion.model import is_model
from textseg.diffusion.sampling import denoise_with, draw_noise, guided, last, walk
from textseg.testing import GaussianModel, check_model

LEVELS = (0.9, 0.6, 0.3)


def test_it_counts_rows_not_calls() -> None:
    counter = Counter(GaussianModel())
    text = counter.as_model.embed_text(["tree", "house", ""])
    assert counter.rows == 0
    counter.predict(draw_noise((3, 3, 4, 6), seed=0), 0.5, text)
    counter.predict(draw_noise((1, 3, 4, 6), seed=0), torch.tensor([0.5]), text[0])
    assert counter.rows == 4


def test_guidance_counts_twice() -> None:
    model = GaussianModel(rate=0.2)
    z, text, empty = draw_noise((1, 3, 4, 6), seed=0), model.embed_text(["tree"]), ""
    for scale, expected in ((7.5, 4), (1, 2)):
        counter = Counter(model)
        reference = model.embed_text([empty])
        list(walk(guided(counter.as_model, text, reference, scale=scale), z, LEVELS))
        assert counter.rows == expected


def test_what_is_counted_answers_as_before() -> None:
    model = GaussianModel(rate=0.2, latent_stride=2, size_multiple=4)
    counter = Counter(model)
    check_model(counter.as_model)
    z, text = draw_noise((1, 3, 4, 6), seed=0), model.embed_text(["tree"])
    found = last(walk(denoise_with(counter.as_model, text), z, LEVELS), z)
    assert_close(found, last(walk(denoise_with(model, text), z, LEVELS), z), rtol=0, atol=0)


def test_it_passes_for_the_model_and_shows_what_that_has() -> None:
    model = GaussianModel(latent_stride=4, size_multiple=8, sigma_range=(0.1, 0.9))
    counter = Counter(model)
    assert is_model(counter)
    assert counter.as_model.sigma_range == (0.1, 0.9)
    assert counter.spread == model.spread
    with pytest.raises(AttributeError, match="no_such_thing"):
        counter.no_such_thing  # noqa: B018 - reading it is what raises


def test_a_failed_question_is_an_error_as_before() -> None:
    counter = Counter(GaussianModel())
    with pytest.raises(ValueError, match="2 prompts for 1 rows"):
        counter.predict(
            draw_noise((1, 3, 4, 6), seed=0), 0.5, counter.as_model.embed_text(["", ""])
        )
