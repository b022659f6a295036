"""A twin shares what it does not train, and nothing of the first network is written to."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from diffusers.hooks import apply_layerwise_casting
from torch import nn

from tests.joint import build_flux_transformer
from tests.test_contracts import traces
from tests.tiny import FAMILIES
from tests.tiny_parts import build_unet
from textseg.diffusion.sampling import draw_noise
from textseg.diffusion.twin import Refittable, twin
from textseg.errors import InvalidInputError, UnsupportedError
from textseg.registry.families import wrap_family

PATTERN = r"(attn\d?|attention)\.to_[kv]"


def velocity(model: Any) -> torch.Tensor:
    z = draw_noise((1, model.latent_channels, 8, 12), seed=0)
    return model.predict(z, 0.5, model.embed_text(["a red tree"])).velocity


@pytest.mark.parametrize("family", FAMILIES)
def test_a_twin_is_fitted_and_the_first_model_stays_as_it_is(family: str) -> None:
    model: Any = wrap_family(FAMILIES[family]())
    assert isinstance(model, Refittable)
    before, expected = traces(model.network, "unet"), velocity(model).detach()
    fitted = twin(model.network, PATTERN)
    second = model.with_network(fitted.network)
    assert torch.equal(velocity(second), expected)
    optimizer = torch.optim.Adam(fitted.trained.values(), 1e-2)
    losses = []
    for _ in range(3):
        loss = velocity(second).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    assert not torch.equal(velocity(second), expected)
    assert torch.equal(velocity(model), expected)
    assert traces(model.network, "unet") == before
    assert all(weights.grad is None for weights in model.network.parameters())
    assert second.name == model.name


def test_a_twin_holds_memory_for_its_trained_weights_alone() -> None:
    first = build_unet()
    second = twin(first, PATTERN)
    places = {weights.data_ptr() for weights in first.parameters()}
    own = {name for name, p in second.network.named_parameters() if p.data_ptr() not in places}
    assert own == set(second.trained)
    assert own == {name for name, _ in first.named_parameters() if re.search(PATTERN, name)}
    assert {n for n, p in second.network.named_parameters() if p.requires_grad} == own


def test_buffers_and_packed_weights_are_shared() -> None:
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
    network.table = torch.ones(4)
    second: Any = twin(network, "1.weight").network
    assert second[0].running_mean is network[0].running_mean
    assert second.table is network.table


def test_transformers_have_twins_too() -> None:
    found = twin(build_flux_transformer(), r"to_[kv]\.weight")
    assert len(found.trained) == 6
    assert all(weights.requires_grad for weights in found.trained.values())


def test_a_compiled_network_has_a_twin_that_is_not_compiled() -> None:
    first = build_unet()
    second = twin(torch.compile(first, backend="eager"), PATTERN)  # type: ignore[arg-type]  # a Module
    assert type(second.network) is type(first)
    first.mid_block.compile(backend="eager")
    third: Any = twin(first, PATTERN).network
    assert third.mid_block._compiled_call_impl is None


def test_what_cannot_be_shared_or_trained_is_refused_in_words() -> None:
    with pytest.raises(InvalidInputError, match="no parameter of UNet2DConditionModel has a name"):
        twin(build_unet(), "lora")
    cast = build_unet()
    apply_layerwise_casting(cast, storage_dtype=torch.bfloat16, compute_dtype=torch.float32)
    with pytest.raises(UnsupportedError, match="forward of 'conv_in' was replaced"):
        twin(cast, PATTERN)
    with pytest.raises(UnsupportedError, match="not in memory"):
        twin(build_unet().to("meta"), PATTERN)
    quantised = nn.Linear(3, 2)
    quantised.weight = nn.Parameter(torch.zeros(2, 3, dtype=torch.int8), requires_grad=False)
    with pytest.raises(UnsupportedError, match="quantised"):
        twin(quantised, "weight")
    assert len(twin(quantised, "bias").trained) == 1
