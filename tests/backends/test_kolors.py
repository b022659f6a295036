from __future__ import annotations

import torch
from torch.testing import assert_close

from tests.tiny_kolors import build_kolors
from textseg.backends.kolors import Kolors
from textseg.registry.families import wrap_family
from textseg.testing import check_model


@torch.no_grad()
def test_it_keeps_the_contract() -> None:
    model = wrap_family(build_kolors())
    assert isinstance(model, Kolors)
    check_model(model)


@torch.no_grad()
def test_texts_are_the_pipelines() -> None:
    pipeline, prompts = build_kolors(), ["a red tree", "", "tree " * 200]
    states, _, pooled, _ = pipeline.encode_prompt(prompts, do_classifier_free_guidance=False)
    text = Kolors.wrap(pipeline).embed_text(prompts)
    assert_close(text.embeddings, states)
    assert_close(text.pooled, pooled)
    assert text.notes[2][0].startswith("truncated after 256 tokens: 'tree")
