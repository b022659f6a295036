"""Pictures into latents and back, in the units that a network was trained on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from textseg.backends.evaluation import evaluating
from textseg.backends.finite import check_finite
from textseg.backends.loading import explained_memory
from textseg.errors import InvalidInputError

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

TILE_ABOVE = 1024 * 1024  # pixels; larger pictures go through the autoencoder in tiles
TILE_SIDE = 512  # pixels; the size that Stable Diffusion's autoencoder was trained for


def halvings(widths: Sequence[int]) -> int:
    """Return by what a network divides the sides: every stage but the last halves them."""
    return int(2 ** (len(widths) - 1))


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """An ``AutoencoderKL`` on its device, and the name of its model, for errors."""

    network: AutoencoderKL
    device: torch.device
    model: str

    @property
    def stride(self) -> int:
        """Image pixels per latent cell, along each side."""
        return halvings(self.network.config.block_out_channels)

    @property
    def channels(self) -> int:
        """Channels ``c`` of the latents."""
        return int(self.network.config.latent_channels)

    def encode(self, image: Tensor) -> Tensor:
        """Return the latents (b, c, h, w) of an image (b, 3, H, W): the posterior mean, scaled.

        Sides must divide by ``stride``. Above ``TILE_ABOVE`` pixels it is encoded in tiles.
        """
        if image.ndim != 4 or image.shape[1] != 3 or any(k % self.stride for k in image.shape[2:]):
            raise InvalidInputError(
                f"an image must be (b, 3, H, W) with sides that divide by {self.stride}, "
                f"got {tuple(image.shape)}"
            )
        vae = self._vae_for(pixels=image.shape[2] * image.shape[3])
        with evaluating(vae), explained_memory():
            scaled = (image.to(self.device).float() * 2 - 1).to(vae.dtype)
            mean: Tensor = vae.encode(scaled).latent_dist.mode().float()
        check_finite(mean, "autoencoder", model=self.model, dtype=vae.dtype)
        shift, scale = self._units()
        return (mean - shift) / scale

    def decode(self, latents: Tensor) -> Tensor:
        """Return the image (b, 3, H, W) of latents (b, c, h, w), in and a little beyond [0, 1]."""
        vae = self._vae_for(pixels=latents.shape[2] * latents.shape[3] * self.stride**2)
        shift, scale = self._units()
        with evaluating(vae), explained_memory():
            unscaled = (latents.to(self.device).float() * scale + shift).to(vae.dtype)
            image: Tensor = vae.decode(unscaled).sample.float()
        check_finite(image, "autoencoder", model=self.model, dtype=vae.dtype)
        return image / 2 + 0.5

    def _vae_for(self, *, pixels: int) -> AutoencoderKL:
        # the copy shares all weights; its settings are ours, those of the original stay as they are
        vae = copy.copy(self.network)
        vae.use_slicing = True
        vae.use_tiling = pixels > TILE_ABOVE
        vae.tile_sample_min_size = TILE_SIDE
        vae.tile_latent_min_size = TILE_SIDE // self.stride
        return vae

    def _units(self) -> tuple[Tensor, Tensor]:
        """Return shift and scale, (1 or c, 1, 1): the autoencoder has z * scale + shift."""
        config = self.network.config
        shift = torch.tensor(config.latents_mean or [config.shift_factor or 0.0])
        scale = torch.tensor(config.latents_std or [1.0]) / config.scaling_factor
        return shift.to(self.device)[:, None, None], scale.to(self.device)[:, None, None]
