"""Token-level grounding of cross-attention (TokenCompose, arXiv:2312.03626, section 3.2; adapted).

The renderer knows where every named thing is. While the denoiser trains, its cross-attention is
asked to look, in each cell, at the words that name what is visible there, and at the start token
where nothing named is visible. The start token comes first in a causal text encoder, so what it
says does not depend on the text: a cell that looks at it treats the query like the empty prompt.
This needs truth only in training; the shipped network is a stock one.

Differs from the paper: one loss, the cross-entropy of the attention averaged over heads against
the share of the cell that each phrase covers, instead of its token loss plus pixel loss; and noise
weakens it, because in strong noise a cell cannot know yet what it will be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d


class _RecordingProcessor:
    """Attention written out, so that its probabilities can be kept."""

    def __init__(self, record: list[Tensor]) -> None:
        self._record = record

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: None = None,
    ) -> Tensor:
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))
        key = attn.head_to_batch_dim(attn.to_k(encoder_hidden_states))
        value = attn.head_to_batch_dim(attn.to_v(encoder_hidden_states))
        probabilities = torch.softmax((query @ key.transpose(1, 2)).float() * attn.scale, -1)
        per_head = probabilities.unflatten(0, (-1, attn.heads))  # (b, heads, cells, tokens)
        self._record.append(per_head.mean(1))
        mixed = attn.batch_to_head_dim(probabilities.to(value.dtype) @ value)
        return torch.as_tensor(attn.to_out[1](attn.to_out[0](mixed)))


@contextmanager
def recorded_attention(unet: UNet2DConditionModel) -> Iterator[list[Tensor]]:
    """Yields a list that fills with attention maps (b, cells, tokens), one a layer and pass."""
    before = unet.attn_processors
    record: list[Tensor] = []
    cross = _RecordingProcessor(record)
    unet.set_attn_processor({k: cross if "attn2" in k else p for k, p in before.items()})
    try:
        yield record
    finally:
        unet.set_attn_processor(before)


def grounding_loss(maps: Sequence[Tensor], target: Tensor, words: Tensor, weight: Tensor) -> Tensor:
    """Returns the mean cross-entropy between attention and where the named things are.

    Args:
        maps: attention maps (b, cells, tokens), square grids of any size.
        target: (b, groups, h, w) share of each cell that belongs to each group; sums to 1 over
            groups.
        words: (b, groups, tokens) 1 where a token belongs to the group, else 0.
        weight: (b,) weight of each picture.
    """
    losses = []
    for attention in maps:
        side = round(attention.shape[1] ** 0.5)
        share = adaptive_avg_pool2d(target, side).flatten(2)  # (b, groups, cells)
        mass = torch.einsum("bct,bgt->bgc", attention, words)
        entropy = -(share * (mass + 1e-4).log()).sum(1).mean(1)  # (b,)
        losses.append((entropy * weight).mean())
    return torch.stack(losses).mean()
