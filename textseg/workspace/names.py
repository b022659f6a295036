"""Names of pictures: which are plain enough to be told, and which are near to what was typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

_TIDY = re.compile(r"\w[\w .()+-]{0,63}")  # letters and digits of all scripts; not hidden, no path
_APART = re.compile(r"[\W_]+")
_ENDING = re.compile(r"\.\w{1,5}$")
_NEAR = 0.75  # of 1 for the same name
_LEAST = 3  # letters that have to be typed for a name to be near because they are in it
_LONGEST = 200  # characters; beyond, no name is near


def is_tidy(name: str) -> bool:
    """Return whether a name without folders is short and plain, so that it may be told."""
    return _TIDY.fullmatch(name) is not None


def tidy_name(name: str) -> str:
    """Return the last component of a name when it is short and plain, otherwise ""."""
    last = name.rpartition("/")[2]
    return last if is_tidy(last) else ""


def near_names(typed: str, names: Iterable[str]) -> list[str]:
    """Return the names that may be meant, the nearest first.

    Case, folders, the ending, and signs between words make no difference.

    >>> near_names("boat one", ["sea.png", "old/Boat_one.PNG", "boat-two.jpg"])
    ['old/Boat_one.PNG', 'boat-two.jpg']
    """
    wanted = _words(typed) if len(typed) <= _LONGEST else ""
    if not wanted:
        return []
    ranked = [(-_likeness(wanted, _words(name)), at, name) for at, name in enumerate(names)]
    return [name for rank, _, name in sorted(ranked) if -rank >= _NEAR]


def meant_names(typed: str, names: Iterable[str]) -> list[str]:
    """Return the names that are the same but for what makes no difference, else the near ones."""
    near = near_names(typed, names)
    return [name for name in near if _words(name) == _words(typed)] or near


def _words(name: str) -> str:
    last = unicodedata.normalize("NFKC", name).casefold().rpartition("/")[2]
    return _APART.sub(" ", _ENDING.sub("", last)).strip()


def _likeness(wanted: str, name: str) -> float:
    if len(wanted) >= _LEAST and f" {wanted} " in f" {name} ":
        return 1.0 if wanted == name else 0.95
    return SequenceMatcher(None, wanted, name).ratio()
