"""Captions of picture-book scenes: random subsets of what is there, at several levels of detail.

A caption names some of the things, each with or without its colour and its place, and sometimes
the setting. That a caption may leave out anything is what makes a query for a single thing
meaningful to a model trained on them: "house" says that there is a house, and no more.

Every phrase keeps the words it stands at and what it means, so that training can relate words to
places in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from textseg.picturebook.shapes import COLORS, KINDS

SYNONYMS: dict[str, tuple[str, ...]] = {
    "house": ("house", "house", "home"),
    "boat": ("boat", "boat", "ship"),
    "car": ("car", "car", "automobile"),
    "mushroom": ("mushroom", "mushroom", "toadstool"),
}
"""Words for a kind, repeated for how often; a kind that is missing has its own name only."""

SETTING_PHRASES: dict[str, tuple[str, ...]] = {
    "meadow": ("on a meadow", "in the grass"),
    "beach": ("on the beach", "on the sand"),
    "snow": ("in the snow",),
    "sea": ("on the sea", "on the water"),
    "night": ("at night", "in the dark"),
    "room": ("in a room", "indoors"),
}
"""What a caption says of a setting."""

PLACES: dict[str, tuple[float, float]] = {
    "on the left": (0.0, 0.36),
    "in the middle": (0.36, 0.64),
    "on the right": (0.64, 1.0),
}
"""Place words -> range of columns (as shares of the width) in which a thing's centre lies."""

_OPENINGS = ("", "", "", "a picture of", "there is", "we see")
_ARTICLES = ("a", "a", "the", "")


@dataclass(frozen=True)
class Phrase:
    """Words of a caption that name things.

    Attributes:
        words: first word and one past the last, counted in the caption.
        kind: a name of `KINDS`.
        color: a name of `COLORS`, or None where the caption does not say.
        place: a name of `PLACES`, or None.
    """

    words: tuple[int, int]
    kind: str
    color: str | None
    place: str | None

    def means(self, kind: str, color: str, column: float) -> bool:
        """Tells whether such a thing, its centre at `column` (share of the width), is meant."""
        if kind != self.kind or (self.color is not None and color != self.color):
            return False
        return self.place is None or PLACES[self.place][0] <= column < PLACES[self.place][1]


@dataclass(frozen=True)
class Caption:
    """A text and what its words stand for.

    Attributes:
        words: the words; `text` joins them.
        phrases: the things it names.
        setting: words that name the setting (first, one past the last), or None.
    """

    words: tuple[str, ...]
    phrases: tuple[Phrase, ...] = ()
    setting: tuple[int, int] | None = None

    @property
    def text(self) -> str:
        """The caption as it is read."""
        return " ".join(self.words)


def caption(
    things: Sequence[tuple[str, str, float]], setting: str, rng: np.random.Generator
) -> Caption:
    """Returns a random caption.

    Args:
        things: (kind, colour, column as a share of the width) of each thing; may be none.
        setting: a name of `SETTINGS`.
        rng: decides which things are named, in which order and with how much detail.
    """
    named = _subset(len(things), rng)
    says_setting = rng.random() < (0.3 if named else 1.0)
    words: list[str] = _pick(_OPENINGS, rng).split()
    phrases: list[Phrase] = []
    joiner = [] if rng.random() < 0.15 else ["and"]
    for position, index in enumerate(named):
        words += joiner if position else []
        phrase = _name(words, things[index], rng)
        phrases.append(phrase)
    span = None
    if says_setting:
        start = len(words)
        words += _pick(SETTING_PHRASES[setting], rng).split()
        span = (start, len(words))
    return Caption(tuple(words), tuple(phrases), span)


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _subset(count: int, rng: np.random.Generator) -> list[int]:
    """Which things are named: often one alone, sometimes all, rarely none."""
    draw = rng.random()
    if draw < 0.04 or count == 0:
        return []
    size = 1 if draw < 0.5 else int(rng.integers(1, count + 1))
    return [int(i) for i in rng.permutation(count)[:size]]


def _name(words: list[str], thing: tuple[str, str, float], rng: np.random.Generator) -> Phrase:
    """Appends a thing's words to the caption."""
    kind, color, column = thing
    says_color, says_place = rng.random() < 0.55, rng.random() < 0.12
    start = len(words)
    article = _pick(_ARTICLES, rng)
    noun = _pick(SYNONYMS.get(kind, (kind,)), rng)
    content = [color, noun] if says_color else [noun]
    if article == "a" and content[0][0] in "aeiou":
        article = "an"
    words += ([article] if article else []) + content
    end = len(words)
    place = next(p for p, (low, high) in PLACES.items() if low <= column < high)
    if says_place:
        words += place.split()
    return Phrase((start, end), kind, color if says_color else None, place if says_place else None)


@cache
def known_words() -> frozenset[str]:
    """Returns every word that captions use: what the embedded model can know."""
    words = set(COLORS) | set(KINDS) | {"and", "a", "an", "the"}
    for group in (*SYNONYMS.values(), *SETTING_PHRASES.values(), _OPENINGS, tuple(PLACES)):
        words |= {word for text in group for word in text.split()}
    return frozenset(words)
