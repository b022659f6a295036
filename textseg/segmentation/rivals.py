"""What might be in the place of a query: the same thing otherwise, or another thing.

A text that is wrong in one respect still explains a picture better than no text, so it is weighed
against texts that would be right instead. Two of them cannot both be true of one thing; which words
those are, a model's card says, else ``EVERYDAY``.
"""

from __future__ import annotations

from collections.abc import Iterable
from string import punctuation

from textseg.diffusion.rivalry import Contrasts

EVERYDAY = Contrasts(
    # One or two things for each of the twelve groups of COCO (arXiv:1405.0312, figure 5), and what
    # grounds and backgrounds are made of (COCO-Stuff, arXiv:1612.03716, figure 1): different in
    # outline and surface, and found in most photographs. Of each the words that may be true along
    # with it, so that an animal is not weighed against a dog. There are more than ``count``, since
    # a query with a wide meaning loses several.
    things=(
        ("person", "man", "woman", "child", "boy", "girl", "people", "human", "face"),
        ("car", "automobile", "vehicle", "taxi", "truck", "van", "bus"),
        ("dog", "puppy", "animal", "pet"),
        ("tree", "plant", "palm", "bush", "oak", "forest"),
        ("house", "building", "home", "hut", "church", "castle", "tower"),
        ("chair", "seat", "furniture", "armchair", "sofa", "bench"),
        ("flower", "plant", "rose", "tulip", "blossom"),
        ("bird", "animal", "duck", "parrot", "chicken"),
        ("water", "sea", "river", "lake", "ocean", "pond"),
        ("bicycle", "vehicle", "bike", "motorcycle"),
        ("table", "furniture", "desk"),
        ("sky", "cloud"),
        ("cup", "mug", "glass", "bowl", "dish", "pot"),
        ("cat", "kitten", "animal", "pet"),
        ("road", "street", "path", "pavement", "floor", "ground"),
        ("fruit", "food", "apple", "banana", "lemon", "pear"),
        ("boat", "vehicle", "ship", "canoe"),
        ("ball", "toy", "football"),
        ("wall", "building", "fence", "brick"),
        ("bag", "suitcase", "backpack", "handbag"),
        ("grass", "plant", "lawn", "meadow", "field", "ground"),
        ("book", "paper", "newspaper"),
        ("horse", "animal", "pony", "donkey"),
        ("phone", "screen", "telephone", "computer", "television"),
    ),
    qualities=(
        # the basic colour terms (B. Berlin and P. Kay, Basic Color Terms, 1969)
        (
            ("black",),
            ("white",),
            ("red",),
            ("green",),
            ("yellow",),
            ("blue",),
            ("brown",),
            ("purple", "violet"),
            ("pink",),
            ("orange",),
            ("grey", "gray"),
        ),
        # what things are usually made of
        (
            ("wooden", "wood"),
            ("metal", "steel", "iron"),
            ("glass",),
            ("plastic",),
            ("stone", "marble", "concrete"),
            ("leather",),
            ("paper", "cardboard"),
            ("woollen", "woolen", "knitted"),
        ),
    ),
    count=16,
)

ENDINGS = frozenset(
    "about above along among and are around at behind below beside between by for from has holding "
    "in inside into is near next of on or outside over that there through to under wearing which "
    "who with without".split()
)
"""Words before which what names the thing ends: "cup of tea", "house on the hill"."""


def rivals_of(query: str, contrasts: Contrasts, *, closed: bool) -> tuple[str, ...]:
    """Return the rivals of a query: each differs from it in one word, or names another thing only.

    Args:
        query: such as "red house".
        contrasts: the words that they are made of.
        closed: whether no other word names a thing. Otherwise the last one before ``ENDINGS`` does.
    """
    words = [word.strip(punctuation) for word in query.split()]
    named = _named(words, contrasts, closed=closed)
    things = [] if named is None else _others(words[named], contrasts.things)[: contrasts.count]
    said = [
        (place, other)
        for place, word in enumerate(words)
        for group in contrasts.qualities
        if place != named and any(_is_one_of(word, meaning) for meaning in group)
        for other in _others(word, group)
    ]
    swaps = [*said, *((named, thing) for thing in things if named is not None)]
    found = [" ".join([*words[:place], word, *words[place + 1 :]]) for place, word in swaps]
    return tuple(dict.fromkeys([*found, *(things if said else [])]))


def _named(words: list[str], contrasts: Contrasts, *, closed: bool) -> int | None:
    """Return the place of the word that says what thing is meant, None where there is none."""
    ends = (place for place, word in enumerate(words) if place and word.lower() in ENDINGS)
    before = range(next(ends, len(words)))
    if not closed:
        return before[-1]
    known = [
        place for place in before if any(_is_one_of(words[place], m) for m in contrasts.things)
    ]
    return known[-1] if known else None


def _others(word: str, group: Iterable[tuple[str, ...]]) -> list[str]:
    return [meaning[0] for meaning in group if not _is_one_of(word, meaning)]


def _is_one_of(word: str, meaning: tuple[str, ...]) -> bool:
    lower = word.lower()
    return bool({lower, lower.removesuffix("s"), lower.removesuffix("es")} & set(meaning))
