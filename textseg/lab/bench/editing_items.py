"""What a benchmark of edits asks, and what an editor answers."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class EditItem:
    """One edit that is asked for.

    Attributes:
        image: (H, W, 3) float32 in [0, 1].
        source_prompt: describes the picture as it is.
        target_prompt: describes the picture as it should become.
        query: the phrase of the source that is to change; "" when something is to be added.
        target: what it should become; "" when it is to be removed.
        mask: (H, W), true where the picture may change; None when the editor has to find out.
        seed: for whatever the editor draws.
    """

    image: NDArray[np.float32]
    source_prompt: str
    target_prompt: str
    query: str
    target: str
    mask: NDArray[np.bool_] | None
    seed: int


@dataclass(frozen=True, eq=False)
class EditedPicture:
    """The answer to one item.

    Attributes:
        rgb: (H, W, 3) float32 in [0, 1], of the size that came in.
        evaluations: rows that went through the denoising network.
        seconds: how long it took, without loading.
    """

    rgb: NDArray[np.float32]
    evaluations: int
    seconds: float


Editor = Callable[[EditItem], EditedPicture]
"""Edits one picture.

An editor that declines, because it finds nothing to change, hands the picture back as it came, so
that this counts. An item whose editor raises is listed as a problem and is in no mean.
"""

Captioner = Callable[[NDArray[np.float32]], str]
"""Describes a picture (H, W, 3) in [0, 1]."""


@dataclass(frozen=True)
class PhraseChange:
    """What should become what, in words; see `EditItem` for the empty ones."""

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
