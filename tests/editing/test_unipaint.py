"""Uni-paint: what is learned around the hole, and who looks at whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import bench, method_with
from tests.editing.test_dreambooth import table_with, weights_of
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.attention import Attention
from textseg.diffusion.fitting import Lesson, refit, training_loss
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.editing.unipaint import masked
from textseg.errors import UnsupportedError

GRID, TOKENS = (2, 3), 4
MASK = torch.tensor([[[[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]]])
INSIDE = MASK.flatten().bool()
WORDS = ((None, 0, 1, None), (None, None, None, None))


def call_of(layer: Layer) -> Attention:
    q, k, v = (
        draw_noise((2, 2, size, 8), seed=number)
        for number, size in enumerate((layer.queries, layer.keys, layer.keys))
    )
    return Attention(0, layer, q, k, v, None, 0.3)


def test_cells_outside_do_not_look_at_words() -> None:
    call = call_of(Layer.cross(GRID, TOKENS))
    before, after = (each.probabilities() for each in (call, masked(call, MASK, WORDS)))
    assert torch.equal(after[0, :, ~INSIDE][..., 1:3], torch.zeros(2, 3, 2))
    assert_close(after[0, :, INSIDE], before[0, :, INSIDE])
    assert_close(after[1], before[1])  # no words at all: an empty prompt


def test_cells_outside_do_not_look_inside() -> None:
    call = call_of(Layer.own(GRID))
    before, after = (each.probabilities() for each in (call, masked(call, MASK, WORDS)))
    assert not after[:, :, ~INSIDE][..., INSIDE].any()
    assert_close(after[:, :, INSIDE], before[:, :, INSIDE])
    assert_close(after.sum(-1), torch.ones(2, 2, 6))


def test_cells_and_words_together_are_masked_alike() -> None:
    layer = Layer.joint(GRID, TOKENS, text_first=True)
    call = call_of(layer)
    before, after = (each.probabilities() for each in (call, masked(call, MASK, WORDS)))
    cells = torch.arange(TOKENS, TOKENS + 6)
    assert not after[:, :, cells[~INSIDE]][..., cells[INSIDE]].any()
    assert not after[0, :, cells[~INSIDE]][..., 1:3].any()
    assert_close(after[:, :, cells[INSIDE]], before[:, :, cells[INSIDE]])
    assert_close(after[:, :, :TOKENS], before[:, :, :TOKENS])


def test_the_copy_learns_what_is_around_the_hole_and_exemplars_beside_it() -> None:
    table = table_with((6, 10))
    mask = torch.zeros_like(table.nothing)
    mask[..., 2:5, 3:7] = 1
    table.run(method_with("unipaint", fit_steps=3, rate=1e-4, subject="a sks cat"), mask)
    wider = torch.zeros_like(mask)
    wider[..., 1:6, 2:8] = 1
    around = Lesson((1 - mask) * table.latents, table.text(""), where=1 - wider)
    exemplar = Lesson(table.examples[0], table.text("a sks cat"))
    expected = refit(
        table.model,
        "",
        lambda learner, k: sum(training_loss(learner, each, k) for each in (around, exemplar)),
        steps=range(3),
        rate=1e-4,
    )
    found = weights_of(table)
    name = "mid_block.resnets.0.conv1.weight"
    assert_close(found[name], expected[name].detach(), rtol=0, atol=1e-6)
    assert not torch.equal(found[name], dict(table.model.network.named_parameters())[name])  # type: ignore[attr-defined]  # of this backend


def test_a_fit_of_no_steps_without_masked_attention_draws_the_target_prompt() -> None:
    table = bench(wrap_pipeline(build_sd()))
    found = table.run(method_with("unipaint", fit_steps=0, masked=False), table.soft)
    assert torch.equal(found, table.run(method_with("blended", strength=1.0), table.soft))


def test_a_full_mask_masks_no_attention() -> None:
    table = bench(wrap_pipeline(build_sd()))
    whole, plain = (
        table.run(method_with("unipaint", fit_steps=0, masked=masks), table.everything)
        for masks in (True, False)
    )
    assert_close(whole, plain, rtol=1e-4, atol=1e-4)


def test_a_model_whose_attention_cannot_be_changed_is_refused_at_once(tiny_models) -> None:
    class Shut:
        """Has the network and all else of a model but its attention."""

        attention_layers = None

        def __init__(self, model: DiffusionModel) -> None:
            self._model = model

        def __getattr__(self, name: str) -> object:
            return getattr(self._model, name)

    table = bench(Shut(tiny_models["sd1"]))  # type: ignore[arg-type]  # a model, but for that
    with pytest.raises(UnsupportedError, match="attention of the model"):
        table.run(method_with("unipaint"), table.soft)
    assert table.run(method_with("unipaint", masked=False, steps=1), table.soft).isfinite().all()


def test_what_a_call_already_masks_stays_masked() -> None:
    call = replace(call_of(Layer.cross(GRID, TOKENS)), bias=torch.tensor([0.0, 0, 0, -torch.inf]))
    assert not masked(call, MASK, WORDS).probabilities()[..., 3].any()
