"""Words that commands are made of, and what adjectives say of a thing: colours, sizes, materials.

Nouns are not listed: whatever stands where a thing must stand is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent_tools.commands.calls import Unsure


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# -- adjectives, by what they tell: a new word takes the place of an old one of the same kind

COLOURS = _words(
    "red blue green yellow orange purple pink black white grey gray brown gold silver teal cyan "
    "magenta beige navy turquoise violet crimson scarlet maroon burgundy lilac lavender indigo "
    "olive lime mint cream ivory khaki tan ochre amber bronze copper charcoal aqua azure coral "
    "salmon peach rose mauve plum cherry ruby emerald sapphire blonde ginger multicoloured "
    "multicolored rainbow colourful colorful colourless colorless reddish bluish greenish "
    "yellowish pinkish brownish greyish grayish whitish blackish purplish"
)
SHADES = _words(
    "dark light bright pale deep soft vivid neon pastel dull warm cold sky royal hot "
    "darker lighter brighter paler deeper"
)
MATERIALS = _words(
    "wooden metal metallic glass stone brick marble concrete plastic leather paper cardboard "
    "golden steel iron ceramic clay straw woollen woolen silk cotton velvet chrome wicker bamboo "
    "tin rubber crystal"
)
MADE_OF = {"wood": "wooden", "gold": "golden", "wool": "woollen", "bricks": "brick"}
SIZES = _words(
    "big small large little tall short long huge tiny giant gigantic enormous wide narrow thick "
    "thin fat slim high low massive miniature"
)
AGES = _words("old new young ancient modern medieval antique futuristic")
LIGHTS = _words("dark light bright dim shiny matt matte glossy glowing")
QUALITIES = _words(
    "abandoned angry bald bare beautiful bent blurry broken bushy calm cheerful clean clear closed "
    "cloudy cold cosy cracked creepy crooked crowded curly cute damaged dead dense dirty dotted "
    "dramatic dry dusty elegant empty fancy flat flowering fluffy foggy fresh friendly frozen full "
    "furry fuzzy gloomy happy hard heavy hairy hollow hot icy leafy light lush messy misty mossy "
    "muddy muscular natural neat open ornate overgrown painted patterned plain pointed polished "
    "pretty quiet ragged rainy realistic rich rough round ruined rusty sad sandy scary shaggy "
    "sharp simple sleepy smooth snowy soft spiky spooky spotted spotty square steep stormy "
    "straight striped stripy strong sunny tidy tired transparent tropical ugly warm wavy weak "
    "weathered wet wild windy withered worn wrinkled"
)
KINDS: tuple[tuple[str, frozenset[str]], ...] = (  # in the order in which they stand in English
    ("size", SIZES),
    ("quality", QUALITIES - LIGHTS),
    ("light", LIGHTS),
    ("age", AGES),
    ("colour", COLOURS),
    ("material", MATERIALS),
)
ADJECTIVES = frozenset().union(*(words for _, words in KINDS))
# Names that sound like adjectives: "cherry tree" is no tree of that colour, "light bulb" not dark.
FRUITS = _words(
    "rose lime olive peach plum cherry mint rainbow coral cream light giant square antique plain"
)
NOUNS_TOO = FRUITS | _words("orange violet gold silver bronze copper ruby emerald sapphire").union(
    MATERIALS - _words("wooden golden woollen woolen metallic"), {"charcoal"}
)
IRREGULAR = {
    "worse": "bad",
    "bigger": "big",
    "fatter": "fat",
    "thinner": "thin",
    "slimmer": "slim",
    "dimmer": "dim",
    "sadder": "sad",
    "wetter": "wet",
    "hotter": "hot",
    "flatter": "flat",
    "redder": "red",
}
DEGREES = _words("more less very much far slightly really extremely quite rather so too fairly")
DROPPED_DEGREES = ("a little bit", "a bit", "a little", "a lot", "even", "way", "somewhat", "all")
VAGUE = _words(
    "nice nicer good better best different cool cooler interesting great improved perfect other "
    "another something anything special lovely bad worse right normal changed same similar "
    "weird strange awesome amazing prettier opposite"
)

# -- small words

DETERMINERS = _words("the a an my this that these those his her their its our your any every each")
PRONOUNS_ONE = _words("it this that one itself")
PRONOUNS_MANY = _words("them these those they both themselves")
PREPOSITIONS = _words(
    "with of in on at by near behind under below above between beside inside over around from for "
    "across against along beneath next wearing holding carrying without to into onto through"
)
# What cannot be a part of the name of a thing: the sentence means more than was understood.
NOT_IN_NAMES = _words(
    "it its not no never or but except if because when unless until while than as like and "
    "please should would could can will be is are was were am make made do does don't let "
    "everything anything nothing everyone all both some few several most many half other another "
    "same something someone you your me i we us they them he she who why how what which "
    "instead also too then again so just only maybe colour color rest twice else there here off "
    "none neither nor"
)
PICTURES = _words("picture image photo photograph scene pic photos")
NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)
}
FOREIGN = _words(
    "das der dem ein eine einen und bitte le les une des et avec una il gli het een zijn "
    "mach mache entferne lösche färbe rends supprime enlève trouve haz borra elimina cambia pon "
    "encuentra rimuovi trova fai maak verwijder zoek gör znajdź usuń haus maison casa"
)

# -- verbs

FIND = (
    *"segment select find locate detect highlight mask outline mark isolate spot trace".split(),
    *("identify", "pick out", "look for", "search for", "point out", "point to", "show me", "show"),
)
REMOVE = (
    *("remove", "erase", "delete", "eliminate", "get rid of", "take away", "take out"),
    *("wipe out", "rub out", "clear away"),
)
PAINT = ("paint", "repaint", "colour", "color", "recolour", "recolor", "dye", "tint")
TURN = ("turn", "change", "transform", "convert")
REPLACE = ("replace", "swap out", "swap", "exchange", "substitute", "switch")
ADD = ("add", "put", "place", "insert")
GENERATE = ("generate", "draw", "create", "imagine", "produce", "render")
OTHERS = (
    *("make", "use", "give", "set", "undo", "revert", "go back", "repeat", "try", "list", "take"),
    *("where", "do", "don't", "never", "leave", "keep", "spare", "again", "avoid"),
)
VERBS = (*FIND, *REMOVE, *PAINT, *TURN, *REPLACE, *ADD, *GENERATE, *OTHERS)

# -- what holds words together

_GLUE = {" ": "\ue000", ",": "\ue001", ";": "\ue002", ".": "\ue003", "!": "\ue004", "?": "\ue005"}
_HOLD, _RELEASE = (
    str.maketrans(_GLUE),
    str.maketrans({sign: plain for plain, sign in _GLUE.items()}),
)


def hold_together(text: str) -> str:
    """Return a text as one word, which nothing splits."""
    return text.translate(_HOLD)


def release(text: str) -> str:
    """Return a text with the spaces and commas that its quotes held together."""
    return " ".join(text.translate(_RELEASE).split())


# -- how a thing is to look


@dataclass(frozen=True)
class Look:
    """How something is to look: ``words`` to stand before its name, of one ``kind``.

    The kind is one of the lexicon's ("colour", "size" ...): words of that kind are replaced.
    """

    words: str
    kind: str


def _either(words: frozenset[str]) -> str:
    return rf"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


_COLOUR = _either(COLOURS)
_TONE = rf"(?:{_either(SHADES)}[ -])*{_COLOUR}(?:[ -]{_COLOUR})?"
_SHADE = re.compile(rf"{_TONE}(?:\ue000and\ue000{_TONE})?")
_COLOUR_PAIR = re.compile(rf"\b({_TONE}) and ({_TONE})(?![\w'-])", re.IGNORECASE)
_DROPPED = re.compile(rf"(?:{'|'.join(DROPPED_DEGREES)}) ")
_DEGREE = re.compile(rf"((?:{_either(DEGREES)} )*)(\S+)")
_TONE_OF = re.compile(r"^(?:an? )?((?:\w+ )?)(?:shade|tone|hue|tint) of (?=\w)")
_MADE_OF = re.compile(r"(?:(?:made )?(?:out )?of|from|in) (\S+)")


def join_colours(text: str) -> str:
    """Return the text with each pair of colours, as in "red and white flag", made one word."""

    def joined(pair: re.Match[str]) -> str:
        fruits = all(part.split()[-1].lower() in NOUNS_TOO for part in pair.groups())
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
    if word in VAGUE:
        raise Unsure(f"What is {text!r} to look like? Say it in words that can be painted.")
    kind = _kind(word)
    if not kind and word.isalpha() and (open_class or degree.startswith(("more", "less", "very"))):
        kind = "quality"
    return Look(degree + MADE_OF.get(word, word), kind) if kind else None


def _made_of(material: str) -> Look | None:
    word = MADE_OF.get(material, material)
    return Look(word, "material") if word in MATERIALS else None


def _kind(word: str) -> str:
    """Return what an adjective or its comparative tells, "" for other words."""
    for base in _bases(word):
        for kind, words in KINDS:
            if base in words:
                return kind
    return "colour" if _SHADE.fullmatch(word) else ""


def _bases(word: str) -> list[str]:
    stem = word.removesuffix("r")
    short = stem.removesuffix("e")
    return [
        word,
        MADE_OF.get(word, word),
        *([IRREGULAR.get(word, word)]),
        *([stem, short, f"{short.removesuffix('i')}y", short[:-1]] if word.endswith("er") else []),
    ]


def is_adjective(word: str) -> bool:
    """Return whether a word can only say how something is, and never names a thing."""
    return (bool(_kind(word)) or word in DEGREES) and word not in NOUNS_TOO


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
    end = next((k for k, word in enumerate(words) if word in PREPOSITIONS), len(words))
    owners = [k + 1 for k, word in enumerate(words[:end]) if word.endswith(("'s", "s'"))]
    start = max(owners, default=0)
    return words[:start], words[start:end], words[end:]


def _dressed(head: list[str], look: Look) -> list[str]:
    """Return the words of a name with the look at its place, and none other of its kind."""
    order = [kind for kind, _ in KINDS]
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
            return 0 if words[0] in FRUITS else length
    degrees = 1 if len(words) > 1 and words[0] in DEGREES else 0
    known = words and _kind(words[degrees]) and words[degrees] not in FRUITS
    return degrees + 1 if known else 0
