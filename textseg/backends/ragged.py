"""Prompts of different lengths: side by side with a mask, and without the padding that is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from textseg.diffusion.model import Conditioning

Ask = Callable[[Tensor, Tensor, Conditioning], Tensor]
"""``LatentModel._ask``: what the network sees, the times and the text -> its answer."""


def side_by_side(prompts: Sequence[str], rows: Sequence[Tensor]) -> Conditioning:
    """Return prompts whose tokens (tokens, dim) are not equally many; a mask leaves out padding."""
    there = [torch.ones(len(row), dtype=torch.bool, device=row.device) for row in rows]
    return Conditioning(
        tuple(prompts),
        pad_sequence(list(rows), batch_first=True),
        mask=pad_sequence(there, batch_first=True),
    )


def without_padding(prompts: Sequence[str], states: Tensor, mask: Tensor) -> Conditioning:
    """Return prompts (n, tokens, dim) cut to the longest of them.

    ``mask`` (n, tokens) is true, or not 0, from the first token to the last one that is there.
    """
    longest = int(mask.bool().sum(1).max())
    return Conditioning(tuple(prompts), states[:, :longest], mask=mask[:, :longest].bool())


def ask_by_length(ask: Ask, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
    """Return the answers of a network that would read padding: one call for each length.

    ``text`` has a mask; its rows are cut to what is there, so that ``ask`` needs none.
    """
    assert text.mask is not None
    lengths, found = text.mask.sum(1), torch.empty_like(x)
    for length in lengths.unique().tolist():
        rows = (lengths == length).nonzero().flatten()
        some = text[rows.tolist()]
        cut = replace(some, embeddings=some.embeddings[:, :length], mask=None, words=())
        found[rows] = ask(x[rows], times[rows], cut)
    return found
