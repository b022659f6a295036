from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.tiny_families_2 import build_cogview4
from textseg.backends.cogview4 import LENGTH, CogView4
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise
from textseg.errors import UnsupportedError

PROMPTS = ["a red tree", "", "tree " * 10]


@torch.no_grad()
def test_texts_are_what_the_pipeline_makes_of_each_alone() -> None:
    pipeline = build_cogview4()
    text = CogView4.wrap(pipeline).embed_text(PROMPTS)
    assert text.mask is not None
    assert text.mask.sum(1).tolist() == [16, 16, 32]
    for row, prompt in enumerate(PROMPTS):
        (expected,), _ = pipeline.encode_prompt(prompt, do_classifier_free_guidance=False)
        assert_close(text.embeddings[row, : len(expected)], expected)
    ahead, words = text.words[0][:7], text.words[0][7:16]
    assert set(ahead) == {None}
    assert words == (None, None, 0, None, 1, 1, 1, None, 2)
    assert len(text.words[0]) == len(text.words[2]) == 32


@torch.no_grad()
def test_what_does_not_fit_is_told(tiny_models) -> None:
    text = tiny_models["cogview4"].embed_text(["tree " * LENGTH])
    assert text.embeddings.shape[1] == LENGTH
    assert text.notes[0][0].startswith(f"truncated after {LENGTH} tokens: 'tree")


@torch.no_grad()
def test_prompts_of_different_lengths_are_answered_as_alone(tiny_models) -> None:
    model, z = tiny_models["cogview4"], draw_noise((3, 4, 6, 10), seed=0)
    texts = [model.embed_text([prompt]) for prompt in PROMPTS]
    levels = torch.tensor([0.2, 0.6, 0.9])
    together = model.predict(z, levels, Conditioning.cat(texts)).velocity
    for row, text in enumerate(texts):
        alone = model.predict(z[[row]], levels[row].item(), text).velocity
        assert_close(together[[row]], alone, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_network_is_told_the_time_before_the_shift() -> None:
    pipeline = build_cogview4()
    told: list[float] = []
    pipeline.transformer.register_forward_pre_hook(
        lambda _, args, options: told.extend(options["timestep"].tolist()), with_kwargs=True
    )
    model = CogView4.wrap(pipeline)
    text, z = model.embed_text(["tree"]), draw_noise((1, 4, 6, 10), seed=0)
    levels = model.levels(5, cells=(6, 10))
    for level in levels[:-1]:
        model.predict(z, level, text)
    assert told == pytest.approx([1000, 750, 500, 250, 1], abs=1e-3)
    model.predict(draw_noise((1, 4, 24, 40), seed=0), levels[2], text)
    assert told[-1] < 400  # the shift is larger there


def test_attention_over_texts_of_different_lengths_is_refused(tiny_models) -> None:
    model, z = tiny_models["cogview4"], draw_noise((2, 4, 6, 10), seed=0)
    with pytest.raises(UnsupportedError, match="different lengths apart"):
        model.attention_layers(z, model.embed_text(PROMPTS[1:]))
