"""Which tokens of two prompts belong together, whatever the tokenizer made of their words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from textseg.diffusion.model import Conditioning
from textseg.errors import UnsupportedError


@dataclass(frozen=True, eq=False)
class Aligned:
    """How the tokens of a source prompt stand for those of a target prompt.

    Attributes:
        given: (source tokens, target tokens), the share of each source token's attention that goes
            to each target token; zero in the columns of target tokens without a counterpart.
        known: (target tokens,) bool, which have a counterpart.
        new: (target tokens,) bool, which belong to words that the source does not have.
    """

    given: Tensor
    known: Tensor
    new: Tensor


@dataclass(frozen=True)
class _Run:
    """Tokens next to one another that make up one word, or that belong to none ("")."""

    word: str
    tokens: tuple[int, ...]


def aligned(source: Conditioning, target: Conditioning) -> Aligned:
    """Return how the tokens of two prompts (batches of one) belong together.

    Words are compared without their case. As many words that replace as many others stand in their
    places; a word of several tokens shares its attention among those of the other. Begin, end and
    padding stand for their like, in their order. Raises ``UnsupportedError`` where the tokenizer
    cannot tell the words.
    """
    old, made = _runs(source), _runs(target)
    given = torch.zeros(source.embeddings.shape[1], target.embeddings.shape[1])
    new = torch.zeros(len(given[0]), dtype=torch.bool)
    matcher = difflib.SequenceMatcher(
        None, [run.word for run in old], [run.word for run in made], autojunk=False
    )
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            new[[token for run in made[c:d] if run.word for token in run.tokens]] = True
        if b - a == d - c:
            for before, after in zip(old[a:b], made[c:d], strict=True):
                for one, other, share in _pairs(before, after):
                    given[one, other] = share
    return Aligned(given, given.any(0), new)


def _runs(text: Conditioning) -> list[_Run]:
    (prompt,), (labels,) = text.prompts, text.words
    if not labels:
        raise UnsupportedError(
            f"the tokenizer does not tell which tokens are which words of {prompt!r}",
            hint="load the model with a fast tokenizer",
        )
    words = prompt.lower().split()
    return [
        _Run("" if label is None else words[label], tuple(tokens))
        for label, tokens in groupby(range(len(labels)), key=lambda token: labels[token])
    ]


def _pairs(before: _Run, after: _Run) -> Iterator[tuple[int, int, float]]:
    plain: Sequence[tuple[int, int]] = list(zip(before.tokens, after.tokens, strict=False))
    if len(before.tokens) == len(after.tokens) or not (before.word and after.word):
        yield from ((one, other, 1.0) for one, other in plain)
        return
    for one in before.tokens:
        yield from ((one, other, 1 / len(after.tokens)) for other in after.tokens)
