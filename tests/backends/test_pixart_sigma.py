from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import PixArtTransformer2DModel
from torch.testing import assert_close

from tests.tiny_families_2 import build_pixart
from textseg.backends.pixart_sigma import PixArtSigma
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise
from textseg.errors import UnsupportedError

PROMPTS = ["A red tree", "", "tree " * 40]


@torch.no_grad()
def test_texts_are_the_pipelines() -> None:
    pipeline = build_pixart()
    states, mask, *_ = pipeline.encode_prompt(PROMPTS, do_classifier_free_guidance=False)
    text = PixArtSigma.wrap(pipeline).embed_text(PROMPTS)
    assert text.mask is not None
    assert text.mask.equal(mask[:, :41].bool())
    assert_close(text.embeddings, states[:, :41])
    assert text.words[0][:8] == (0, 0, 1, 1, 1, 1, 2, None)


@torch.no_grad()
def test_padding_does_not_change_the_answer(tiny_models) -> None:
    model, z = tiny_models["pixart"], draw_noise((2, 4, 6, 10), seed=0)
    alone = model.embed_text(PROMPTS[:1])
    both = Conditioning.cat([alone, model.embed_text(PROMPTS[2:])])
    other = replace(both, embeddings=both.embeddings + 9 * ~both.mask[..., None])
    expected = model.predict(z[:1], 0.6, alone).velocity
    assert_close(model.predict(z, 0.6, other).velocity[:1], expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_variance_that_it_predicts_besides_is_left_out(tiny_models) -> None:
    model, z = tiny_models["pixart"], draw_noise((1, 4, 6, 10), seed=0)
    assert model.network.config.out_channels == 2 * model.latent_channels
    assert model.predict(z, 0.6, model.embed_text(["tree"])).eps.shape == z.shape


def test_networks_without_a_variance_are_refused() -> None:
    pipeline = build_pixart()
    config = dict(pipeline.transformer.config)
    pipeline.transformer = PixArtTransformer2DModel.from_config({**config, "out_channels": 4})
    with pytest.raises(UnsupportedError, match=r"returns 4, where latents of 4 need 4 and 8"):
        PixArtSigma.wrap(pipeline)
