"""Attention that is seen: every way to ask torch for it, and the ways in which it goes unseen."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from tests.tiny import build_sd
from tests.tiny_parts import build_unet
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.backends.unet_layers import unet_layers
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.sampling import draw_noise
from textseg.errors import UnsupportedError
from textseg.testing import GaussianModel

GRID, TOKENS, HEADS, WIDTH = (2, 3), 5, 4, 8


@dataclass(frozen=True)
class Asking(GaussianModel):
    """Answers what one attention gives, of cells that look at words: (b, heads, cells, d)."""

    options: Mapping[str, Any] = field(default_factory=dict)  # Any: of torch's function
    key_heads: int = HEADS

    def attention_layers(self, z: torch.Tensor, text: Conditioning) -> tuple[Layer, ...]:
        return (Layer.cross(GRID, TOKENS),)

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        q = draw_noise((len(z), HEADS, 6, WIDTH), seed=1)
        k, v = (draw_noise((len(z), self.key_heads, TOKENS, WIDTH), seed=s) for s in (2, 3))
        found = scaled_dot_product_attention(q, k, v, **self.options)
        return Prediction(found, found, found)


def answer(model: DiffusionModel) -> torch.Tensor:
    with torch.no_grad():
        return model.predict(torch.zeros(2, 3, *GRID), 0.5, model.embed_text(["a", "b"])).eps


def explicit(call: Attention) -> Attention:
    return call.with_probabilities(call.probabilities())


BOOL = torch.arange(TOKENS) % 2 == 0


@pytest.mark.parametrize(
    "model",
    [
        Asking(),
        Asking(options={"scale": 0.3}),
        Asking(options={"attn_mask": BOOL.expand(6, TOKENS)}),
        Asking(options={"attn_mask": BOOL.expand(2, 1, 6, TOKENS)}),
        Asking(options={"attn_mask": draw_noise((2, 1, 1, TOKENS), seed=4)}),
        Asking(options={"is_causal": True}),
        Asking(options={"enable_gqa": True}, key_heads=2),
        Asking(options={"enable_gqa": True, "is_causal": True, "scale": 2.0}, key_heads=1),
    ],
)
@pytest.mark.parametrize("change", [explicit, lambda call: replace(call, q=call.q.clone())])
def test_masks_scales_and_shared_heads_are_kept(
    model: Asking, change: Callable[[Attention], Attention]
) -> None:
    expected = answer(model)
    assert torch.equal(answer(attending(model, lambda call: call)), expected)
    assert_close(answer(attending(model, change)), expected, rtol=1e-5, atol=1e-5)


def test_what_a_mask_leaves_out_has_no_probability() -> None:
    seen: list[Attention] = []
    model = Asking(options={"attn_mask": BOOL.expand(6, TOKENS)})
    answer(attending(model, lambda call: (seen.append(call), call)[1]))  # type: ignore[func-returns-value]  # for its effect
    assert (seen[0].probabilities()[..., ~BOOL] == 0).all()


def test_dropout_drops_from_given_probabilities_too() -> None:
    model = Asking(options={"dropout_p": 1.0})
    assert not answer(attending(model, explicit)).any()
    assert not answer(model).any()


# ---------------------------------------------------------------- what goes unseen


def predicted(model: DiffusionModel) -> None:
    z = draw_noise((2, 4, 8, 12), seed=0)
    with torch.no_grad():
        attending(model, lambda call: call).predict(z, 0.5, model.embed_text(["a", "b"]))


def with_unet(change: Callable[[Any], object]) -> DiffusionModel:
    pipeline = build_sd()
    change(pipeline.unet)
    return wrap_pipeline(pipeline)


def explicit_in_one(unet: Any) -> None:
    attention = unet.mid_block.attentions[0].transformer_blocks[0].attn1
    attention.set_processor(AttnProcessor())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda unet: unet.set_attn_processor(AttnProcessor()), "0 of the 8 attentions"),
        (lambda unet: unet.set_attention_slice(1), "0 of the 8 attentions"),
        (explicit_in_one, "attention 2 of the network has 24 that look at 24"),
    ],
)
def test_attention_that_goes_another_way_than_torchs_is_an_error_with_the_remedy(
    change: Callable[[Any], object], match: str
) -> None:
    with pytest.raises(UnsupportedError, match="torch's native attention") as caught:
        predicted(with_unet(change))
    assert "of" in caught.value.message


def test_compiled_networks_are_refused_before_they_are_asked() -> None:
    def inside(unet: Any) -> None:
        unet.mid_block.compile(backend="eager")

    with pytest.raises(UnsupportedError, match="compiled"):
        predicted(with_unet(inside))
    model = with_unet(lambda unet: unet)
    assert hasattr(model, "with_network")
    with pytest.raises(UnsupportedError, match="compiled"):
        predicted(model.with_network(torch.compile(model.network, backend="eager")))


def test_a_network_that_is_asked_row_by_row_is_an_error() -> None:
    class RowByRow:
        def __init__(self, model: DiffusionModel) -> None:
            self._model = model

        def __getattr__(self, name: str) -> Any:
            return getattr(self._model, name)

        def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
            return self._model.predict(z[:1], sigma, text[0])

    with pytest.raises(UnsupportedError, match=r"for 1 rows, where the model says: .* for 2 rows"):
        predicted(RowByRow(wrap_pipeline(build_sd())))  # type: ignore[arg-type]  # it stands in


def test_a_model_that_tells_nothing_of_its_attention_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="attention of the model 'gaussian' cannot be seen"):
        attending(GaussianModel(), lambda call: call)


def test_blocks_of_another_build_are_refused() -> None:
    unet = build_unet(
        down_block_types=("DownBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        mid_block_type=None,
    )
    with pytest.raises(UnsupportedError, match="build Attention cannot"):
        unet_layers(unet, (8, 12), tokens=7)


def test_the_stages_of_a_unet_are_told_in_the_order_it_runs_through_them() -> None:
    layers = unet_layers(copy.deepcopy(build_unet()), (8, 12), tokens=7)
    assert [(layer.stage, layer.kind) for layer in layers] == [
        (stage, kind) for stage in ("down", "mid", "up", "up") for kind in ("self", "cross")
    ]
    assert {layer.grid for layer in layers} == {(4, 6)}


def test_where_text_and_picture_stand() -> None:
    for text_first, text, picture in ((True, (0, 5), (5, 11)), (False, (6, 11), (0, 6))):
        layer = Layer.joint(GRID, TOKENS, text_first=text_first)
        assert layer.text == slice(*text)
        assert layer.picture == slice(*picture)
        assert layer.queries == layer.keys == 11
    assert (Layer.own(GRID).queries, Layer.own(GRID).keys) == (6, 6)
    assert (Layer.cross(GRID, TOKENS).queries, Layer.cross(GRID, TOKENS).keys) == (6, 5)
