"""The embedded model's tokenizer: byte pairs merged until each known word is one token."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from textseg.picturebook.captions import known_words

START, END = "<|startoftext|>", "<|endoftext|>"
MAX_TOKENS = 24
"""Length of a tokenised caption, start and end included."""

Pair = tuple[str, str]


def new_tokenizer() -> CLIPTokenizer:
    """Return CLIP's tokenizer with byte pairs merged until every known word is a single token.

    Words it was not built for fall into smaller pieces, down to single bytes: any text can be
    read.
    """
    alphabet = sorted(ByteLevel.alphabet())
    merges = list(_merges())
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    tokens += [left + right for left, right in merges] + [START, END]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    pairs: Any = merges  # declared as list[str]; the library behind it takes pairs, not lines
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=MAX_TOKENS)


@cache
def _merges() -> tuple[Pair, ...]:
    """Byte-pair encoding (arXiv:1508.07909, section 3.2) of the known words, to the end.

    Ties go to the pair that comes first in the alphabet: token numbers must be the same in every
    process, which a library's trainer does not promise.
    """
    words = [[*word[:-1], word[-1] + "</w>"] for word in sorted(known_words())]
    merges: list[Pair] = []
    while pairs := Counter(pair for word in words for pair in pairwise(word)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = [_merged(word, best) for word in words]
    return tuple(merges)


def _merged(word: list[str], pair: Pair) -> list[str]:
    found: list[str] = []
    for piece in word:
        if found and (found[-1], piece) == pair:
            found[-1] += piece
        else:
            found.append(piece)
    return found
