from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
import torch
from diffusers import SanaPipeline, SanaTransformer2DModel
from torch.testing import assert_close

from tests.tiny_families_2 import build_sana
from textseg.backends.sana import LENGTH, Sana
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise
from textseg.errors import UnsupportedError

PROMPTS = ["A red tree", "", "tree " * 10]
INSTRUCTION = inspect.signature(SanaPipeline.__call__).parameters["complex_human_instruction"]


def test_sizes_and_numbers_are_the_models(tiny_models) -> None:
    model = tiny_models["sana"]
    assert isinstance(model, Sana)
    assert (model.latent_stride, model.size_multiple, model.latent_channels) == (4, 4, 4)
    assert (model.card.sizes.native, model.card.sizes.largest) == (64, None)
    assert model.card.sampling.solver == "dpm_solver_2m"


@torch.no_grad()
def test_texts_are_the_pipelines_behind_its_instruction() -> None:
    pipeline = build_sana()
    states, mask, empty, empty_mask = pipeline.encode_prompt(
        PROMPTS, complex_human_instruction=INSTRUCTION.default
    )
    text = Sana.wrap(pipeline).embed_text(PROMPTS)
    assert text.mask is not None
    for row, (theirs, there) in enumerate([(states, mask), (empty, empty_mask), (states, mask)]):
        found, expected = text.mask[row], there[row].bool()
        assert found.sum() == expected.sum()
        assert_close(text.embeddings[row][found], theirs[row][expected])
    assert text.words[0][:9] == (None, None, 0, None, 1, 1, 1, None, 2)


@torch.no_grad()
def test_a_blank_has_the_instruction_and_nothing_has_not(tiny_models) -> None:
    model = tiny_models["sana"]
    text = model.embed_text([model.card.language.blank, ""])
    assert text.mask is not None
    assert text.mask.sum(1).tolist() == [2, 1]  # the last token of the instruction is kept
    assert not torch.allclose(text.embeddings[0, 1], text.embeddings[1, 0], atol=1e-3)


@torch.no_grad()
def test_what_does_not_fit_behind_the_instruction_is_told(tiny_models) -> None:
    text = tiny_models["sana"].embed_text(["tree " * LENGTH])
    assert text.notes[0][0].startswith("truncated after 299 tokens: 'tree")


@torch.no_grad()
def test_a_tokenizer_keeps_the_side_on_which_it_pads() -> None:
    pipeline = build_sana()
    pipeline.tokenizer.padding_side = "left"
    Sana.wrap(pipeline).embed_text(PROMPTS)
    assert pipeline.tokenizer.padding_side == "left"


@torch.no_grad()
def test_padding_does_not_change_the_answer(tiny_models) -> None:
    model, z = tiny_models["sana"], draw_noise((2, 4, 6, 10), seed=0)
    alone = model.embed_text(PROMPTS[:1])
    both = Conditioning.cat([alone, model.embed_text(PROMPTS[2:])])
    other = replace(both, embeddings=both.embeddings + 9 * ~both.mask[..., None])
    expected = model.predict(z[:1], 0.6, alone).velocity
    assert_close(model.predict(z, 0.6, other).velocity[:1], expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_network_is_told_the_level_where_the_scheduler_cuts_it() -> None:
    pipeline = build_sana()
    levels = Sana.wrap(pipeline).levels(5)
    pipeline.scheduler.set_timesteps(5)
    assert pipeline.scheduler.timesteps.tolist() == [int(1000 * level) for level in levels[:-1]]
    told: list[float] = []
    pipeline.transformer.register_forward_pre_hook(
        lambda _, args, options: told.extend(options["timestep"].tolist()), with_kwargs=True
    )
    model = Sana.wrap(pipeline)
    model.predict(draw_noise((1, 4, 6, 10), seed=0), levels[1], model.embed_text(["tree"]))
    assert told == pytest.approx([1000 * levels[1]])


def test_networks_with_other_channels_are_refused() -> None:
    pipeline = build_sana()
    config = dict(pipeline.transformer.config)
    pipeline.transformer = SanaTransformer2DModel.from_config({**config, "out_channels": 8})
    with pytest.raises(UnsupportedError, match=r"returns 8, where latents of 4 need 4 and 4"):
        Sana.wrap(pipeline)
