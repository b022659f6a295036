"""Transformers that take 2 x 2 latent cells for one token, and a picture for a row of tokens."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from textseg.backends.flow import ask_evenly, line_mu
from textseg.backends.pipelines import PipelineModel
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning

PATCH = 2  # cells along each side; the pipelines have it in their code, not in a config


def pack(z: Tensor) -> Tensor:
    """Return latents (b, c, h, w) as tokens (b, h / 2 * w / 2, 4 c): channel, row, column."""
    return pixel_unshuffle(z, PATCH).flatten(2).transpose(1, 2)


def unpack(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return tokens (b, rows * columns, 4 c) as latents (b, c, 2 rows, 2 columns)."""
    return pixel_shuffle(tokens.transpose(1, 2).unflatten(2, grid), PATCH)


def positions(grid: tuple[int, int], device: torch.device) -> Tensor:
    """Return where the tokens of a picture stand, (rows * columns, 3): 0, row, column."""
    ranges = [torch.arange(n, device=device, dtype=torch.float32) for n in (1, *grid)]
    return torch.cartesian_prod(*ranges)


class PackedModel(PipelineModel):
    """A ``PipelineModel`` whose network takes and gives such tokens."""

    @property
    def patch(self) -> int:
        """Latent cells that are one token, along each side."""
        return PATCH

    @property
    def network_channels(self) -> tuple[int, int]:
        """What the config of the network must have as ``in_channels`` and ``out_channels``."""
        return PATCH**2 * self.latent_channels, PATCH**2 * self.latent_channels

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what most of the pipelines do: even levels, shifted with the size."""
        return ask_evenly(config, steps, mu=line_mu(config, tokens))

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``.

        All of them see text and picture at once, the text first.
        """
        refuse_compiled(self.network)
        layer = Layer.joint(self.grid(z), text.embeddings.shape[1], text_first=True)
        config = self._network.config
        return (layer,) * int(config.num_layers + config.get("num_single_layers", 0))

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        grid = self.grid(x)
        answer = self._ask_tokens(self._tokens(x), times, text, grid=grid)
        return unpack(answer[:, : math.prod(grid)], grid)

    def _tokens(self, x: Tensor) -> Tensor:
        """Return what the network takes for ``x`` (b, c, h, w): (b, tokens, channels).

        What it is shown besides stands behind, among the tokens or among their channels.
        """
        return pack(x)

    @abstractmethod
    def _ask_tokens(
        self, tokens: Tensor, times: Tensor, text: Conditioning, *, grid: tuple[int, int]
    ) -> Tensor:
        """Return the answer to ``tokens``, those of the latents first; the rest as in ``_ask``."""
