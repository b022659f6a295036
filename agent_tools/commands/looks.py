"""What a thing is to become, and how that is put into words: "blue", "twice as big", "#aa3300"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageColor

from agent_tools.commands import lexicon
from agent_tools.commands.calls import ARRANGE, RETOUCH, ToolCall, Unsure, call
from agent_tools.commands.lexicon import hold_together, release


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
_HEX = r"#(?:[0-9a-f]{3}){1,2}(?!\w)"
TONE = rf"(?:(?:{_either(lexicon.SHADES)}[ -])*{_COLOUR}(?:[ -]{_COLOUR})?|{_HEX})"
_SHADE = re.compile(rf"{TONE}(?:\ue000and\ue000{TONE})?")
_COLOUR_PAIR = re.compile(rf"(?<![\w#])({TONE}) and ({TONE})(?![\w'-])", re.IGNORECASE)
_DROPPED = re.compile(rf"(?:{'|'.join(lexicon.DROPPED_DEGREES)}) ")
_DEGREE = re.compile(rf"((?:{_either(lexicon.DEGREES)} )*)(\S+)")
_DEEPENED = re.compile(rf"(?:really|very|super|extremely) (?=\w+[ -])(?:{TONE})")
_TONE_OF = re.compile(r"^(?:an? )?((?:\w+ )?)(?:shade|tone|hue|tint) of (?=\w)")
_MADE_OF = re.compile(r"(?:(?:made )?(?:out )?of|from|in) (\S+)")


def join_colours(text: str) -> str:
    """Return the text with each pair of colours, as in "red and white flag", made one word."""

    def joined(pair: re.Match[str]) -> str:
        fruits = all(part.split()[-1].lower() in lexicon.NOUNS_TOO for part in pair.groups())
        return pair[0] if fruits else hold_together(" and ").join(pair.groups())

    return _COLOUR_PAIR.sub(joined, text)


def exact_name(text: str) -> bool:
    """Return whether a text is one of the exact colours of CSS that ends like a common one."""
    return (
        text in ImageColor.colormap and text not in lexicon.COLOURS and text.endswith(tuple(_BASIC))
    )


_BASIC = "red blue green yellow orange purple pink white brown grey gray turquoise violet".split()


def is_colour(text: str) -> bool:
    """Return whether a text is a colour and nothing else."""
    return _SHADE.fullmatch(text.lower()) is not None


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
    if _SHADE.fullmatch(text) or _DEEPENED.fullmatch(text):
        return Look(release(text), "colour")
    if (material := _MADE_OF.fullmatch(text)) is not None:
        return _made_of(material[1])
    found = _DEGREE.fullmatch(text)
    if found is None:
        return None
    degree, word = found[1], found[2]
    if word in lexicon.COLOURS and degree.startswith("less "):
        raise Unsure(f"What colour is it to be instead of {text!r}?")
    if degree.startswith("too ") or word in lexicon.VAGUE:
        raise Unsure(f"What is {text!r} to look like? Say it in words that can be painted.")
    kind = _kind(word)
    if (
        not kind
        and word.isalpha()
        and not word.endswith(("ing", *("s" if degree.startswith(("more", "less")) else ())))
        and word not in lexicon.NO_QUALITIES
        and (open_class or degree.startswith(("more", "less", "very")))
    ):
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


# -- looks that no model has to paint

LESS = {"contrast": -0.4, "saturate": -0.5}  # as much as the tool usually gives more
USUAL_SCALE = 1.5
_SLIGHT = r"(?:(?:just )?(?:a (?:little |tiny )?bit|a little|slightly|a touch|somewhat|a tad) )?"
_MORE = (
    rf"(?:{_SLIGHT}|(?:a lot|lots|much|far|way|even|some|quite|considerably|even more|still) )"
    r"(?:more )?"
)
_TOUCHES = tuple(  # what is said of a thing, what is done to it, and by how much
    (re.compile(_MORE + pattern), action, amount)
    for pattern, action, amount in (
        (r"(?:brighter|lighter|lit)", "brighten", None),
        (r"darker", "darken", None),
        (r"dimmer", "dim", None),
        (r"less bright", "darken", None),
        (r"less dark", "brighten", None),
        (r"(?:blurry|blurrier|blurred|out of focus)", "blur", None),
        (r"(?:gr[ae]y ?scale|monochrome|colou?rless)", "grey", None),
        (r"contrast(?:y|ed)?", "contrast", None),
        (r"less contrast(?:y|ed)?", "contrast", LESS["contrast"]),
        (r"(?:vivid|saturated|vibrant)", "saturate", None),
        (r"less (?:vivid|saturated|vibrant|colou?rful)", "saturate", LESS["saturate"]),
    )
)
_EXACT = re.compile(
    r"(?:exactly )?(?:the )?(?:colou?r )?(?P<colour>#(?:[0-9a-f]{3}){1,2})|exactly (?P<named>.+)"
)
_TIMES = {
    "half": 0.5,
    "twice": 2.0,
    "double": 2.0,
    "triple": 3.0,
    "a third": 1 / 3,
    "a quarter": 0.25,
}
_NUMBER = rf"(?P<number>\d+(?:\.\d+)?|{'|'.join((*_TIMES, *lexicon.NUMBERS))})"
_AS_BIG = re.compile(
    rf"{_NUMBER}(?: ?x| times)?(?: as (?:big|large)(?: as (?:it is|before|now|it was))?"
    r"| (?:(?:of )?(?:the|its|their|his|her) )?(?:current |original )?size)"
)
_BIGGER = re.compile(
    rf"(?:(?P<slight>(?:just )?(?:a (?:little |tiny )?bit|a little|slightly|a tad|a touch"
    rf"|somewhat))"
    rf"|(?P<much>much|a lot|way|far)|even"
    rf"|(?P<share>\d{{1,3}}) ?(?:%|percent)|(?:by )?{_NUMBER}(?: ?x| times|))?"
    r"(?: |^)(?:(?P<up>bigger|larger)|smaller)"
)


def read_touch(text: str) -> ToolCall | None:
    """Return the call that makes something "darker", "#aa3300" or "twice as big"; of what is open.

    None for other words: what they say has to be painted by a model.
    """
    if (exact := _EXACT.fullmatch(text)) is not None or exact_name(text):
        colour = (exact["colour"] or exact["named"]) if exact else text
        known = is_colour(colour) or colour in ImageColor.colormap
        return call(RETOUCH, {"action": "colour", "colour": colour}) if known else None
    if (factor := _size(text)) is not None:
        return call(ARRANGE, {"action": "scale", "amount": factor})
    for pattern, action, amount in _TOUCHES:
        if pattern.fullmatch(text):
            return call(RETOUCH, {"action": action, "amount": amount})
    return None


def _size(text: str) -> float | None:
    """Return how many times as big something is to be; None where the text says no size."""
    if (sized := _AS_BIG.fullmatch(text)) is not None:
        return number_of(sized["number"])
    found = _BIGGER.fullmatch(text)
    if found is None:
        return None
    up = bool(found["up"])
    if found["share"]:
        return round(1 + int(found["share"]) / 100 * (1 if up else -1), 2)
    if found["number"]:
        return scaled(number_of(found["number"]), up=up)
    factor = 1.25 if found["slight"] else 2.0 if found["much"] else USUAL_SCALE
    return scaled(factor, up=up)


def scaled(factor: float, *, up: bool) -> float:
    """Return a factor, or where something is to be smaller, what turns it round."""
    return factor if up else round(1 / max(factor, 0.01), 2)


def number_of(text: str) -> float:
    """Return the number that words or figures say."""
    try:
        return round(float(_TIMES.get(text) or lexicon.NUMBERS.get(text) or text), 2)
    except ValueError:
        raise Unsure(f"How much is {text!r}? Say e.g. 'to half its size' or 'by 20%'.") from None
