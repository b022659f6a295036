"""What a thing is to become: a colour, a quality, another thing; and how that is put into words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure
from agent_tools.commands.text import hold_together, release


@dataclass(frozen=True)
class Look:
    """How something is to look: ``words`` to stand before its name, of one ``kind``.

    The kind is one of the lexicon's ("colour", "size" ...): words of that kind are replaced.
    """

    words: str
    kind: str


def _either(words: frozenset[str]) -> str:
    return rf"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


_COLOUR = _either(lexicon.COLOURS)
_TONE = rf"(?:{_either(lexicon.SHADES)}[ -])*{_COLOUR}(?:[ -]{_COLOUR})?"
_SHADE = re.compile(rf"{_TONE}(?:\ue000and\ue000{_TONE})?")
_COLOUR_PAIR = re.compile(rf"\b({_TONE}) and ({_TONE})(?![\w'-])", re.IGNORECASE)
_DROPPED = re.compile(rf"(?:{'|'.join(lexicon.DROPPED_DEGREES)}) ")
_DEGREE = re.compile(rf"((?:{_either(lexicon.DEGREES)} )*)(\S+)")
_TONE_OF = re.compile(r"^(?:an? )?((?:\w+ )?)(?:shade|tone|hue|tint) of (?=\w)")
_MADE_OF = re.compile(r"(?:(?:made )?(?:out )?of|from|in) (\S+)")


def join_colours(text: str) -> str:
    """Return the text with each pair of colours, as in "red and white flag", made one word."""

    def joined(pair: re.Match[str]) -> str:
        fruits = all(part.split()[-1].lower() in lexicon.NOUNS_TOO for part in pair.groups())
        return pair[0] if fruits else hold_together(" and ").join(pair.groups())

    return _COLOUR_PAIR.sub(joined, text)


def looks_of(text: str, *, open_class: bool = False) -> tuple[Look, ...]:
    """Return the looks that a text names, e.g. "bigger and blue"; none where it says other things.

    Args:
        text: lower case, e.g. "dark blue", "much bigger", "out of glass".
        open_class: take any single word for a quality, as after "look".

    Raises:
        Unsure: it is too vague to be painted, e.g. "nicer".
    """
    parts = [part for part in re.split(r",? and |, ", text.strip()) if part]
    looks = [_look(_DROPPED.sub("", part), open_class=open_class) for part in parts]
    return () if None in looks else tuple(look for look in looks if look is not None)


def _look(text: str, *, open_class: bool) -> Look | None:
    text = _TONE_OF.sub(r"\1", text)
    if _SHADE.fullmatch(text):
        return Look(release(text), "colour")
    if (material := _MADE_OF.fullmatch(text)) is not None:
        return _made_of(material[1])
    found = _DEGREE.fullmatch(text)
    if found is None:
        return None
    degree, word = found[1], found[2]
    if word in lexicon.VAGUE:
        raise Unsure(f"What is {text!r} to look like? Say it in words that can be painted.")
    kind = _kind(word)
    if not kind and word.isalpha() and (open_class or degree.startswith(("more", "less", "very"))):
        kind = "quality"
    return Look(degree + lexicon.MADE_OF.get(word, word), kind) if kind else None


def _made_of(material: str) -> Look | None:
    word = lexicon.MADE_OF.get(material, material)
    return Look(word, "material") if word in lexicon.MATERIALS else None


def _kind(word: str) -> str:
    """Return what an adjective or its comparative tells, "" for other words."""
    for base in _bases(word):
        for kind, words in lexicon.KINDS:
            if base in words:
                return kind
    return "colour" if _SHADE.fullmatch(word) else ""


def _bases(word: str) -> list[str]:
    stem = word.removesuffix("r")
    short = stem.removesuffix("e")
    return [
        word,
        lexicon.MADE_OF.get(word, word),
        *([lexicon.IRREGULAR.get(word, word)]),
        *([stem, short, f"{short.removesuffix('i')}y", short[:-1]] if word.endswith("er") else []),
    ]


def is_adjective(word: str) -> bool:
    """Return whether a word can only say how something is, and never names a thing."""
    return (bool(_kind(word)) or word in lexicon.DEGREES) and word not in lexicon.NOUNS_TOO


def described(thing: str, looks: Sequence[Look]) -> str:
    """Return the name of a thing that looks as wanted: "old red house", blue -> "old blue house".

    What the name says after a preposition is left alone, and so is the owner in "man's shirt".
    """
    owner, head, tail = _in_three(thing)
    for look in reversed(looks):
        head = _dressed(head, look)
    return " ".join([*owner, *head, *tail])


def without_colours(thing: str) -> str:
    """Return the name of a thing without its colours: "old red house" -> "old house"."""
    owner, head, tail = _in_three(thing)
    leading, noun = _leading(head)
    kept = [part for part in leading if _kind(part.split()[-1]) != "colour"]
    return " ".join([*owner, *kept, *noun, *tail])


def _in_three(thing: str) -> tuple[list[str], list[str], list[str]]:
    """Split "man's red hat on the table" into owner, name and the rest from a preposition on."""
    words = thing.split()
    end = next((k for k, word in enumerate(words) if word in lexicon.PREPOSITIONS), len(words))
    owners = [k + 1 for k, word in enumerate(words[:end]) if word.endswith(("'s", "s'"))]
    start = max(owners, default=0)
    return words[:start], words[start:end], words[end:]


def _dressed(head: list[str], look: Look) -> list[str]:
    """Return the words of a name with the look at its place, and none other of its kind."""
    order = [kind for kind, _ in lexicon.KINDS]
    rank = order.index(look.kind)
    leading, noun = _leading(head)
    ranks = [order.index(_kind(phrase.split()[-1])) for phrase in leading]
    before = [phrase for phrase, its in zip(leading, ranks, strict=True) if its < rank]
    after = [phrase for phrase, its in zip(leading, ranks, strict=True) if its > rank]
    return " ".join([*before, look.words, *after, *noun]).split()


def _leading(head: list[str]) -> tuple[list[str], list[str]]:
    """Split a name into the adjectives it begins with, shades as one, and the noun."""
    leading: list[str] = []
    at = 0
    while at < len(head) - 1:
        length = _adjective_length(head[at:-1])
        if not length:
            break
        leading.append(" ".join(head[at : at + length]))
        at += length
    return leading, head[at:]


def _adjective_length(words: list[str]) -> int:
    """Return how many words at the beginning are one adjective: 2 in "dark green old"."""
    for length in range(len(words), 0, -1):
        if _SHADE.fullmatch(" ".join(words[:length]).replace(" and ", hold_together(" and "))):
            return 0 if words[0] in lexicon.FRUITS else length
    degrees = 1 if len(words) > 1 and words[0] in lexicon.DEGREES else 0
    known = words and _kind(words[degrees]) and words[degrees] not in lexicon.FRUITS
    return degrees + 1 if known else 0
