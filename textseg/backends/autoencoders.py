"""Pictures into latents and back, in the units that a network was trained on.

Autoencoders differ in what they call their parts, and in the numbers that normalise their latents.
``KINDS`` has a class for each; who needs one asks ``autoencoder_of``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from textseg.backends.evaluation import evaluating
from textseg.backends.finite import check_finite
from textseg.backends.loading import explained_memory
from textseg.backends.wrapping import class_of
from textseg.errors import InvalidInputError

TILE_ABOVE = 1024 * 1024  # pixels; larger pictures go through the autoencoder in tiles
TILE_SIDE = 512  # pixels; the size that Stable Diffusion's autoencoder was trained for
Units = tuple[Tensor, Tensor]  # shift and scale: the autoencoder has z * scale + shift


def halvings(widths: Sequence[int]) -> int:
    """Return by what a network divides the sides: every stage but the last halves them."""
    return int(2 ** (len(widths) - 1))


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """An ``AutoencoderKL``, or one of its build, on its device; and its model's name for errors."""

    network: Any  # of diffusers, whose autoencoders share no base that declares what they do
    device: torch.device
    model: str
    tiles: ClassVar[bool] = True

    @staticmethod
    def stride_in(config: Mapping[str, Any]) -> int:  # Any: a config of diffusers
        """Return the image pixels per latent cell, along each side."""
        return halvings(config["block_out_channels"])

    @property
    def stride(self) -> int:
        """Image pixels per latent cell, along each side."""
        return self.stride_in(self.network.config)

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
            mean = self._mean(vae, (image.to(self.device).float() * 2 - 1).to(vae.dtype)).float()
        check_finite(mean, "autoencoder", model=self.model, dtype=vae.dtype)
        shift, scale = self._units(mean)
        return (mean - shift) / scale

    def decode(self, latents: Tensor) -> Tensor:
        """Return the image (b, 3, H, W) of latents (b, c, h, w), in and a little beyond [0, 1]."""
        vae = self._vae_for(pixels=latents.shape[2] * latents.shape[3] * self.stride**2)
        raw = self.unscaled(latents.to(self.device).float())
        with evaluating(vae), explained_memory():
            image = self._image(vae, raw.to(vae.dtype)).float()
        check_finite(image, "autoencoder", model=self.model, dtype=vae.dtype)
        return image / 2 + 0.5

    def unscaled(self, latents: Tensor) -> Tensor:
        """Return latents (b, c, h, w) in the autoencoder's own units: its posterior mean."""
        shift, scale = self._units(latents)
        return latents * scale + shift

    def _mean(self, vae: Any, image: Tensor) -> Tensor:  # Any: as ``network``
        mean: Tensor = vae.encode(image).latent_dist.mode()
        return mean

    def _image(self, vae: Any, latents: Tensor) -> Tensor:  # Any: as ``network``
        image: Tensor = vae.decode(latents).sample
        return image

    def _vae_for(self, *, pixels: int) -> Any:  # Any: as ``network``
        # the copy shares all weights; its settings are ours, those of the original stay as they are
        vae = copy.copy(self.network)
        vae.use_slicing = True
        vae.use_tiling = self.tiles and pixels > TILE_ABOVE
        if hasattr(vae, "tile_latent_min_size"):  # the others have a side and a stride of their own
            vae.tile_sample_min_size = TILE_SIDE
            vae.tile_latent_min_size = TILE_SIDE // self.stride
        return vae

    def _units(self, latents: Tensor) -> Units:
        """Return shift and scale, which broadcast to the latents (b, c, h, w)."""
        config = self.network.config
        shift = config.get("latents_mean") or [config.get("shift_factor") or 0.0]
        scale = config.get("latents_std") or [1.0]
        factor = config.get("scaling_factor") or 1.0
        return _column(shift, latents), _column(scale, latents) / factor


class DeepCompression(Autoencoder):
    """``AutoencoderDC`` of SANA (arXiv:2410.10733), which gives latents and no distribution."""

    @staticmethod
    def stride_in(config: Mapping[str, Any]) -> int:  # Any: a config of diffusers
        """Return the image pixels per latent cell, along each side."""
        return halvings(config["encoder_block_out_channels"])

    def _mean(self, vae: Any, image: Tensor) -> Tensor:  # Any: as ``network``
        mean: Tensor = vae.encode(image).latent
        return mean


class Framed(Autoencoder):
    """``AutoencoderKLQwenImage``, one of films, to which a picture is a single frame."""

    @staticmethod
    def stride_in(config: Mapping[str, Any]) -> int:  # Any: a config of diffusers
        """Return the image pixels per latent cell, along each side."""
        return int(2 ** len(config["temperal_downsample"]))

    @property
    def channels(self) -> int:
        """Channels ``c`` of the latents."""
        return int(self.network.config.z_dim)

    def _mean(self, vae: Any, image: Tensor) -> Tensor:  # Any: as ``network``
        return super()._mean(vae, image[:, :, None])[:, :, 0]

    def _image(self, vae: Any, latents: Tensor) -> Tensor:  # Any: as ``network``
        return super()._image(vae, latents[:, :, None])[:, :, 0]


class Patched(Autoencoder):
    """``AutoencoderKLFlux2``, with the statistics of a batch norm over patches of 2 x 2 cells.

    FLUX.2 takes a patch for a cell of four times the channels. Here cells stay cells, and the
    statistics are laid out over them.
    """

    def _units(self, latents: Tensor) -> Units:
        norm, (rows, columns) = self.network.bn, latents.shape[2:]
        std = (norm.running_var + self.network.config.batch_norm_eps).sqrt()

        def laid_out(values: Tensor) -> Tensor:
            patch = values.to(latents).reshape(-1, 2, 2)  # (c, row, column) in the patch
            return patch.repeat(1, -(-rows // 2), -(-columns // 2))[:, :rows, :columns]

        return laid_out(norm.running_mean), laid_out(std)


class Hunyuan(Autoencoder):
    """``AutoencoderKLHunyuanImage``, whose tiles (diffusers 0.42) are those of five dimensions."""

    tiles = False

    @staticmethod
    def stride_in(config: Mapping[str, Any]) -> int:  # Any: a config of diffusers
        """Return the image pixels per latent cell, along each side."""
        return int(config["spatial_compression_ratio"])


KINDS: Mapping[str, type[Autoencoder]] = {
    "AutoencoderDC": DeepCompression,
    "AutoencoderKL": Autoencoder,
    "AutoencoderKLFlux2": Patched,
    "AutoencoderKLHunyuanImage": Hunyuan,
    "AutoencoderKLQwenImage": Framed,
}
"""By the class in diffusers."""


def autoencoder_of(network: Any, device: torch.device, *, model: str) -> Autoencoder:
    """Return an autoencoder of diffusers, of one of the ``KINDS``."""
    return KINDS[class_of(network)](network, device, model)


def stride_of(network: Any) -> int:  # Any: as in ``Autoencoder``
    """Return the image pixels per latent cell, along each side, of an autoencoder of diffusers."""
    return KINDS[class_of(network)].stride_in(network.config)


def _column(values: Sequence[float], latents: Tensor) -> Tensor:
    return torch.tensor(values, device=latents.device)[:, None, None]
