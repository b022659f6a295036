from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline
from torch.testing import assert_close

from tests.equivalence.more_families import level_of_vp, velocity_of_eps
from tests.equivalence.pipelines import SCALE, Case, compare
from tests.tiny_kolors import build_kolors
from textseg.backends.kolors import Kolors
from textseg.registry.families import wrap_family
from textseg.testing import check_model


class AnySize(KolorsPipeline):
    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass


CASE = Case(
    lambda: build_kolors(AnySize),
    level=level_of_vp,
    state=lambda x, sigma: x * (1 - sigma),  # its scheduler keeps x0 + s / a eps
    velocity=velocity_of_eps,
)


@pytest.mark.parametrize("size", [(24, 40), (36, 20)])
@pytest.mark.parametrize(("scale", "negative"), [(SCALE, ""), (SCALE, "house"), (1.0, "")])
@torch.no_grad()
def test_every_call_and_every_step_is_the_pipelines(
    size: tuple[int, int], scale: float, negative: str
) -> None:
    found = compare(CASE, size, scale=scale, negative=negative)
    assert max(found.calls) < 1e-5
    assert max(found.steps) < 1e-5


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
