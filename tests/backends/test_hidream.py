from __future__ import annotations

import pytest
import torch
from diffusers import FlowMatchLCMScheduler, HiDreamImagePipeline
from torch.testing import assert_close

from tests.tiny_families_3 import build_hidream
from textseg.backends.hidream import LLAMA, HiDream
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError, UnsupportedError

PROMPTS = ["a red tree", "", "tree " * 40]


@torch.no_grad()
def test_texts_are_the_pipelines_with_rows_first() -> None:
    pipeline = build_hidream()
    t5, _, llama, _, pooled, _ = pipeline.encode_prompt(PROMPTS, do_classifier_free_guidance=False)
    text = HiDream.wrap(pipeline).embed_text(PROMPTS)
    assert_close(text.embeddings, t5)
    assert_close(text.pooled, pooled)
    assert text.further[LLAMA].shape == (3, 2, 128, 16)
    assert_close(text.further[LLAMA], llama.transpose(0, 1))
    assert text.words[0][:8] == (0, 0, 1, 1, 1, 1, 2, None)


@torch.no_grad()
def test_what_one_of_the_readers_left_out_is_told_apart() -> None:
    notes = HiDream.wrap(build_hidream()).embed_text([*PROMPTS, "tree " * 140]).notes
    assert notes[:2] == ((), ())
    assert [note[:40] for note in notes[2]] == ["truncated after 128 tokens: 'ee tree tre"]
    assert [note[:19] for note in notes[3]] == ["T5 reads 128 tokens", "truncated after 128"]


@torch.no_grad()
def test_the_network_answers_with_the_way_to_the_picture(tiny_models) -> None:
    model, z = tiny_models["hidream"], draw_noise((1, 4, 6, 10), seed=0)
    text = model.embed_text(["tree"])
    raw = model.network(
        z,
        timesteps=torch.tensor([600.0]),
        encoder_hidden_states_t5=text.embeddings,
        encoder_hidden_states_llama3=text.further[LLAMA].transpose(0, 1),
        pooled_embeds=text.pooled,
    ).sample
    assert_close(model.predict(z, 0.6, text).velocity, -raw)


@torch.no_grad()
def test_pictures_that_do_not_fit_are_refused_before_the_network_is_asked(tiny_models) -> None:
    model = tiny_models["hidream"]
    assert (model.card.sizes.native, model.card.sizes.largest) == (80, 80)
    text = model.embed_text(["tree"])
    with pytest.raises(InvalidInputError, match="at most 80 pixels, got 88"):
        model.predict(draw_noise((1, 4, 44, 44), seed=0), 0.6, text)
    for cells in ((40, 40), (40, 38)):
        model.predict(draw_noise((1, 4, *cells), seed=0), 0.6, text)


@pytest.mark.parametrize("cells", [(6, 6), (6, 10)])
@torch.no_grad()
def test_words_are_where_the_attention_of_squares_and_others_has_them(
    tiny_models, cells: tuple[int, int]
) -> None:
    model, keys = tiny_models["hidream"], list[tuple[int, int]]()

    def control(call: Attention) -> Attention:
        keys.append((call.layer.text.start, call.k.shape[-2]))
        return call

    attending(model, control).predict(
        draw_noise((1, 4, *cells), seed=0), 0.6, model.embed_text(["tree"])
    )
    picture = 9 if cells[0] == cells[1] else 400
    assert keys == [(picture, picture + 3 * 128)] * 2


def test_distilled_networks_are_known_by_their_scheduler() -> None:
    parts = build_hidream().components
    card = HiDream.wrap(
        HiDreamImagePipeline(**{**parts, "scheduler": FlowMatchLCMScheduler(shift=6.0)})
    ).card
    assert (card.sampling.steps, card.sampling.guidance) == (28, 1.0)
    assert HiDream.wrap(build_hidream()).card.sampling.guidance == 5.0


def test_a_pipeline_without_llama_is_refused_with_what_it_lacks() -> None:
    pipeline = build_hidream()
    pipeline.text_encoder_4 = None
    with pytest.raises(UnsupportedError, match="nothing as text_encoder_4") as caught:
        HiDream.wrap(pipeline)
    assert "Llama 3.1 as text_encoder_4" in caught.value.hint


@torch.no_grad()
def test_half_precision_answers_nearly_alike(tiny_models) -> None:
    model, z = tiny_models["hidream"], draw_noise((1, 4, 6, 10), seed=0)
    half = HiDream.wrap(build_hidream().to(torch.bfloat16))
    exact, found = (m.predict(z, 0.6, m.embed_text(["tree"])).velocity for m in (model, half))
    assert (found - exact).norm() < 0.1 * exact.norm()
