"""Stable Diffusion 1.x, 2.x and XL for inpainting: a UNet of nine channels.

Besides the noised latents it takes a mask, 1 where the picture is to be filled, and the latents of
the picture without that; see ``textseg.backends.hole``.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from textseg.backends.diffusers_unet import DiffusersUNet, unet_family
from textseg.backends.hole import Hole, filling_card
from textseg.backends.unet_card import unet_card
from textseg.backends.unet_parts import Parts
from textseg.diffusion.card import ModelCard
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning


class InpaintingUNet(DiffusersUNet):
    """A ``DiffusionModel`` that fills a picture that is to be filled all over."""

    @classmethod
    def make_card(cls, parts: Parts, name: str) -> ModelCard:
        """Return the card of the model that it was made of."""
        return filling_card(
            unet_card(parts, name),
            training="as in a quarter of its training (model card of Stable Diffusion inpainting)",
        )

    @classmethod
    def channels_taken(cls, latent: int) -> int:
        """Return how many channels its UNet takes: latents, mask, and the rest of the picture."""
        return 2 * latent + 1

    @cached_property
    def _hole(self) -> Hole:
        return Hole(self._autoencoder)

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the network, in their order; see ``Attentive``."""
        self._hole.beside(z)  # before anybody watches
        return super().attention_layers(z, text)

    def _input(self, x: Tensor, text: Conditioning) -> Tensor:
        return torch.cat([x, torch.ones_like(x[:, :1]), self._hole.beside(x)], dim=1)


def _kind_of(parts: Parts) -> type[DiffusersUNet]:
    """Return the class for a UNet; the pipeline takes those without a mask as well."""
    plain = parts.unet.config.in_channels == parts.vae.config.latent_channels
    return DiffusersUNet if plain else InpaintingUNet


FAMILY = unet_family(_kind_of)
