"""Words that choose a region, in one spelling: "biggest" is largest, "2nd" is second.

They are told from the names of things, because no model is ever sent them: of "the left house" the
model looks for the house, and the tool takes the left one.
"""

from __future__ import annotations

import re

from agent_tools.commands import lexicon
from textseg.segmentation.picking import ORDINALS, PLACES, is_region_word

_SPELLINGS = {
    "upper": "top",
    "lower": "bottom",
    "centre": "middle",
    "center": "middle",
    "central": "middle",
    "biggest": "largest",
    "lowest": "bottom",
    "highest": "top",
    "furthest": "",
    "farthest": "",
    "very": "",
    "far": "",
    "the": "",
    "hand": "",
    "side": "",
    "corner": "",
    "most": "",
}
_COMPOUNDS = re.compile(  # things whose names begin like a region
    r"(?:top (?:hat|coat|shelf|floor)|(?:first|second|third) (?:floor|aid|hand|class)"
    r"|last (?:name|supper)"
    r"|(?:bottom|ground) (?:floor|shelf)|middle (?:finger|class)|left ?overs)\b"
)
_NO_NOUNS = lexicon.DETERMINERS | {"of", "in", "from"}
_PARTS = re.compile(r"\w+ (?:\w+ )?(?:half|part|quarter|third|edge|end|bit|side|corner)\b")
_OF_PICTURE = r"(?: (?:of|in) (?:the|this|my) (?:picture|image|photo|scene))?"
_SIDE = r"(?:left|right|top|bottom|upper|lower|middle|cent(?:re|er))"
_PLACE = rf"(?:far |very )?{_SIDE}(?:[ -]{_SIDE})?(?:[- ]?hand)?(?: (?:side|corner|edge|part))?"
_AFTER = re.compile(  # "the house on the left", "the boat in the upper right corner of the image"
    rf"(?P<thing>.+?),? (?:(?:that is|which is|that's|furthest|farthest|closest|nearest|more"
    rf"|most) )*"
    rf"(?:on|at|in|to|towards|into) (?:the |its )?(?P<place>{_PLACE}){_OF_PICTURE}"
)
_COUNTED_FROM = re.compile(rf"(?P<thing>.+) from (?:the )?(?P<side>{_SIDE})")
_BARE = re.compile(  # "a star top right"
    r"(?P<thing>.+?) (?:far )?(?P<place>(?:(?:top|bottom|upper|lower)[ -])?(?:left|right))"
)
_BEFORE = re.compile(  # "on the left a tree"
    rf"(?:on|at|in|to) (?:the )?(?P<place>{_PLACE}){_OF_PICTURE},? (?P<thing>.+)"
)


def region_of(phrase: str) -> str:
    """Return the region that a phrase names, in its usual spelling; "" where it names none."""
    words = re.sub(r"[-_]", " ", phrase.lower()).split()
    words = [re.sub(r"most$", "", word) or word for word in words]
    words = [_SPELLINGS.get(word, word) for word in map(_ordinal, words)]
    usual = " ".join(word for word in words if word)
    if usual.split()[1:2] in (["top"], ["bottom"]) and len(usual.split()) == 2:
        usual = " ".join(reversed(usual.split()))  # "left top"
    counts_itself = usual.isdigit() or usual == "all"
    return usual if is_region_word(usual) and not counts_itself else ""


def split_region(phrase: str) -> tuple[str, str]:
    """Return the thing and its region of a phrase without articles: ("house", "left").

    The region is "" where none is named, and holds "," where two are: no tool takes that.
    """
    rest, after = _split_after(phrase)
    rest, before = _split_before(rest)
    if after.startswith("from ") and before:
        return rest, f"{before} {after}"
    after = after.removeprefix("from the ")
    return (rest, ", ".join(filter(None, (before, after)))) if rest else (phrase, "")


def is_place(phrase: str) -> bool:
    """Return whether a phrase is a place and nothing else: "in the top left corner"."""
    plain = re.sub(r"^the ", "in the ", phrase.lower())
    found = _BEFORE.fullmatch(f"{plain} it")
    return found is not None and found["thing"] == "it" and region_of(found["place"]) in PLACES


def split_place(phrase: str) -> tuple[str, str]:
    """Return what is to be added and where: ("a boat", "top left"); "" where no place is named."""
    lowered = phrase.lower()
    for pattern in (_AFTER, _BARE, _BEFORE):
        found = pattern.fullmatch(lowered)
        if found is not None and region_of(found["place"]) in PLACES:
            start, end = found.span("thing")
            return phrase[start:end], region_of(found["place"])
    return phrase, ""


def _split_after(phrase: str) -> tuple[str, str]:
    if (counted := _COUNTED_FROM.fullmatch(phrase)) is not None:
        return counted["thing"], f"from the {region_of(counted['side'])}"
    if (found := _AFTER.fullmatch(phrase)) is not None and region_of(found["place"]):
        return found["thing"], region_of(found["place"])
    return phrase, ""


def _split_before(phrase: str) -> tuple[str, str]:
    words = phrase.split()
    if _COMPOUNDS.match(phrase) or _PARTS.match(phrase):
        return phrase, ""
    for length in range(min(4, len(words) - 1), 0, -1):
        region = region_of(" ".join(words[:length]))
        if region and words[length] not in _NO_NOUNS:
            return " ".join(words[length:]), region
    return phrase, ""


def _ordinal(word: str) -> str:
    number = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)", word)
    return ORDINALS[int(number[1]) - 1] if number and 0 < int(number[1]) <= 10 else word
