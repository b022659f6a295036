"""Grounding: the renderer's truth teaches the denoiser where words belong.

The renderer knows where every thing is. While the denoiser trains, its cross-attention gets two
losses and its prediction one; the shipped network is a stock one.

- `grounding_loss`, token-level grounding after TokenCompose (arXiv:2312.03626): in each cell,
  attention goes to the words that name what is visible there, and to the start token where nothing
  named is visible. The start token comes first in a causal text encoder, so what it says does not
  depend on the text: a cell that looks at it treats the query like the empty prompt. Differs from
  the paper: one cross-entropy against the share of the cell that each phrase covers, instead of a
  token loss plus a pixel loss.
- `contrast_loss`, word-region contrast over the batch after RegionCLIP (arXiv:2112.09106): the mean
  query vector of a thing's cells against the key vectors of all phrases of the batch. Captions are
  true, so within one picture there is little to tell wrong words from right ones; without this loss
  attention stays undecided between the things of a picture for very long.
- `locality_loss`: what a caption changes, against no caption, where nothing it names is visible. In
  the units of the diffusion loss: as a share of the whole change it outweighed that loss wherever
  the change was small.

Strong noise weakens all three: a cell cannot know yet what it will be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

_NOWHERE = -1e4
"""Logit of what is not there, low enough to count for nothing beside any other."""


@dataclass(frozen=True)
class LayerRecord:
    """What one cross-attention layer did.

    Attributes:
        attention: probabilities averaged over heads, (b, cells, tokens); the cells are those of
            the latents, or of the latents made smaller by a power of two, row by row.
        query: (b, cells, d), all heads side by side.
        key: (b, tokens, d), all heads side by side.
        scale: makes query . key the attention logit averaged over heads.
    """

    attention: Tensor
    query: Tensor
    key: Tensor
    scale: float


@dataclass(frozen=True)
class Regions:
    """The things and the phrases of a batch, and which of them match.

    There are places for as many as may be; shapes do not depend on how many there are.

    Attributes:
        coverage: (b, things, h, w) the visible share of each cell.
        token: (b, phrases) position of each phrase's noun; it has read the words before it.
        match: (b, things, b, phrases) bool, whether the phrase is true of the thing; false where
            there is no such thing or phrase.
        thing: (b, things) bool, the places that hold a thing.
        phrase: (b, phrases) bool, the places that hold a phrase.
    """

    coverage: Tensor
    token: Tensor
    match: Tensor
    thing: Tensor
    phrase: Tensor


class _RecordingProcessor:
    """Attention written out, so that its inner values can be kept."""

    def __init__(self, record: list[LayerRecord]) -> None:
        self._record = record

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: None = None,
    ) -> Tensor:
        query, key = attn.to_q(hidden_states), attn.to_k(encoder_hidden_states)
        value = attn.head_to_batch_dim(attn.to_v(encoder_hidden_states))
        logits = attn.head_to_batch_dim(query) @ attn.head_to_batch_dim(key).transpose(1, 2)
        probabilities = torch.softmax(logits.float() * attn.scale, -1)
        per_head = probabilities.unflatten(0, (-1, attn.heads))  # (b, heads, cells, tokens)
        self._record.append(LayerRecord(per_head.mean(1), query, key, attn.scale / attn.heads))
        mixed = attn.batch_to_head_dim(probabilities.to(value.dtype) @ value)
        return torch.as_tensor(attn.to_out[1](attn.to_out[0](mixed)))


@contextmanager
def recorded_attention(unet: UNet2DConditionModel) -> Iterator[list[LayerRecord]]:
    """Yield a list that fills with one record a cross-attention layer and forward pass."""
    before = unet.attn_processors
    record: list[LayerRecord] = []
    cross = _RecordingProcessor(record)
    unet.set_attn_processor({k: cross if "attn2" in k else p for k, p in before.items()})
    try:
        yield record
    finally:
        unet.set_attn_processor(before)


def grounding_loss(maps: Sequence[Tensor], target: Tensor, words: Tensor, weight: Tensor) -> Tensor:
    """Return the mean cross-entropy between attention and where the named things are.

    Args:
        maps: attention maps (b, cells, tokens) of any resolution.
        target: (b, groups, h, w) share of each cell that belongs to each group; sums to 1 over
            groups.
        words: (b, groups, tokens) 1 where a token belongs to the group, else 0.
        weight: (b,) weight of each picture.
    """
    losses = []
    for attention in maps:
        share = adaptive_avg_pool2d(target, _grid(attention, target)).flatten(
            2
        )  # (b, groups, cells)
        mass = torch.einsum("bct,bgt->bgc", attention, words)
        entropy = -(share * (mass + 1e-4).log()).sum(1).mean(1)  # (b,)
        losses.append((entropy * weight).mean())
    return torch.stack(losses).mean()


def contrast_loss(layers: Sequence[LayerRecord], regions: Regions, weight: Tensor) -> Tensor:
    """Return how badly things pick their phrases, and phrases their things, from the whole batch.

    Args:
        layers: records of the cross-attention layers, at least one.
        regions: the batch's things and phrases; without a pair that matches the loss is 0.
        weight: (b,) weight of each picture.
    """
    things, phrases = regions.thing.numel(), regions.phrase.numel()
    match = regions.match.reshape(things, phrases)
    there = regions.thing.reshape(-1, 1) & regions.phrase.reshape(1, -1)
    losses = []
    for layer in layers:
        logits = _logits(layer, regions).masked_fill(~there, _NOWHERE)  # (things, phrases)
        right = logits.masked_fill(~match, _NOWHERE)
        for axis, places in ((1, regions.thing), (0, regions.phrase)):
            matched = match.any(axis).float()
            worse = (logits.logsumexp(axis) - right.logsumexp(axis)) * matched
            each = weight.repeat_interleave(places.shape[1])
            losses.append((worse * each).sum() / matched.sum().clamp(min=1))
    return 2 * torch.stack(losses).mean()


def locality_loss(predicted: Tensor, reference: Tensor, rest: Tensor, weight: Tensor) -> Tensor:
    """Return the mean square of what the captions change outside of what they name.

    Args:
        predicted: (b, c, h, w) with the captions.
        reference: (b, c, h, w) of the same noised latents without.
        rest: (b, h, w) share of each cell that shows nothing named.
        weight: (b,) weight of each picture.
    """
    change = (predicted.float() - reference.float()).square().mean(1)
    return ((change * rest).mean((1, 2)) * weight).mean()


def _logits(layer: LayerRecord, regions: Regions) -> Tensor:
    share = adaptive_avg_pool2d(regions.coverage, _grid(layer.query, regions.coverage)).flatten(2)
    share = share / share.sum(-1, keepdim=True).clamp(min=1e-6)
    thing = (share @ layer.query.float()).flatten(0, 1)  # (places of things, d)
    at = regions.token[..., None].expand(-1, -1, layer.key.shape[-1])
    phrase = layer.key.float().gather(1, at).flatten(0, 1)  # (places of phrases, d)
    return torch.as_tensor(layer.scale * thing @ phrase.T)


def _grid(cells_second: Tensor, latents: Tensor) -> tuple[int, int]:
    """Return rows and columns of a layer's cells, which have the shape of the latents'."""
    rows, columns = latents.shape[-2:]
    smaller = (rows * columns / cells_second.shape[1]) ** 0.5
    return round(rows / smaller), round(columns / smaller)
