from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from tests.tiny_families import build_chroma
from textseg.backends.chroma import Chroma
from textseg.backends.packed import pack, positions
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise

PROMPTS = ["a red tree", "", "tree " * 40]


@torch.no_grad()
def test_texts_are_the_pipelines_with_one_token_of_padding() -> None:
    pipeline = build_chroma()
    states, _, mask, *_ = pipeline.encode_prompt(PROMPTS, do_classifier_free_guidance=False)
    text = Chroma.wrap(pipeline).embed_text(PROMPTS)
    assert text.mask is not None
    assert text.mask.sum(1).tolist() == [9, 2, 42]
    assert text.embeddings.shape[1] == 42
    assert_close(text.embeddings, states[:, :42])
    assert text.mask.equal(mask[:, :42].bool())
    assert text.words[0][:9] == (0, 0, 1, 1, 1, 1, 2, None, None)
    assert Chroma.wrap(pipeline).embed_text(["tree " * 600]).notes[0][0].startswith("truncated")


@torch.no_grad()
def test_padding_does_not_change_the_answer(tiny_models) -> None:
    model, z = tiny_models["chroma"], draw_noise((2, 4, 6, 10), seed=0)
    alone = model.embed_text(PROMPTS[:1])
    both = Conditioning.cat([alone, model.embed_text(PROMPTS[2:])])
    expected = model.predict(z[:1], 0.6, alone).velocity
    assert_close(model.predict(z, 0.6, both).velocity[:1], expected, rtol=1e-5, atol=1e-5)
    other = replace(both, embeddings=both.embeddings + 9 * ~both.mask[..., None])
    assert_close(model.predict(z, 0.6, other).velocity[:1], expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_pipelines_own_mask_lets_padding_count(tiny_models) -> None:
    """Once it does not, diffusers is mended and the remark about it can go."""
    model, z = tiny_models["chroma"], draw_noise((1, 4, 6, 10), seed=0)
    text = model.embed_text(PROMPTS[:1])
    states, _, mask, *_ = build_chroma().encode_prompt(PROMPTS[0])
    theirs = build_chroma()._prepare_attention_mask(1, 15, torch.float32, mask)
    found = model.network(**asked(model, z, states), attention_mask=theirs).sample
    ours = model.network(**asked(model, z, text.embeddings)).sample
    assert (found - ours).norm() > 1e-3 * ours.norm()


def asked(model: Chroma, z: torch.Tensor, states: torch.Tensor) -> dict[str, torch.Tensor]:
    return {
        "hidden_states": pack(z),
        "timestep": torch.tensor([0.6]),
        "encoder_hidden_states": states,
        "txt_ids": torch.zeros(states.shape[1], 3),
        "img_ids": positions(model.grid(z), z.device),
    }


@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS[:2]])
@torch.no_grad()
def test_no_cell_looks_at_padding(tiny_models, prompts: list[str]) -> None:
    model, looks = tiny_models["chroma"], list[torch.Tensor]()

    def control(call: Attention) -> Attention:
        looks.append(call.looks_of_cells(range(len(prompts)), call.layer.text))
        return call

    text = model.embed_text(prompts)
    z = draw_noise((len(prompts), 4, 6, 10), seed=0)
    attending(model, control).predict(z, 0.6, text)
    for found in looks:
        for row, there in zip(found, text.mask, strict=True):
            assert (row[:, ~there] == 0).all()
            assert (row[:, there] > 0).all()
