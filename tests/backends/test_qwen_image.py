from __future__ import annotations

import re

import pytest
import torch
from torch.testing import assert_close

from tests.tiny_families import build_qwen
from textseg.backends.qwen_image import LENGTH, QwenImage, rescaled
from textseg.backends.tokens import SHOWN_CHARACTERS
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError

PROMPTS = ["a red tree", "", "tree " * 20]


@torch.no_grad()
def test_texts_are_the_pipelines() -> None:
    pipeline = build_qwen()
    states, mask = pipeline.encode_prompt(list(PROMPTS))
    text = QwenImage.wrap(pipeline).embed_text(PROMPTS)
    assert text.mask is not None
    assert_close(text.embeddings, states)
    assert text.mask.equal(mask.bool())


@torch.no_grad()
def test_words_are_found_inside_the_template() -> None:
    """Also those that the template has too."""
    model = QwenImage.wrap(build_qwen())
    text = model.embed_text(["a user's tree", ""])
    words = [word for word in text.words[0] if word is not None]
    assert words == [0] + [1] * 6 + [2] * 4
    place = text.words[0].index(0)
    assert text.words[0][place + 1] is None  # the blank
    assert set(text.words[1]) == {None}


@torch.no_grad()
def test_what_is_cut_off_is_told() -> None:
    text = QwenImage.wrap(build_qwen()).embed_text(["tree " * 200])
    assert text.embeddings.shape[1] == LENGTH
    (note,) = text.notes[0]
    assert re.fullmatch(
        rf"truncated after {LENGTH} tokens: '[tre ]{{{SHOWN_CHARACTERS}}}\.\.\.' was not read", note
    )


@torch.no_grad()
def test_padding_does_not_change_the_answer(tiny_models) -> None:
    model, z = tiny_models["qwen"], draw_noise((2, 4, 6, 10), seed=0)
    alone = model.embed_text(PROMPTS[:1])
    both = Conditioning.cat([alone, model.embed_text(PROMPTS[2:])])
    expected = model.predict(z[:1], 0.6, alone).velocity
    assert_close(model.predict(z, 0.6, both).velocity[:1], expected, rtol=1e-5, atol=1e-5)


def test_guidance_keeps_the_length_of_each_token() -> None:
    away, towards = draw_noise((2, 1, 4, 6, 10), seed=0)
    mixed = rescaled(away, towards, 4.0)

    def lengths(z: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(z.square().sum(1), 2)

    assert_close(lengths(mixed), lengths(towards))
    assert not torch.allclose(mixed, towards)


def test_a_single_step_is_refused_in_words(tiny_models) -> None:
    """Its levels end at a fixed one, which one step cannot reach."""
    with pytest.raises(InvalidInputError, match="no levels for 1 steps"):
        tiny_models["qwen"].levels(1)
