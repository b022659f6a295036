"""FLUX.1 Kontext: FLUX.1 dev, told what to change in a picture (arXiv:2506.15742).

The latents of the picture stand behind the noised ones as further tokens, told apart by the first
number of their positions (section 3.1). Without a picture it is FLUX.1, and makes new ones.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor

from textseg.backends.flux import DEV, Flux
from textseg.backends.packed import pack
from textseg.backends.seen import seen_beside
from textseg.diffusion.card import ModelCard
from textseg.diffusion.generic import instructed_card
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning


class FluxKontext(Flux):
    """A ``DiffusionModel`` that looks at a picture; see ``textseg.diffusion.seeing``."""

    pipeline_class = "FluxKontextPipeline"
    _seen: Tensor | None = None

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, which are those of dev."""
        found = "defaults of diffusers' FluxKontextPipeline"
        return instructed_card(
            super().make_card(parts), name="FLUX.1 Kontext", sampling=replace(DEV, found=found)
        )

    def beside(self, latents: Tensor, image: Tensor) -> Self:
        """Return the model that looks at the picture of ``latents``; see ``Seeing``."""
        found = copy.copy(self)
        found._seen = latents
        return found

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions, in their order; the picture stands behind, as padding does."""
        rows, columns = (0, 0) if self._seen is None else self.grid(self._seen)
        found = super().attention_layers(z, text)
        return tuple(replace(layer, padding=rows * columns) for layer in found)

    def _tokens(self, x: Tensor) -> Tensor:
        own = super()._tokens(x)
        if self._seen is None:
            return own
        return torch.cat([own, pack(seen_beside(x, self._seen, model=self.name))], dim=1)

    def _places(self, grid: tuple[int, int], device: torch.device) -> Tensor:
        own = super()._places(grid, device)
        if self._seen is None:
            return own
        return torch.cat([own, own + torch.tensor([1.0, 0.0, 0.0], device=device)])


FAMILY = FluxKontext.family()
