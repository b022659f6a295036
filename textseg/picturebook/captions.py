"""Captions of picture-book scenes: random subsets of what is there, at several levels of detail.

A caption names some of the things, each with or without its colour and its place, and sometimes
the setting. That a caption may leave out anything is what makes a query for a single thing
meaningful to a model trained on them: "house" says that there is a house, and no more.

Every phrase keeps the words it stands at and what it means, so that training can relate words to
places in the picture.

`caption` is version 1. `related_caption`, version 2, also says what is left or right of what, and
is careful where a word means several things: "the house" is the only one. `HELD_OUT_PHRASINGS` are
for benchmarks: neither says them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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

RELATIONS = ("left of", "right of")
"""How a caption says where one thing stands to another."""

RELATION_MARGIN = 0.12
"""Distance of the centres, as a share of the width, from which on one thing is beside another."""

HELD_OUT_PHRASINGS = ("a {noun} in {color}", "the {noun} is {color}", "the {color} {noun} there")
"""Ways to name a thing in known words that no caption uses, of either version."""

_RELATED_SHARE = 0.2  # of the phrases, as far as something stands beside
_OPENINGS = ("", "", "", "a picture of", "there is", "we see")
_ARTICLES = ("a", "a", "the", "")


@dataclass(frozen=True)
class CaptionPhrase:
    """Words of a caption that name things.

    Attributes:
        words: first word and one past the last, counted in the caption.
        kind: a name of `KINDS`.
        color: a name of `COLORS`, or None where the caption does not say.
        place: a name of `PLACES`, or None.
        beside: columns (first, last) between which the centre lies, by what is said of another
            thing of the same picture.
    """

    words: tuple[int, int]
    kind: str
    color: str | None
    place: str | None
    beside: tuple[float, float] | None = None

    def means(self, kind: str, color: str, column: float) -> bool:
        """Tell whether such a thing of the caption's own picture is meant.

        Args:
            kind: a name of `KINDS`.
            color: a name of `COLORS`.
            column: its centre, as a share of the width.
        """
        if self.beside is not None and not self.beside[0] <= column <= self.beside[1]:
            return False
        return self.fits(kind, color, column)

    def fits(self, kind: str, color: str, column: float) -> bool:
        """Tell whether the words fit a thing of any picture, whatever stands beside it there."""
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
        shares: phrases that mean the same thing share it; otherwise the first one has it.
    """

    words: tuple[str, ...]
    phrases: tuple[CaptionPhrase, ...] = ()
    setting: tuple[int, int] | None = None
    shares: bool = False

    @property
    def text(self) -> str:
        """The caption as it is read."""
        return " ".join(self.words)


Described = tuple[str, str, float]
"""A thing as captions know it: kind, colour, and column as a share of the width."""


Teller = Callable[
    [list[str], Sequence[Described], int, set[int], np.random.Generator], list[CaptionPhrase]
]
"""Appends the words for a thing to a caption, and adds what it tells of to what was said."""


def caption(things: Sequence[Described], setting: str, rng: np.random.Generator) -> Caption:
    """Return a random caption of version 1.

    Args:
        things: (kind, colour, column as a share of the width) of each thing; may be none.
        setting: a name of `SETTINGS`.
        rng: decides which things are named, in which order and with how much detail.
    """
    return _composed(things, setting, rng, _alone)


def related_caption(things: Sequence[Described], setting: str, rng: np.random.Generator) -> Caption:
    """Return a random caption of version 2; arguments as for `caption`."""
    return replace(_composed(things, setting, rng, _perhaps_related), shares=True)


def _composed(
    things: Sequence[Described], setting: str, rng: np.random.Generator, tell: Teller
) -> Caption:
    """Return an opening, some of the things and perhaps the setting."""
    named = _subset(len(things), rng)
    says_setting = rng.random() < (0.3 if named else 1.0)
    words: list[str] = _pick(_OPENINGS, rng).split()
    joiner = [] if rng.random() < 0.15 else ["and"]
    phrases: list[CaptionPhrase] = []
    said: set[int] = set()
    for index in named:
        if index not in said:
            words += joiner if phrases else []
            phrases += tell(words, things, index, said, rng)
    span = None
    if says_setting:
        start = len(words)
        words += _pick(SETTING_PHRASES[setting], rng).split()
        span = (start, len(words))
    return Caption(tuple(words), tuple(phrases), span)


def _alone(
    words: list[str],
    things: Sequence[Described],
    index: int,
    said: set[int],
    rng: np.random.Generator,
) -> list[CaptionPhrase]:
    """Append a thing and nothing about others."""
    said.add(index)
    return [_name(words, things[index], rng)]


def _perhaps_related(
    words: list[str],
    things: Sequence[Described],
    index: int,
    said: set[int],
    rng: np.random.Generator,
) -> list[CaptionPhrase]:
    """Append a thing, now and then with another one that it stands beside."""
    said.add(index)
    others = [i for i in _beside(things, index) if i not in said]
    if not others or rng.random() >= _RELATED_SHARE:
        return [_name_carefully(words, things, index, rng)]
    other = others[int(rng.integers(len(others)))]
    said.add(other)
    return _relate(words, things, (index, other), rng)


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _subset(count: int, rng: np.random.Generator) -> list[int]:
    """Which things are named: often one alone, sometimes all, rarely none."""
    draw = rng.random()
    if draw < 0.04 or count == 0:
        return []
    size = 1 if draw < 0.5 else int(rng.integers(1, count + 1))
    return [int(i) for i in rng.permutation(count)[:size]]


def _name(
    words: list[str], thing: Described, rng: np.random.Generator, *, placed: bool = True
) -> CaptionPhrase:
    """Append a thing's words to the caption; with its place only where that may be `placed`."""
    kind, color, column = thing
    says_color, says_place = rng.random() < 0.55, placed and rng.random() < 0.12
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
    return CaptionPhrase(
        (start, end), kind, color if says_color else None, place if says_place else None
    )


def _beside(things: Sequence[Described], index: int) -> list[int]:
    """Return the numbers of the things that are clearly left or right of a thing."""
    column = things[index][2]
    return [i for i, thing in enumerate(things) if abs(thing[2] - column) > RELATION_MARGIN]


def _relate(
    words: list[str], things: Sequence[Described], pair: tuple[int, int], rng: np.random.Generator
) -> list[CaptionPhrase]:
    """Append "a house left of a tree"; each phrase means all things of which that is true."""
    first, second = pair
    left = things[first][2] < things[second][2]
    one = _name_carefully(words, things, first, rng, placed=False)
    words += RELATIONS[0 if left else 1].split()
    two = _name_carefully(words, things, second, rng, placed=False)
    if not left:
        one, two = two, one
    ones, twos = ([thing[2] for thing in things if p.means(*thing)] for p in (one, two))
    one = replace(one, beside=(0.0, max(twos) - RELATION_MARGIN))
    two = replace(two, beside=(min(ones) + RELATION_MARGIN, 1.0))
    return [one, two] if left else [two, one]


def _name_carefully(
    words: list[str],
    things: Sequence[Described],
    index: int,
    rng: np.random.Generator,
    *,
    placed: bool = True,
) -> CaptionPhrase:
    """Append a thing's words to the caption, with "the" only where they mean no other."""
    start = len(words)
    phrase = _name(words, things[index], rng, placed=placed)
    if words[start] == "the" and sum(phrase.means(*thing) for thing in things) > 1:
        words[start] = "an" if words[start + 1][0] in "aeiou" else "a"
    return phrase


@cache
def known_words() -> frozenset[str]:
    """Return every word that captions use: what the embedded model can know."""
    words = set(COLORS) | set(KINDS) | {"and", "a", "an", "the"}
    for group in (*SYNONYMS.values(), *SETTING_PHRASES.values(), _OPENINGS, tuple(PLACES)):
        words |= {word for text in group for word in text.split()}
    return frozenset(words)
