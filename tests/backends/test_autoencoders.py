"""Each kind of autoencoder against what its pipelines do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from diffusers import Flux2Pipeline
from torch import Tensor
from torch.testing import assert_close

from tests.tiny_families import (
    build_kl,
    build_vae_dc,
    build_vae_flux2,
    build_vae_hunyuan,
    build_vae_qwen,
)
from textseg.backends import autoencoders
from textseg.backends.autoencoders import KINDS, Autoencoder, autoencoder_of, stride_of
from textseg.diffusion.sampling import draw_noise

CPU = torch.device("cpu")


BUILDERS: Mapping[str, Callable[[], Any]] = {
    "AutoencoderDC": build_vae_dc,
    "AutoencoderKL": build_kl,
    "AutoencoderKLFlux2": build_vae_flux2,
    "AutoencoderKLHunyuanImage": build_vae_hunyuan,
    "AutoencoderKLQwenImage": build_vae_qwen,
}
STRIDES = {"AutoencoderDC": 4}


@pytest.fixture(params=KINDS)
def vae(request: pytest.FixtureRequest) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BUILDERS[request.param]()


@pytest.fixture
def coder(vae: Any) -> Autoencoder:
    return autoencoder_of(vae, CPU, model="tiny")


def by_the_pipeline(vae: Any, z: Tensor) -> Tensor:
    """The picture that the end of a pipeline's ``__call__`` makes of its latents."""
    match type(vae).__name__:
        case "AutoencoderKL":
            raw = z / vae.config.scaling_factor + vae.config.shift_factor
        case "AutoencoderKLQwenImage":
            mean, std = (
                torch.tensor(values).view(1, -1, 1, 1, 1)
                for values in (vae.config.latents_mean, vae.config.latents_std)
            )
            return vae.decode(z[:, :, None] / (1.0 / std) + mean).sample[:, :, 0]
        case "AutoencoderKLFlux2":
            mean = vae.bn.running_mean.view(1, -1, 1, 1)
            std = torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1) + vae.config.batch_norm_eps)
            patched = Flux2Pipeline._patchify_latents(z)
            raw = Flux2Pipeline._unpatchify_latents(patched * std + mean)
        case _:
            raw = z / vae.config.scaling_factor
    return vae.decode(raw).sample


def means(vae: Any, image: Tensor) -> Tensor:
    scaled = image * 2 - 1
    if type(vae).__name__ == "AutoencoderKLQwenImage":
        return vae.encode(scaled[:, :, None]).latent_dist.mode()[:, :, 0]
    found = vae.encode(scaled)
    return found.latent_dist.mode() if hasattr(found, "latent_dist") else found.latent


@torch.no_grad()
def test_decoding_is_what_the_pipeline_does(vae: Any, coder: Autoencoder) -> None:
    z = draw_noise((2, 4, 6, 10), seed=0)
    expected = by_the_pipeline(vae, z) / 2 + 0.5
    assert_close(coder.decode(z), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_encoding_gives_the_mean_in_the_units_that_decoding_takes(
    vae: Any, coder: Autoencoder
) -> None:
    image = draw_noise((2, 3, 24, 40), seed=0).sigmoid()
    z = coder.encode(image)
    stride = STRIDES.get(type(vae).__name__, 2)
    assert (coder.stride, stride_of(vae), coder.channels) == (stride, stride, 4)
    assert z.shape == (2, 4, 24 // stride, 40 // stride)
    shift, scale = coder._units(z)
    assert_close(z * scale + shift, means(vae, image), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_an_odd_number_of_cells_is_encoded_and_decoded_too(coder: Autoencoder) -> None:
    image = draw_noise((1, 3, 5 * coder.stride, 7 * coder.stride), seed=0).sigmoid()
    z = coder.encode(image)
    assert z.shape[2:] == (5, 7)
    assert coder.decode(z).shape == image.shape


@torch.no_grad()
def test_large_pictures_are_encoded_and_decoded_whatever_the_tiles(
    monkeypatch: pytest.MonkeyPatch, vae: Any, coder: Autoencoder
) -> None:
    monkeypatch.setattr(autoencoders, "TILE_ABOVE", 32 * 32)
    monkeypatch.setattr(autoencoders, "TILE_SIDE", 32)
    image = draw_noise((1, 3, 48, 80), seed=0).sigmoid()
    assert coder.decode(coder.encode(image)).shape == image.shape
    assert not vae.use_tiling
