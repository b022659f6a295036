from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import FluxImg2ImgPipeline, FluxTransformer2DModel
from torch.testing import assert_close

from tests.tiny_families import build_flux, build_schnell
from tests.tiny_parts import TEXT_LENGTH
from textseg.backends.flux import LENGTH, SHORT_LENGTH, Flux
from textseg.diffusion.guidance import TOLD, ClassifierFree, told
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise, guided
from textseg.errors import UnsupportedError
from textseg.registry.families import wrap_family


def test_sizes_come_from_pipeline_and_autoencoder(tiny_models) -> None:
    model = tiny_models["flux"]
    assert isinstance(model, Flux)
    assert (model.latent_stride, model.size_multiple, model.latent_channels) == (2, 4, 4)
    assert (model.card.sizes.native, model.card.sizes.largest) == (256, None)


def test_dev_and_schnell_have_numbers_of_their_own() -> None:
    dev, schnell = (Flux.wrap(build()).card for build in (build_flux, build_schnell))
    assert (dev.sampling.steps, dev.sampling.guidance) == (28, 3.5)
    assert dev.edits.alter.options["source_guidance"] == 1.5
    assert dev.edits.named("sdedit") == {"steps": 28, "guidance": 3.5}
    assert dev.edits.add.options == {"steps": 28, "guidance": 3.5, "strength": 1.0}
    assert (schnell.sampling.steps, schnell.sampling.guidance) == (4, 1.0)
    assert schnell.edits.named("flowedit")["source_guidance"] == 1.0


@torch.no_grad()
def test_what_undid_the_distillation_of_dev_is_no_schnell() -> None:
    model = Flux.wrap(build_flux(guidance_embeds=False))
    assert (model.card.sampling.steps, model.card.sampling.guidance) == (28, 3.5)
    text = model.embed_text(["tree"])
    assert text.embeddings.shape[1] == LENGTH
    assert TOLD not in text.further
    assert model.guide == ClassifierFree()


@torch.no_grad()
def test_texts_are_the_pipelines() -> None:
    pipeline = build_flux()
    prompts = ["a red tree", "", "tree " * 40]
    states, pooled, _ = pipeline.encode_prompt(prompts, None)
    text = Flux.wrap(pipeline).embed_text(prompts)
    assert text.embeddings.shape[1] == LENGTH
    assert_close(text.embeddings, states)
    assert_close(text.pooled, pooled)
    assert text.words[0][:8] == (0, 0, 1, 1, 1, 1, 2, None)


@torch.no_grad()
def test_what_only_t5_reads_is_told_apart_from_what_nobody_reads() -> None:
    text = Flux.wrap(build_schnell()).embed_text(["tree", "tree " * 22 + "house", "tree " * 260])
    assert text.embeddings.shape[1] == SHORT_LENGTH
    assert text.notes[0] == ()
    assert text.notes[1] == (f"CLIP reads {TEXT_LENGTH} tokens: 'house' was read by T5 alone",)
    assert text.notes[2][1].startswith(f"truncated after {SHORT_LENGTH} tokens: 'tree tree")


@torch.no_grad()
def test_the_network_is_told_no_guidance_unless_somebody_asks(tiny_models) -> None:
    model, z = tiny_models["flux"], draw_noise((1, 4, 6, 10), seed=0)
    text = model.embed_text(["tree", ""])
    assert text.further[TOLD].tolist() == [1.0, 1.0]
    plain, asked = (
        guided(model, text[0], text[1], scale=scale)(z, 0.6).velocity for scale in (1.0, 4.0)
    )
    assert_close(model.predict(z, 0.6, text[0]).velocity, plain)
    assert (asked - plain).norm() > 1e-3 * plain.norm()


@torch.no_grad()
def test_rows_are_told_their_own_guidance(tiny_models) -> None:
    model, z = tiny_models["flux"], draw_noise((2, 4, 6, 10), seed=0)
    text = model.embed_text(["tree"])
    both = Conditioning.cat([text, told(text, 4.0)])
    together = model.predict(z, 0.6, both).velocity
    for row, scale in enumerate((1.0, 4.0)):
        alone = model.predict(z[[row]], 0.6, told(text, scale)).velocity
        assert_close(together[[row]], alone, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_text_that_is_led_away_from_counts(tiny_models) -> None:
    model, z = tiny_models["flux"], draw_noise((1, 4, 6, 10), seed=0)
    text = model.embed_text(["tree", "", "house"])
    empty, away = (guided(model, text[0], text[k], scale=4.0)(z, 0.6).velocity for k in (1, 2))
    assert not torch.allclose(empty, away)


@torch.no_grad()
def test_other_pipelines_of_the_same_network_answer_alike() -> None:
    pipeline = build_flux()
    other = FluxImg2ImgPipeline(**pipeline.components)
    z = draw_noise((1, 4, 6, 10), seed=0)
    answers = [
        model.predict(z, 0.6, model.embed_text(["tree"])).velocity
        for model in (wrap_family(pipeline), wrap_family(other))
    ]
    assert_close(*answers, rtol=0, atol=0)


def test_networks_that_take_a_picture_too_are_refused() -> None:
    pipeline = build_flux()
    config = dict(pipeline.transformer.config)
    pipeline.transformer = FluxTransformer2DModel.from_config({**config, "in_channels": 32})
    with pytest.raises(UnsupportedError, match=r"takes 32 channels .* of 4 need 16 and 16"):
        wrap_family(pipeline)


@torch.no_grad()
def test_padding_is_read_so_that_its_length_counts(tiny_models) -> None:
    model, z = tiny_models["flux"], draw_noise((1, 4, 6, 10), seed=0)
    text = model.embed_text(["tree"])
    cut = replace(text, embeddings=text.embeddings[:, :100], words=())
    full, short = (model.predict(z, 0.6, each).velocity for each in (text, cut))
    assert (full - short).norm() > 1e-3 * full.norm()
