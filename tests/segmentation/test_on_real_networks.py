"""The estimator on tiny networks of the real classes: how rows are batched changes no map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny import build_sd
from textseg.backends.diffusers_unet import DiffusersUNet, wrap_pipeline
from textseg.diffusion.sampling import draw_noise
from textseg.segmentation.difference import RawMaps, noise_difference


def compare(model: DiffusersUNet, **options: Any) -> list[RawMaps]:
    queries, reference = model.embed_text(["a tree", "house"]), model.embed_text([""])
    latents = draw_noise((1, model.latent_channels, 8, 12), seed=1)
    return noise_difference(model, latents, queries, reference, draws=5, **options)


def assert_same(found: list[RawMaps], expected: list[RawMaps]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.evaluations == other.evaluations == 10
        for name, values in other.arrays().items():
            scale = np.abs(values).max()
            np.testing.assert_allclose(one.arrays()[name], values, rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize("batch_size", [2, 7, 16])
@pytest.mark.parametrize("family", ["sd1", "sd2", "xl", "sd3"])
@torch.no_grad()
def test_maps_are_the_same_for_every_batch_size(
    family: str, batch_size: int, tiny_models: Mapping[str, DiffusersUNet]
) -> None:
    model = tiny_models[family]
    assert_same(compare(model, batch_size=batch_size), compare(model, batch_size=1))


@torch.no_grad()
def test_a_processor_without_memory_for_a_batch_gets_smaller_ones() -> None:
    pipeline, rows = build_sd(), list[int]()

    def allocate(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        rows.append(len(inputs[0]))
        if rows[-1] > 3:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    model = wrap_pipeline(pipeline)
    expected = compare(model, batch_size=1)
    pipeline.unet.register_forward_pre_hook(allocate)
    found = compare(model, batch_size=16)
    assert rows == [15, 7, *[3] * 5]
    assert [raw.batch_size for raw in found] == [3, 3]
    assert_same(found, expected)
