from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.tiny_families_2 import build_lumina2
from textseg.backends.lumina2 import Lumina2
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise, guided
from textseg.editing.prompt_to_prompt import PromptToPrompt
from textseg.errors import InvalidInputError
from textseg.scene import Scene

PROMPTS = ["a red tree", "", "tree " * 40]


def test_sides_end_where_the_table_of_positions_does(tiny_models) -> None:
    model = tiny_models["lumina2"]
    assert isinstance(model, Lumina2)
    assert (model.card.sizes.native, model.card.sizes.largest) == (32, 80)
    text = model.embed_text(["tree"])
    assert model.predict(torch.zeros(1, 16, 40, 4), 0.5, text).x0.shape == (1, 16, 40, 4)
    with pytest.raises(InvalidInputError, match="at most 80 pixels, got 84"):
        model.predict(torch.zeros(1, 16, 42, 4), 0.5, text)


@torch.no_grad()
def test_texts_are_the_pipelines_behind_its_system_prompt() -> None:
    pipeline = build_lumina2()
    states, mask, empty, empty_mask = pipeline.encode_prompt(PROMPTS, negative_prompt=[""] * 3)
    text = Lumina2.wrap(pipeline).embed_text(PROMPTS)
    assert text.mask is not None
    for row, (theirs, there) in enumerate([(states, mask), (empty, empty_mask), (states, mask)]):
        found, expected = text.mask[row], there[row].bool()
        assert found.sum() == expected.sum()
        assert_close(text.embeddings[row][found], theirs[row][expected], rtol=1e-4, atol=1e-5)
    words = [word for word in text.words[0] if word is not None]
    assert words == [0, 1, 1, 1, 2]
    assert text.notes[2] == ()


@torch.no_grad()
def test_a_blank_has_the_system_prompt_and_nothing_has_not(tiny_models) -> None:
    model = tiny_models["lumina2"]
    text = model.embed_text([model.card.language.blank, ""])
    assert text.mask is not None
    assert text.mask[0].sum() > 100
    assert text.mask[1].sum() == 1


@torch.no_grad()
def test_what_guides_is_as_long_as_what_the_text_says(tiny_models) -> None:
    model, z = tiny_models["lumina2"], draw_noise((1, 16, 6, 10), seed=0)
    text = model.embed_text(["tree", ""])
    plain = model.predict(z, 0.6, text[0]).velocity
    found = guided(model, text[0], text[1], scale=4.0)(z, 0.6).velocity
    assert_close(found.norm(dim=-1), plain.norm(dim=-1))
    assert (found - plain).norm() > 1e-3 * plain.norm()


@torch.no_grad()
def test_rows_of_other_lengths_do_not_count(tiny_models) -> None:
    model, z = tiny_models["lumina2"], draw_noise((2, 16, 6, 10), seed=0)
    alone = model.embed_text(PROMPTS[:1])
    both = Conditioning.cat([alone, model.embed_text(PROMPTS[2:])])
    expected = model.predict(z[:1], 0.6, alone).velocity
    assert_close(model.predict(z, 0.6, both).velocity[:1], expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_attention_is_led_where_all_texts_are_shorter_than_their_padding(tiny_models) -> None:
    model, z = tiny_models["lumina2"], draw_noise((2, 16, 6, 10), seed=0)
    text = model.embed_text([PROMPTS[2], PROMPTS[0], "house"])[1:]

    def explicit(call: Attention) -> Attention:
        return call.with_probabilities(call.probabilities())

    led = attending(model, explicit).predict(z, 0.6, text).velocity
    assert_close(led, model.predict(z, 0.6, text).velocity, rtol=1e-5, atol=3e-5)


def test_prompts_of_other_lengths_lead_attention(tiny_models) -> None:
    scene = Scene.open(np.zeros((22, 30, 3), np.float32), tiny_models["lumina2"])
    mask = np.ones((22, 30), np.float32)
    led, free = (
        scene.edit("tree", "a red house", source="tree", method=each, mask=mask).image
        for each in (PromptToPrompt(steps=2), PromptToPrompt(steps=2, cross_share=0, self_share=0))
    )
    assert led != free
