"""Answers that are read from regions and facts, in words, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from textseg.toolbox.colours import colour_shares
from textseg.toolbox.looking_facts import About, AnswerFacts
from textseg.toolbox.segment_facts import QueryFacts
from textseg.toolbox.selecting_facts import RegionFacts

if TYPE_CHECKING:
    from textseg.segmentation.mask import Mask

CLEARLY: Final = 1.25  # times as large, to be told as larger: masks are not more exact
OVERLAP: Final = 1 / 3  # of the smaller extent, up to which two things are beside each other
_TOLD = 3  # regions


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found for a query: the facts, and the mask they are about."""

    facts: QueryFacts
    mask: Mask

    @property
    def name(self) -> str:
        """The query as it stands in an answer."""
        return f'"{self.facts.query}"'

    @property
    def largest(self) -> RegionFacts:
        """The largest region of what was found."""
        return self.facts.regions[0]

    def colours(self) -> dict[str, float]:
        """Return the names of its colours with their shares, the largest first."""
        return colour_shares(self.mask.rgb, self.mask.binary())


@dataclass(frozen=True)
class Said:
    """An answer: in words, as a value, and its probability where one was measured."""

    words: str
    value: JsonValue = None
    sure: float | None = None


def answer(about: About, seen: Seen, other: Seen | None) -> AnswerFacts:
    """Return what is to be said about a thing, compared with another one where that is asked."""
    unseen = next((each for each in (seen, other) if each and not each.facts.regions), None)
    if unseen is not None:
        said = _missing(about, unseen)
    elif other is not None:
        said = (_larger if about == "larger" else _relation)(seen, other)
    else:
        said = _ALONE[about](seen)
    return AnswerFacts(
        query=seen.facts.query,
        other="" if other is None else other.facts.query,
        answer=said.words,
        value=said.value,
        sure=said.sure,
        presence=seen.facts.presence,
        regions=seen.facts.regions,
        other_regions=[] if other is None else other.facts.regions,
    )


def _missing(about: About, unseen: Seen) -> Said:
    """Return what is said where there is no region to read from."""
    facts = unseen.facts
    why = ". ".join(f"{text[:1].upper()}{text[1:]}" for text in (facts.reason, facts.hint) if text)
    if facts.present is not False:
        return Said(f"{why or f'Nothing was found of {unseen.name}'}.")
    values: Mapping[About, JsonValue] = {"presence": False, "number": 0}
    assert facts.presence is not None, "there is one behind every decision"
    words = f"No, {unseen.name} was not found (probability that it is there: {facts.presence:.2f})."
    return Said(words, values.get(about), 1 - facts.presence)


def _presence(seen: Seen) -> Said:
    presence = seen.facts.presence
    sure = "" if presence is None else f" (probability {presence:.2f})"
    words = f"Yes, {seen.name} is there{sure}: {_where(seen)}."
    return Said(words, True, presence)


def _number(seen: Seen) -> Said:
    count = len(seen.facts.regions)
    words = f"{count} region{'s' if count > 1 else ''} of {seen.name}: {_where(seen)}."
    hidden = "Things that touch count as one, and parts of one that are apart count as several."
    return Said(f"{words} {hidden}", count)


def _colour(seen: Seen) -> Said:
    shares = seen.colours()
    told = " and ".join(f"{name} ({share:.0%} of it)" for name, share in shares.items())
    code = "".join(f"{part:02x}" for part in seen.largest.mean_rgb)
    return Said(f"{seen.name} is {told}, on average #{code}.", next(iter(shares)))


def _size(seen: Seen) -> Said:
    left, top, right, bottom = seen.largest.box
    width, height, share = right - left, bottom - top, seen.facts.area
    several = len(seen.facts.regions) > 1
    words = f"{seen.name} covers {share:.1%} of the picture; "
    words += f"{'the largest region' if several else 'it'} is {width} x {height} pixels."
    return Said(words, {"share": share, "width": width, "height": height})


def _place(seen: Seen) -> Said:
    return Said(f"{seen.name}: {_where(seen)}.", seen.largest.position)


def _larger(seen: Seen, other: Seen) -> Said:
    first, second = seen.largest.share, other.largest.share
    shares = f"{first:.1%} of the picture against {second:.1%}"
    if max(first, second) < CLEARLY * min(first, second):
        return Said(f"{seen.name} and {other.name} are about as large: {shares}.")
    larger, smaller = (seen, other) if first > second else (other, seen)
    shares = f"{larger.largest.share:.1%} of the picture against {smaller.largest.share:.1%}"
    return Said(f"{larger.name} is larger than {smaller.name}: {shares}.", larger.facts.query)


def _relation(seen: Seen, other: Seen) -> Said:
    relation = relate(seen.largest, other.largest)
    if relation is None:
        return Said(
            f"Not sure: {seen.name} ({seen.largest.position}) and {other.name} "
            f"({other.largest.position}) overlap."
        )
    several = max(len(each.facts.regions) for each in (seen, other)) > 1
    of_each = " This is about the largest region of each." if several else ""
    return Said(f"{seen.name} is {relation} {other.name}.{of_each}", relation)


_ALONE: Final[Mapping[About, Callable[[Seen], Said]]] = {
    "presence": _presence,
    "number": _number,
    "colour": _colour,
    "size": _size,
    "place": _place,
}


def relate(first: RegionFacts, second: RegionFacts) -> str | None:
    """Return where a region lies to another one, e.g. "left of"; None where they overlap.

    Along an axis they are beside each other when their boxes share at most ``OVERLAP`` of the
    smaller extent, and their centroids lie in the same order.
    """
    across = _beside(first, second, axis=0)
    down = _beside(first, second, axis=1)
    words = [("left of", "right of")[across > 0]] if across else []
    words += [("above", "below")[down > 0]] if down else []
    return " and ".join(reversed(words)) or None


def _beside(first: RegionFacts, second: RegionFacts, *, axis: int) -> int:
    """Return -1 where a region comes before another along x (0) or y (1), 1 behind, else 0."""
    (start, end), (other_start, other_end) = (
        (each.box[axis], each.box[axis + 2]) for each in (first, second)
    )
    shared = min(end, other_end) - max(start, other_start)
    apart = first.centroid[1 - axis] - second.centroid[1 - axis]
    if shared > OVERLAP * min(end - start, other_end - other_start) or not apart:
        return 0
    return 1 if apart > 0 else -1


def _where(seen: Seen) -> str:
    """Return where the largest regions are."""
    told = "; ".join(
        f"{region.position} (box {','.join(map(str, region.box))})"
        for region in seen.facts.regions[:_TOLD]
    )
    more = len(seen.facts.regions) - _TOLD
    return f"{told} and {more} more" if more > 0 else told
