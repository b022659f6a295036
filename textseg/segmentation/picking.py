"""Regions of a mask in words: "the left one", "second from the right", "largest" — and back.

Words choose among the connected pieces of a mask that is there already; no model ever sees them.
One region is chosen unless a number says otherwise, equals are decided for the larger one:

* left, right, top, bottom: the region whose centroid lies farthest to that side;
* middle, and two words as in "top left": the region whose centroid is nearest to that point of the
  frame, by the larger of its two distances, each as a share of the side;
* largest, smallest;
* first, second ... last, 3rd: counted from the left, or from another side that is named; "second
  largest"; "first two", "last two from the top", "two largest";
* 1, 2 ...: the numbers of the regions as they are listed, the largest first;
* "all" or nothing: every region.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from textseg.errors import InvalidInputError

REGION_WORDS = (
    "left, right, top, bottom, middle, top left ... bottom right, largest, smallest, "
    "first ... tenth or last (from the left), second from the right, second largest, two largest, "
    "1, 2 ... (the largest is 1), all"
)
LONGEST_SHOWN = 40  # characters of what was not understood that are repeated

ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
COUNTS = "two three four five six seven eight nine ten".split()
SAME = {
    "upper": "top",
    "lower": "bottom",
    "centre": "middle",
    "center": "middle",
    "central": "middle",
    "biggest": "largest",
}
FILLERS = "the one ones most far on in at corner side hand region regions number".split()
OPPOSITES = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
# Where in the frame a word points, (row, col) as shares of the sides; None: any.
PLACES: Mapping[str, tuple[float | None, float | None]] = {
    "left": (None, 0),
    "right": (None, 1),
    "top": (0, None),
    "bottom": (1, None),
    "middle": (0.5, 0.5),
    "top left": (0, 0),
    "top right": (0, 1),
    "top middle": (0, 0.5),
    "bottom left": (1, 0),
    "bottom right": (1, 1),
    "bottom middle": (1, 0.5),
    "middle left": (0.5, 0),
    "middle right": (0.5, 1),
}
Relation = Literal["left of", "right of", "next to", "above", "below", "on"]
RELATIONS: Final[Mapping[str, Relation]] = {
    "left of": "left of",
    "right of": "right of",
    "next to": "next to",
    "beside": "next to",
    "above": "above",
    "over": "above",
    "below": "below",
    "under": "below",
    "on": "on",
    "on top of": "on",
    "onto": "on",
}
"""What is said of where a thing is to be -> the relation that is meant."""
_SIDE_OF = re.compile(r"\b(left|right)(?:[- ]hand)? side of\b", re.IGNORECASE)
_BESIDE = re.compile(
    rf"(?:(?:to|on|at) )?(?:the )?(?P<words>{'|'.join(sorted(RELATIONS, key=len, reverse=True))})"
    r" (?:(?:the|an?) )?(?P<thing>.+)",
    re.IGNORECASE,
)
_SIDE = "left|right|top|bottom|middle"
_SAID = re.compile(
    rf"((?P<ordinal>{'|'.join(ORDINALS)}|\d{{1,6}}(st|nd|rd|th)) )?((?P<last>last) )?"
    rf"((?P<count>{'|'.join(COUNTS)}) )?"
    rf"((from )?(?P<where>({_SIDE})( ({_SIDE}))?|largest|smallest) )?",
    re.ASCII,
)


@dataclass(frozen=True)
class Region:
    """A connected piece of a mask: ``box`` is (left, top, right, bottom) in pixels, end exclusive.

    ``area`` counts pixels, ``centroid`` is (row, col), ``score`` is the mean of the soft mask
    inside.
    """

    box: tuple[int, int, int, int]
    area: int
    centroid: tuple[float, float]
    score: float


@dataclass(frozen=True)
class RegionWords:
    """Which regions are meant: ``count`` of them from number ``first`` on, in some order.

    Attributes:
        order: "listed", "largest", "smallest" or a place: those nearest to it come first.
        first: 1 is the first in that order.
        count: how many; ``None`` for all.
    """

    order: str
    first: int = 1
    count: int | None = 1


def pick_regions(regions: Sequence[Region], words: str, size: tuple[int, int]) -> list[int]:
    """Return the indices of the regions that the words name, in the order that they imply.

    Args:
        regions: those of one mask, the largest first.
        words: see the top of this file.
        size: (H, W) of the picture.

    Raises:
        InvalidInputError: the words cannot be understood; what can be said is listed.
    """
    said = read_region_words(words)
    order = list(range(len(regions)))
    if said.order != "listed":
        order.sort(key=lambda k: (_rank(regions[k], said.order, size), -regions[k].area))
    end = None if said.count is None else said.first - 1 + said.count
    return order[said.first - 1 : end]


def position_words(region: Region, regions: Sequence[Region], size: tuple[int, int]) -> str:
    """Return where a region lies, for those who cannot see it, e.g. "top left, largest".

    The place is the ninth of the picture (H, W) that its centroid lies in; "largest" and "smallest"
    are said where there are other regions and none is as large, or as small.
    """
    row, col = _share(region, size)
    down = ("top", "", "bottom")[min(int(3 * row), 2)]
    across = ("left", "", "right")[min(int(3 * col), 2)]
    place = f"{down} {across}".strip() or "middle"
    others = [other.area for other in regions if other != region]
    if others and region.area > max(others):
        return f"{place}, largest"
    if others and region.area < min(others):
        return f"{place}, smallest"
    return place


def is_region_word(text: str) -> bool:
    """Return whether a text says which region is meant, as "left" does and "house" does not."""
    try:
        read_region_words(text)
    except InvalidInputError:
        return False
    return bool(text.strip())


def read_beside(words: str) -> tuple[Relation, str]:
    """Return the relation and the thing of "left of the car", "to the left of the car".

    Raises:
        InvalidInputError: the words say no such thing.
    """
    found = _beside(words)
    if found is None:
        raise InvalidInputError(
            f"{words!r} says of nothing that something is beside it",
            hint='say e.g. "left of the car", or right of, next to, above, below, on',
        )
    return RELATIONS[found["words"].lower()], found["thing"]


def says_beside(words: str) -> bool:
    """Return whether words say that something is beside a thing, as "left of the car" does."""
    return _beside(words) is not None


def _beside(words: str) -> re.Match[str] | None:
    found = _BESIDE.fullmatch(_SIDE_OF.sub(r"\1 of", " ".join(words.split())))
    return None if found is None or is_region_word(found["thing"]) else found


def read_region_words(text: str) -> RegionWords:
    """Return what words for regions mean; see the top of this file.

    Raises:
        InvalidInputError: they cannot be understood; what can be said is listed.
    """
    folded = _folded(text)
    if folded == "all" or not text.strip():
        return RegionWords("listed", count=None)
    if re.fullmatch(r"\d{1,6}", folded, re.ASCII) and int(folded) > 0:
        return RegionWords("listed", int(folded))
    said = _SAID.fullmatch(f"{folded} ")
    found = _meaning(said) if said is not None else None
    if found is None:
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
        raise InvalidInputError(
            f"{shown!r} does not say which region is meant", hint=f"say {REGION_WORDS}"
        )
    return found


def _meaning(said: re.Match[str]) -> RegionWords | None:
    """Return what ordinal, "last", count and place mean together; None where they do not fit."""
    ordinal, last, count = said["ordinal"], said["last"], said["count"]
    if not (ordinal or last or said["where"]):
        return None  # a number of regions, but not which
    order = _order(said["where"] or "left")
    if last and order is not None:
        order = OPPOSITES.get(order)
    first = _number(ordinal) if ordinal else 1
    if order is None or first < 1 or (count and first > 1):
        return None
    return RegionWords(order, first, COUNTS.index(count) + 2 if count else 1)


def _order(where: str) -> str | None:
    """Return the name of an order; None for two sides that exclude each other."""
    turned = " ".join(reversed(where.split()))
    known = {*PLACES, "largest", "smallest"}
    return next((name for name in (where, turned) if name in known), None)


def _number(ordinal: str) -> int:
    return ORDINALS.index(ordinal) + 1 if ordinal in ORDINALS else int(ordinal[:-2])


def _folded(text: str) -> str:
    """Return the words that matter, each in one spelling."""
    words = re.sub(r"(?<=\w)[-\u2010\u2011](?=\w)", " ", text.casefold()).split()  # hyphens
    words = [word.removeprefix("#").rstrip(".,!") for word in words]
    words = [word.removesuffix("most") or word for word in words]
    return " ".join(SAME.get(word, word) for word in words if word not in FILLERS)


def _rank(region: Region, order: str, size: tuple[int, int]) -> float:
    """Return a number that is smaller for the regions that come first in an order."""
    if order in ("largest", "smallest"):
        return region.area if order == "smallest" else -region.area
    pairs = zip(_share(region, size), PLACES[order], strict=True)
    # rounded, so that equals are equal whatever the arithmetic
    return round(max(abs(at - wanted) for at, wanted in pairs if wanted is not None), 9)


def _share(region: Region, size: tuple[int, int]) -> tuple[float, float]:
    """Return row and column of the centroid as shares of the sides."""
    row, col = ((place + 0.5) / side for place, side in zip(region.centroid, size, strict=True))
    return row, col
