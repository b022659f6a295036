from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import Flux2KleinKVPipeline
from diffusers.pipelines.flux2.pipeline_flux2 import compute_empirical_mu
from torch.testing import assert_close
from transformers import WhisperFeatureExtractor, WhisperProcessor

from tests.tiny_families_3 import build_flux2, build_klein, build_llama_tokenizer
from textseg.backends.flux_2 import Flux2, Flux2Klein, fitted_mu
from textseg.backends.tokens import keep_padding
from textseg.diffusion.guidance import TOLD
from textseg.diffusion.sampling import draw_noise, guided
from textseg.registry.families import load_family, wrap_family

PROMPTS = ["a red tree", "", "tree " * 120]


@pytest.mark.parametrize(("tokens", "steps"), [(60, 4), (4096, 50), (4301, 50), (9000, 4)])
def test_the_shift_is_the_pipelines(tokens: int, steps: int) -> None:
    assert_close(fitted_mu(tokens, steps), compute_empirical_mu(tokens, steps))


@torch.no_grad()
def test_levels_depend_on_the_number_of_steps_too(tiny_models) -> None:
    few, many = (tiny_models["flux2"].levels(steps, cells=(12, 20)) for steps in (4, 8))
    assert few[2] > many[4]  # after half of the steps


@torch.no_grad()
def test_texts_are_the_pipelines() -> None:
    for build, kind in ((build_flux2, Flux2), (build_klein, Flux2Klein)):
        pipeline = build()
        text = kind.wrap(pipeline).embed_text(PROMPTS)
        assert_close(text.embeddings, pipeline.encode_prompt(PROMPTS)[0])
        assert text.embeddings.shape[1:] == (512, 3 * 16)
        assert "truncated after 512 tokens" in text.notes[2][0]


@torch.no_grad()
def test_words_stand_behind_the_padding_of_dev_and_before_that_of_klein(tiny_models) -> None:
    for name in ("flux2", "klein"):
        model = tiny_models[name]
        (words,) = model.embed_text(["a red tree"]).words
        tokenizer = model._parts["tokenizer"]
        ids = tokenizer(model._template("a red tree"), add_special_tokens=False).input_ids
        ids = [tokenizer.pad_token_id] * (512 - len(ids)) + ids if name == "flux2" else ids
        read = [
            (word, tokenizer.decode(ids[k])) for k, word in enumerate(words) if word is not None
        ]
        assert [letter for _, letter in read] == list("aredtree")
        assert [word for word, _ in read] == [0, 1, 1, 1, 2, 2, 2, 2]


@torch.no_grad()
def test_dev_is_told_its_guidance_and_klein_mixes_two_answers(tiny_models) -> None:
    z = draw_noise((1, 4, 6, 10), seed=0)
    dev, klein = tiny_models["flux2"], tiny_models["klein"]
    assert dev.embed_text(["tree"]).further[TOLD].tolist() == [1.0]
    text = klein.embed_text(["tree", ""])
    assert not text.further
    towards, away = (klein.predict(z, 0.6, text[k]).velocity for k in range(2))
    mixed = guided(klein, text[0], text[1], scale=4.0)(z, 0.6).velocity
    assert_close(mixed, away + 4 * (towards - away))


def test_a_distilled_klein_says_so_in_its_index(tmp_path: Path) -> None:
    build_klein(is_distilled=True).save_pretrained(tmp_path)
    for model in (load_family(tmp_path, device="cpu"), wrap_family(build_klein(is_distilled=True))):
        assert (model.card.sampling.steps, model.card.sampling.guidance) == (4, 1.0)
        assert model.card.edits.alter.method == "blended"
    base = wrap_family(build_klein()).card
    assert (base.sampling.steps, base.sampling.guidance) == (50, 4.0)


@torch.no_grad()
def test_other_pipelines_of_klein_answer_alike() -> None:
    pipeline = build_klein()
    other = Flux2KleinKVPipeline(**pipeline.components)
    z = draw_noise((1, 4, 6, 10), seed=0)
    answers = [
        model.predict(z, 0.6, model.embed_text(["tree"])).velocity
        for model in (wrap_family(pipeline), wrap_family(other))
    ]
    assert_close(*answers, rtol=0, atol=0)


@torch.no_grad()
def test_half_precision_answers_nearly_alike() -> None:
    pipeline, z = build_klein(), draw_noise((1, 4, 6, 10), seed=0)
    exact, half = (
        model.predict(z, 0.6, model.embed_text(["tree"])).velocity
        for model in (wrap_family(pipeline), wrap_family(build_klein().to(torch.bfloat16)))
    )
    assert (half - exact).norm() < 0.1 * exact.norm()


def test_a_tokenizer_in_a_processor_pads_as_it_did() -> None:
    """That of dev is in one that needs torchvision; others are built alike."""
    tokenizer = build_llama_tokenizer(side="left")
    with keep_padding([WhisperProcessor(WhisperFeatureExtractor(), tokenizer)]):
        tokenizer.padding_side = "right"
    assert tokenizer.padding_side == "left"
