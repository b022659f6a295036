"""The words of prompts: where they stand, which a model has never read, and what to say then."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from difflib import get_close_matches

from textseg.diffusion.card import Language

WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")  # words, and single signs such as emoji
SIGNS = "$+<=>^`|~"  # those of ASCII that Unicode does not count as punctuation
TOLD_WORDS, LONGEST_WORD = 5, 40  # of a text that may be a page long
_PLURALS = (("s", ""), ("es", ""), ("ies", "y"))
NEAR = 0.75  # of 1 for the same word; below, suggestions are none ("room" for "mushrooms")
SHORTEST = 3  # letters of a suggestion: no "at" for "cat"


def word_at(prompt: str, start: int, end: int) -> int | None:
    """Return which word of ``prompt.split()`` the characters from ``start`` to ``end`` belong to.

    None where there is none: between words, or no characters at all.

    >>> word_at("a red house", 2, 5), word_at("a red house", 1, 2)
    (1, None)
    """
    spans = (word.span() for word in re.finditer(r"\S+", prompt))
    return next((k for k, (a, b) in enumerate(spans) if a < end and start < b), None)


def unknown_words(prompt: str, known: AbstractSet[str]) -> tuple[str, ...]:
    """Return the words of a prompt that are not among the ``known`` ones, each once, in lower case.

    Punctuation is no word; emoji are.
    """
    words = dict.fromkeys(WORDS.findall(prompt.lower()))
    return tuple(word for word in words if word not in known and not _is_sign(word))


def in_singular(prompt: str, known: AbstractSet[str]) -> str:
    """Return a prompt with words in the singular where only that is ``known``.

    >>> in_singular("two red houses, bushes", {"house", "red", "bush"})
    'two red house, bush'
    """
    return WORDS.sub(lambda found: _singular(found[0], known), prompt)


def _singular(word: str, known: AbstractSet[str]) -> str:
    if word.lower() in known or len(word) <= len("as"):
        return word
    forms = ((word.removesuffix(end) + put) for end, put in _PLURALS if word.lower().endswith(end))
    return next((form for form in forms if form.lower() in known), word)


def unknown_note(words: Sequence[str], known: AbstractSet[str]) -> str:
    """Return the remark on unknown words, each with the known one that looks like it, if any."""
    told = ", ".join(_with_near(word, known) for word in words[:TOLD_WORDS])
    more = len(words) - TOLD_WORDS
    return f"this model does not know {told}" + (f" and {more} more" if more > 0 else "")


def words_hint(language: Language) -> str:
    """Return what to do about unknown words: which ones a model of a closed vocabulary knows."""
    return (
        f"say it in words that it knows: {', '.join(sorted(language.words))}; for all else choose "
        "another model (`textseg models` lists some)"
        if language.words
        else ""
    )


def _with_near(word: str, known: AbstractSet[str]) -> str:
    suggested = sorted(each for each in known if len(each) >= SHORTEST)
    near = get_close_matches(word, suggested, n=1, cutoff=NEAR)
    shown = word if len(word) <= LONGEST_WORD else f"{word[: LONGEST_WORD - 1]}…"
    return f"{shown!r} (did you mean {near[0]!r}?)" if near else repr(shown)


def _is_sign(word: str) -> bool:
    return word in SIGNS or unicodedata.category(word[0]).startswith("P")
