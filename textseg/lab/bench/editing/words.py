"""Which words of a prompt become which, where a benchmark gives two prompts."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PhraseChange:
    """What should become what, in words; see `EditTask` for the empty ones."""

    query: str
    target: str


def change_between(source: str, target: str, *, blended: str = "") -> PhraseChange:
    """Return which phrase of one prompt becomes which phrase of another.

    The first rule that applies decides:

    1. `blended` has two words or more (PIE-Bench: the word to be edited in the source and in the
       target, which is often the same): the first and the second.
    2. Either prompt marks words with [brackets]: all marked words of each; a prompt without marks
       gives "".
    3. Otherwise the words that are left when those both prompts begin with and those both end with
       are taken away. Case and punctuation do not count as differences.

    >>> change_between("a [red] car", "a [blue] car", blended="car car")
    PhraseChange(query='car', target='car')
    >>> change_between("a cat on grass", "a cat [with a hat] on grass")
    PhraseChange(query='', target='with a hat')
    >>> change_between("a cat on grass", "a small dog on grass")
    PhraseChange(query='cat', target='small dog')
    """
    words = blended.split()
    if len(words) >= 2:
        return PhraseChange(words[0], words[1])
    marked = _marked(source), _marked(target)
    if any(marked):
        return PhraseChange(*marked)
    return _difference(source.split(), target.split())


def without_marks(prompt: str) -> str:
    """Return a prompt without the [brackets] that mark words, as PIE-Bench feeds it to models.

    >>> without_marks("a slanted [rusty] bicycle")
    'a slanted rusty bicycle'
    """
    return prompt.replace("[", "").replace("]", "")


def _marked(prompt: str) -> str:
    pieces = [piece.partition("]") for piece in prompt.split("[")[1:]]
    return " ".join(inside.strip() for inside, closed, _ in pieces if closed and inside.strip())


def _difference(source: Sequence[str], target: Sequence[str]) -> PhraseChange:
    start = _shared(source, target)
    end = _shared(source[start:][::-1], target[start:][::-1])
    phrases = (words[start : len(words) - end] for words in (source, target))
    return PhraseChange(*(" ".join(phrase).strip(string.punctuation) for phrase in phrases))


def _shared(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many words two texts have in common from their start on."""
    same = [_bare(a) == _bare(b) for a, b in zip(first, second, strict=False)]
    return [*same, False].index(False)


def _bare(word: str) -> str:
    return word.strip(string.punctuation).lower()
