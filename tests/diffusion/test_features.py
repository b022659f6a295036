"""What blocks give is seen and replaced; nothing is left of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.models.resnet import ResnetBlock2D

from tests.test_contracts import traces
from tests.tiny import build_sd, build_xl
from tests.tiny_parts import build_unet
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.features import features, residual
from textseg.diffusion.sampling import draw_noise
from textseg.errors import UnknownNameError, UnsupportedError
from textseg.testing import GaussianModel


def test_blocks_that_are_not_there_are_named() -> None:
    with (
        pytest.raises(UnknownNameError, match=r"unknown block 'up_blocks\.7'; known: .*up_bl"),
        features(build_unet(), ["up_blocks.7"], lambda _, given: given),
    ):
        pass


def test_hooks_are_removed_after_an_exception() -> None:
    network = build_unet()
    before = traces(network, "unet")
    with (
        pytest.raises(RuntimeError, match="half way"),
        features(network, ["mid_block", "up_blocks.0"], lambda _, given: given),
    ):
        raise RuntimeError("half way")
    assert traces(network, "unet") == before


@pytest.mark.parametrize("build", [build_sd, build_xl])
def test_models_with_a_unet_tell_their_residual_blocks_in_the_order_of_their_calls(
    build: Callable[[], DiffusionPipeline],
) -> None:
    model, seen = wrap_pipeline(build()), list[str]()

    def watch(name: str, given: object) -> object:
        seen.append(name)
        return given

    z = draw_noise((1, model.latent_channels, 8, 12), seed=0)
    with torch.no_grad(), features(model.network, residual(model).residuals_up(), watch):
        model.predict(z, 0.5, model.embed_text(["tree"]))
    assert seen == [
        f"{name}.conv2"
        for name, module in model.network.named_modules()
        if isinstance(module, ResnetBlock2D) and name.startswith("up_blocks")
    ]
    assert len(seen) == 4


def test_models_without_residual_blocks_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="'gaussian' has no residual blocks"):
        residual(GaussianModel())
