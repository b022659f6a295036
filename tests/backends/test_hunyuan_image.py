from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.tiny_families_3 import build_hunyuan_image
from textseg.backends.hunyuan_image import GLYPHS, WRITTEN, HunyuanImage
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise
from textseg.errors import UnsupportedError

PROMPTS = ["a red tree", "", 'a sign that says "tea"']


@torch.no_grad()
def test_texts_are_the_pipelines_but_for_the_padding() -> None:
    pipeline = build_hunyuan_image()
    states, mask, glyphs, written = pipeline.encode_prompt(PROMPTS, batch_size=3)
    text = HunyuanImage.wrap(pipeline).embed_text(PROMPTS)
    there = mask.bool()
    assert text.mask.sum(1).tolist() == there.sum(1).tolist()
    assert text.embeddings.shape[1] == there.sum(1).max() < states.shape[1]
    assert_close(text.embeddings[text.mask], states[there])
    assert_close(text.further[GLYPHS], glyphs)
    assert text.further[WRITTEN].any(1).tolist() == [False, False, True]
    assert text.further[WRITTEN].equal(written.bool())


@torch.no_grad()
def test_words_are_found_inside_the_template(tiny_models) -> None:
    model = tiny_models["hunyuan_image"]
    (words,) = model.embed_text(["a red tree"]).words
    assert [word for word in words if word is not None] == [0, 1, 1, 1, 2, 2, 2, 2]
    assert "truncated after 1000" in model.embed_text(["tree " * 300]).notes[0][0]


@pytest.mark.parametrize("prompt", PROMPTS)
@torch.no_grad()
def test_answers_are_those_to_the_padded_text_with_its_letters(tiny_models, prompt: str) -> None:
    model, z = tiny_models["hunyuan_image"], draw_noise((1, 4, 6, 10), seed=0)
    states, mask, glyphs, written = model._pipeline.encode_prompt(prompt)
    expected = model.network(
        hidden_states=z,
        timestep=torch.tensor([600.0]),
        encoder_hidden_states=states,
        encoder_attention_mask=mask,
        encoder_hidden_states_2=glyphs,
        encoder_attention_mask_2=written,
    ).sample
    found = model.predict(z, 0.6, model.embed_text([prompt])).velocity
    assert_close(found, expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_letters_of_one_row_do_not_change_another(tiny_models) -> None:
    model, z = tiny_models["hunyuan_image"], draw_noise((2, 4, 6, 10), seed=0)
    texts = [model.embed_text([PROMPTS[k]]) for k in (0, 2)]
    together = model.predict(z, 0.6, Conditioning.cat(texts)).velocity
    for row, text in enumerate(texts):
        alone = model.predict(z[[row]], 0.6, text).velocity
        assert_close(together[[row]], alone, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_attention_to_letters_is_refused(tiny_models) -> None:
    model, z = tiny_models["hunyuan_image"], draw_noise((1, 4, 6, 10), seed=0)
    with pytest.raises(UnsupportedError, match="quotation marks"):
        model.attention_layers(z, model.embed_text(PROMPTS[2:]))


def test_a_network_distilled_to_jumps_is_refused() -> None:
    distilled = build_hunyuan_image(use_meanflow=True, guidance_embeds=True)
    with pytest.raises(UnsupportedError, match="distilled to answer for jumps"):
        HunyuanImage.wrap(distilled)


@torch.no_grad()
def test_half_precision_answers_nearly_alike(tiny_models) -> None:
    model, z = tiny_models["hunyuan_image"], draw_noise((1, 4, 6, 10), seed=0)
    half = HunyuanImage.wrap(build_hunyuan_image().to(torch.bfloat16))
    exact, found = (m.predict(z, 0.6, m.embed_text(["tree"])).velocity for m in (model, half))
    assert (found - exact).norm() < 0.1 * exact.norm()
