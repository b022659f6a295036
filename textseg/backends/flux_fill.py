"""FLUX.1 Fill: FLUX.1 dev, trained on to fill a hole in a picture (Black Forest Labs, 2024).

The channels of a token are those of the noised latents, of the picture without what is to be filled
and of a mask, a number for each pixel; see ``textseg.backends.hole``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from textseg.backends.flux import Flux
from textseg.backends.hole import Hole, filling_card
from textseg.backends.packed import PATCH, pack
from textseg.diffusion.card import ModelCard, Options, Sampling
from textseg.diffusion.generic import edits
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning

FILL = Sampling(50, 30.0, "euler", found="defaults of diffusers' FluxFillPipeline")


class FluxFill(Flux):
    """A ``DiffusionModel`` that fills a picture that is to be filled all over."""

    pipeline_class = "FluxFillPipeline"

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        found = filling_card(super().make_card(parts), training="which nobody has told of it")
        habit: Options = {"steps": FILL.steps, "guidance": FILL.guidance}
        return replace(
            found, name="FLUX.1 Fill", edits=edits("blended", habit, every=habit), sampling=FILL
        )

    @property
    def network_channels(self) -> tuple[int, int]:
        """What the config of the network must have as ``in_channels`` and ``out_channels``."""
        latents, given = super().network_channels
        return 2 * latents + (PATCH * self.latent_stride) ** 2, given

    @cached_property
    def _hole(self) -> Hole:
        return Hole(self._autoencoder)

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the network, in their order; see ``Attentive``."""
        self._hole.beside(z)  # before anybody watches
        return super().attention_layers(z, text)

    def _tokens(self, x: Tensor) -> Tensor:
        own = super()._tokens(x)
        mask = own.new_ones(*own.shape[:2], (PATCH * self.latent_stride) ** 2)
        return torch.cat([own, pack(self._hole.beside(x)), mask], dim=2)


FAMILY = FluxFill.family()
