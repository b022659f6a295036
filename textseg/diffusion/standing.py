"""Tokens of networks that put the cells of each row right behind what is there of its own text.

In a batch of texts of different lengths no token stands at the same place in all rows. Controls of
attention are shown them as they stand for others: text first, filled up to one length, then cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from textseg.diffusion.layers import Layer


def lined_up(values: Tensor, layer: Layer) -> Tensor:
    """Return the tokens (b, heads, n, d) of a call, in line in all rows."""
    at, lengths, tokens = _counted(layer.keys, layer, values)
    return _taken(
        values, torch.where(at < tokens, at.clamp(max=lengths - 1), at - tokens + lengths)
    )


def filling(layer: Layer, like: Tensor) -> Tensor:
    """Return what keeps all from looking at what fills up: a bias (b, 1, 1, keys)."""
    at, lengths, tokens = _counted(layer.keys, layer, like)
    fills = (at >= lengths) & (at < tokens)
    return torch.zeros(fills.shape, device=like.device).masked_fill(fills, -math.inf)[:, None, None]


def as_they_came(values: Tensor, layer: Layer) -> Tensor:
    """Return what a layer gives to tokens in line, (b, heads, queries, d), as it is asked for."""
    at, lengths, tokens = _counted(layer.asked[0], layer, values)
    places = torch.where(at < lengths, at, at - lengths + tokens)
    return _taken(values, places.clamp(max=layer.queries - 1))


def _counted(tokens: int, layer: Layer, like: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return all of so many places, the lengths (b, 1) of the texts, and that of a filled one."""
    assert layer.text is not None
    lengths = torch.tensor(layer.lengths, device=like.device)
    return torch.arange(tokens, device=like.device), lengths[:, None], int(layer.text.stop)


def _taken(values: Tensor, places: Tensor) -> Tensor:
    return values.take_along_dim(places[:, None, :, None], 2)
