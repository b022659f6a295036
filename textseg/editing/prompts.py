"""From a caption, a query and a target to the prompt of the edited picture."""

from __future__ import annotations

import re
from dataclasses import dataclass

ARTICLES = frozenset({"a", "an", "the"})
# Words before which a noun phrase is over.
_BREAKS = frozenset({
    "and", "or", "with", "on", "in", "at", "of", "under", "over", "above", "below", "behind",
    "beside", "near", "by", "is", "are", "we", "see", "there", "next", "to", "between", "from",
})  # fmt: skip
# What tells where everything stands.
_PLACING = frozenset({"on", "in", "at", "indoors", "outdoors", "under", "by", "near"})
# What is a place and no thing: a cat on a couch stands before a room.
_PLACES = frozenset({
    "beach", "bedroom", "bridge", "cave", "church", "city", "coast", "countryside", "desert",
    "farm", "field", "forest", "garden", "grass", "harbour", "indoors", "island", "jungle",
    "kitchen", "lake", "library", "market", "meadow", "moon", "mountains", "museum", "night",
    "ocean", "office", "park", "restaurant", "river", "road", "room", "sand", "school", "sea",
    "sky", "snow", "space", "stadium", "station", "street", "studio", "town", "underwater",
    "village", "water", "woods", "yard", "zoo",
})  # fmt: skip
_JOINERS = frozenset({"and", "or"})
_STOPS = ",.;:!?"
_BETWEEN = re.compile(rf"[{_STOPS}]|\b(?:{'|'.join(sorted(_BREAKS))})\b", re.IGNORECASE)
# What captions begin with before they name anything.
_OPENING = re.compile(
    r"((an?|the) )?(photo|photograph|picture|image|painting|drawing|illustration|sketch) of "
    r"|there (is|are) |we see ",
    re.IGNORECASE,
)
# Where in the picture a thing is: said of that thing alone, so it leaves with it.
_PLACE = re.compile(
    r"(on|in|at|to) the "
    r"(left|right|middle|center|centre|top|bottom|front|back|corner|distance|background|foreground)"
    r"\b",
    re.IGNORECASE,
)
_SPOKEN_WITH_A_VOWEL = re.compile(
    r"(?!uni(?!n|m)|us[aeiu]|ut[ei]|eu|one\b|once\b)[aeiou]|hour|honest|honou?r|heir", re.IGNORECASE
)


@dataclass(frozen=True)
class Span:
    """Words of a caption: the first one and one past the last."""

    first: int
    end: int


def target_prompt(caption: str, query: str, target: str) -> str:
    """Return the caption with the phrase that the query names replaced by the target.

    The phrase is found by the query's words in a row, whatever articles stand between them, else by
    its last word (the noun). A target with as many words as the query stands in for just these
    ("house" -> "boat" keeps "red"); one with more replaces the whole phrase. It takes over the
    phrase's article unless it has its own. A caption that does not name the query is replaced as a
    whole. An empty target takes the phrase out, with what only joined it to the others.

    >>> target_prompt("a red house and a tree on a meadow", "red house", "blue house")
    'a blue house and a tree on a meadow'
    >>> target_prompt("a red house and a tree", "the tree", "")
    'a red house'
    """
    words = caption.split()
    asked, wanted = _content(query), target.split()
    found = _find(words, asked)
    if found is None:
        return " ".join(wanted) if wanted else caption
    if not wanted:
        return " ".join(_without(words, _phrase(words, found)))
    named = len(_content(" ".join(words[found.first : found.end])))
    whole = len(_content(target)) > named or named < len(asked)
    return " ".join(_replaced(words, _phrase(words, found) if whole else found, wanted))


def region_prompt(caption: str, query: str, target: str) -> str:
    """Return what is to be seen where the edit takes place: the target, and the caption's place.

    The other things of a caption are left out: they stand outside the mask, and a prompt that names
    them has them drawn into it. Where the query is the place itself, that alone is left; so it is
    where something is removed.

    >>> region_prompt("a red house and a tree on a meadow", "red house", "blue house")
    'a blue house on a meadow'
    >>> region_prompt("a red house and a tree on a meadow", "red house", "")
    'on a meadow'
    """
    words, place = caption.split(), background_prompt(caption)
    if not target.strip():
        return background_prompt(target_prompt(caption, query, target))
    found = _find(words, _content(query))
    if found is None:
        return f"{target} {place}".strip()
    if found.first >= len(words) - len(place.split()):
        return background_prompt(target_prompt(caption, query, target)) or target
    span = _phrase(words, found)
    alone = " ".join(words[span.first : span.end]).rstrip(_STOPS)
    return f"{target_prompt(alone, query, target)} {place}".strip()


def background_prompt(caption: str) -> str:
    """Return what a caption says of the place in which everything stands; "" where it says nothing.

    Where in the picture a thing is ("on the left") is no place: it would be said of the others.

    >>> background_prompt("a red house and a tree on a meadow")
    'on a meadow'
    """
    words = caption.split()
    starts = [k for k, word in enumerate(words) if _bare(word) in _PLACING]
    if not starts:
        return ""
    place = " ".join(words[starts[-1] :])
    return "" if _PLACE.fullmatch(place.rstrip(_STOPS)) else place


def without_article(phrase: str) -> str:
    """Return a phrase without the article that it may begin with."""
    first, _, rest = phrase.strip().partition(" ")
    return rest.strip() if rest and first.lower() in ARTICLES else phrase.strip()


def with_article(phrase: str) -> str:
    """Return a phrase with "a" or "an" before it, unless it needs none.

    >>> with_article("orange house"), with_article("the sea"), with_article("trees")
    ('an orange house', 'the sea', 'trees')
    """
    words = phrase.split()
    if not words or words[0].lower() in ARTICLES | _BREAKS:
        return phrase.strip()
    many = _bare(words[-1]).endswith("s") and not _bare(words[-1]).endswith("ss")
    return phrase.strip() if many else f"{_fitted('a', words[0])} {phrase.strip()}"


def changed_phrases(before: str, after: str) -> tuple[str, str, str]:
    """Return how two prompts begin alike, and what each goes on with, up to the noun of that.

    >>> changed_phrases("a red house on a meadow", "a blue house on a meadow")
    ('a', 'red house', 'blue house')
    """
    old, new = before.split(), after.split()
    first = _alike(old, new)
    kept = _alike(old[first:][::-1], new[first:][::-1])
    while kept and _bare(old[-kept]) not in _BREAKS and not _ends(old, kept):
        kept -= 1
    one, other = (" ".join(words[first : len(words) - kept]) for words in (old, new))
    return " ".join(old[:first]), one.rstrip(_STOPS), other.rstrip(_STOPS)


def names_place(caption: str, query: str) -> bool:
    """Return whether a query is the place in which a caption has everything stand.

    >>> names_place("a cat on a beach", "the beach"), names_place("a cat on a couch", "couch")
    (True, False)
    """
    return last_word(query) in _PLACES and names(background_prompt(caption), query)


def things_named(caption: str) -> tuple[str, ...]:
    """Return the things that a caption names before it comes to the place, each once.

    >>> things_named("there is a red house on the left and a tree, on a meadow")
    ('red house', 'tree')
    """
    words, place = caption.split(), background_prompt(caption).split()
    head = _OPENING.sub("", " ".join(words[: len(words) - len(place)]), count=1)
    phrases = (" ".join(_content(part)) for part in _BETWEEN.split(_PLACE.sub("", head)))
    return tuple(dict.fromkeys(phrase for phrase in phrases if phrase))


def names(caption: str, query: str) -> bool:
    """Return whether a caption has the words of a query in a row, whatever articles are between.

    >>> names("a red house and a tree", "the red house"), names("a red house", "blue house")
    (True, False)
    """
    return _find_row(caption.split(), _content(query)) is not None


def last_word(text: str) -> str:
    """Return the last word of a phrase, in lower case: its noun, in English."""
    return (_content(text) or [""])[-1]


def _replaced(words: list[str], span: Span, wanted: list[str]) -> list[str]:
    """Return the words with those of a span replaced: its article and its full stop stay."""
    first = span.first
    if first > 0 and words[first].lower() not in ARTICLES and words[first - 1].lower() in ARTICLES:
        first -= 1
    has_article = words[first].lower() in ARTICLES
    placed = list(wanted)
    if wanted[0].lower() in _BREAKS:  # "at night" for "in the snow": its own way to lead on
        while first > 0 and _leads_on(words[first - 1]):
            first -= 1
    elif has_article and wanted[0].lower() not in ARTICLES:
        placed.insert(0, _fitted(words[first], wanted[0]))
    placed[-1] += _stop(words[span.end - 1])
    return [*words[:first], *placed, *words[span.end :]]


def _fitted(article: str, word: str) -> str:
    """Return the article as it stands before a word: "a" or "an", and "the" as it is."""
    if article.lower() == "the":
        return article
    return article[0] + ("n" if _SPOKEN_WITH_A_VOWEL.match(word) else "")


def _content(text: str) -> list[str]:
    return [_bare(word) for word in text.split() if _bare(word) not in ARTICLES]


def _bare(word: str) -> str:
    return word.lower().strip(".,;:!?\"'()")


def _stop(word: str) -> str:
    """Return the punctuation that a word ends with."""
    return word[len(word.rstrip(_STOPS)) :]


def _alike(one: list[str], other: list[str]) -> int:
    """Return with how many of the same words two lists begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((k for k, (a, b) in pairs if a != b), min(len(one), len(other)))


def _ends(words: list[str], kept: int) -> bool:
    """Tell whether punctuation stands before the last ``kept`` words."""
    return len(words) > kept and bool(_stop(words[-kept - 1]))


def _find(words: list[str], asked: list[str]) -> Span | None:
    """Return where the asked words stand in a row, else where the last of them does."""
    return _find_row(words, asked) or _find_row(words, asked[-1:])


def _find_row(words: list[str], wanted: list[str]) -> Span | None:
    places = [k for k, word in enumerate(words) if _bare(word) not in ARTICLES]
    bare = [_bare(words[k]) for k in places]
    for first in range(len(bare) - len(wanted) + 1):
        if wanted and bare[first : first + len(wanted)] == wanted:
            return Span(places[first], places[first + len(wanted) - 1] + 1)
    return None


def _phrase(words: list[str], found: Span) -> Span:
    """Return the noun phrase that ends where ``found`` ends, its article included."""
    first = found.first
    if _bare(words[first]) in ARTICLES | _BREAKS:
        return found
    while first > 0 and _bare(words[first - 1]) not in _BREAKS and not _stop(words[first - 1]):
        first -= 1
        if _bare(words[first]) in ARTICLES:
            break
    return Span(first, found.end)


def _without(words: list[str], span: Span) -> list[str]:
    """Return the words without a phrase and without what joined it to others."""
    before, after = words[: span.first], _without_place(words[span.end :])
    opened = len(re.findall(r"\S+ ", m.group())) if (m := _OPENING.match(" ".join(words))) else 0
    depends = False
    while len(before) > opened and _leads_on(before[-1]):
        before, depends = before[:-1], True
    follows = bool(after) and _bare(after[0]) in _JOINERS
    if len(before) <= opened:  # it came first: what follows moves up
        after = after[1:] if follows or (after and _bare(after[0]) == "with") else after
        return after if not after or _bare(after[0]) in _BREAKS else [*before, *after]
    if _bare(before[-1]) in _JOINERS and not depends:
        before = before[:-1]
    if follows or not _goes_on(after, words[span.end - 1]):
        before = [*before[:-1], before[-1].rstrip(",;")]
    return [*before, *after]


def _without_place(after: list[str]) -> list[str]:
    place = _PLACE.match(" ".join(after))
    return after[len(place.group().split()) :] if place else after


def _leads_on(word: str) -> bool:
    """Tell whether a word only leads on to the phrase after it: "with", "next to", "holding"."""
    leads = word.lower() in _BREAKS or (word.endswith("ing") and len(word) > len("thing"))
    return leads and word.lower() not in _JOINERS


def _goes_on(after: list[str], last: str) -> bool:
    """Tell whether a list goes on after its removed last word."""
    return bool(after) and _stop(last) == "," and _bare(after[0]) not in _BREAKS
