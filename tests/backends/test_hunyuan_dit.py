from __future__ import annotations

from dataclasses import replace

import torch
from torch.testing import assert_close

from tests.tiny_families_2 import build_hunyuan_dit
from textseg.backends.hunyuan_dit import LENGTHS, HunyuanDiT
from textseg.diffusion.sampling import draw_noise

PROMPTS = ["a red tree", "", "tree " * 80]


@torch.no_grad()
def test_texts_are_the_pipelines() -> None:
    pipeline = build_hunyuan_dit()
    text = HunyuanDiT.wrap(pipeline).embed_text(PROMPTS)
    assert text.mask is not None
    found = zip(text.embeddings.split(LENGTHS, 1), text.mask.split(LENGTHS, 1), strict=True)
    for encoder, (states, mask) in enumerate(found):
        theirs, _, there, _ = pipeline.encode_prompt(
            PROMPTS,
            do_classifier_free_guidance=False,
            max_sequence_length=LENGTHS[encoder],
            text_encoder_index=encoder,
        )
        assert mask.equal(there.bool())
        assert_close(states[..., : theirs.shape[2]], theirs)
        assert (states[..., theirs.shape[2] :] == 0).all()
    assert text.words[0][:7] == (None, 0, 1, 1, 1, 2, None)
    assert text.words[0][77:84] == (0, 0, 1, 1, 1, 1, 2)
    lost = " ".join(["tree"] * 5)
    assert text.notes[2] == (f"BERT reads 77 tokens: {lost!r} was read by T5 alone",)


@torch.no_grad()
def test_padding_is_a_token_of_the_networks_own(tiny_models) -> None:
    """What BERT says of padding is not read, what T5 says of it is pooled."""
    model, z = tiny_models["hunyuan_dit"], draw_noise((1, 4, 6, 10), seed=0)
    text = model.embed_text(["tree"])
    expected = model.predict(z, 0.6, text).velocity
    changes = torch.zeros_like(text.embeddings).masked_fill(~text.mask[..., None], 9)
    bert, t5 = changes.clone(), changes.clone()
    bert[:, LENGTHS[0] :], t5[:, : LENGTHS[0]] = 0, 0
    same, other = (
        model.predict(z, 0.6, replace(text, embeddings=text.embeddings + each)).velocity
        for each in (bert, t5)
    )
    assert_close(same, expected, rtol=0, atol=0)
    assert (other - expected).norm() > 1e-3 * expected.norm()


@torch.no_grad()
def test_the_network_is_told_the_size_of_the_picture(tiny_models) -> None:
    told: list[list[float]] = []
    model = tiny_models["hunyuan_dit"]
    handle = model.network.register_forward_pre_hook(
        lambda _, args, options: told.extend(options["image_meta_size"].tolist()), with_kwargs=True
    )
    model.predict(draw_noise((1, 4, 6, 10), seed=0), 0.6, model.embed_text(["tree"]))
    handle.remove()
    assert told == [[1024, 1024, 48, 80, 0, 0]]
