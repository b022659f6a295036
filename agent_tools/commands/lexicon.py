"""Words that commands are made of, and what adjectives say of a thing: colours, sizes, materials.

Nouns are not listed: whatever stands where a thing must stand is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files


def table(name: str, *, of: str = "wording.txt", joint: str = "") -> list[str]:
    """Return the lines of a table of a text file, those that stand further in joined to theirs."""
    text = (files("agent_tools.commands") / of).read_text("utf-8").replace("\n    ", joint)
    lines = text.partition(f"[{name}]\n")[2].partition("\n[")[0].splitlines()
    return [line for line in lines if line and line[0] != "#"]


_LISTS = dict(line.split(" = ", 1) for line in table("words", of="words.txt", joint=" "))


def _words(name: str) -> frozenset[str]:
    return frozenset(_LISTS[name].split())


def _phrases(name: str) -> tuple[str, ...]:
    return tuple(_LISTS[name].split(", "))


# -- adjectives, by what they tell: a new word takes the place of an old one of the same kind

COLOURS = _words("colours")
SHADES = _words("shades")
MATERIALS = _words("materials")
MADE_OF = dict(pair.split(": ") for pair in _phrases("made_of"))
SIZES = _words("sizes")
AGES = _words("ages")
LIGHTS = _words("lights")
QUALITIES = _words("qualities")
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
FRUITS = _words("fruits")
NOUNS_TOO = FRUITS | _words("colours_too") | (MATERIALS - _words("made_of_it"))
IRREGULAR = dict(pair.split(": ") for pair in _phrases("irregular"))
DEGREES = _words("degrees")
DROPPED_DEGREES = _phrases("dropped_degrees")
VAGUE = _words("vague")

# -- small words

DETERMINERS = _words("determiners")
PRONOUNS_ONE = _words("pronouns_one")
PRONOUNS_MANY = _words("pronouns_many")
PREPOSITIONS = _words("prepositions")
# What cannot be a part of the name of a thing: the sentence means more than was understood.
NOT_IN_NAMES = _words("not_in_names")
NEVER_NOUNS = _words("never_nouns")
PICTURES = _words("pictures")
# What is said of things and pictures, and is no thing that can be found in one.
NO_THINGS = _words("no_things")
NUMBERS = {word: number for number, word in enumerate(_phrases("numbers"), 1)}
FOREIGN = _words("foreign")

PEOPLE = _words("people")
WRITING = _words("writing")
# What the setting of a whole picture can be: "at night", "in the snow".
SETTINGS = _words("settings")
DIRECTIONS = _words("directions")
# What clauses begin with that ask for something else; the name of a thing begins with none of them.
OTHER_VERBS = _words("other_verbs")
WEATHERS = _words("weathers")

# -- verbs

FIND = _phrases("find")
REMOVE = _phrases("remove")
PAINT = _phrases("paint")
TURN = _phrases("turn")
REPLACE = _phrases("replace")
ADD = _phrases("add")
GENERATE = _phrases("generate")
RETOUCH = {  # what is done to pixels, and the verbs that say so
    action: _phrases(action)
    for action in "crop cut_out blur grey dim brighten darken saturate outline".split()
}
MOVE = _phrases("move")
COPY = _phrases("copy")
GROW = _phrases("grow")
SHRINK = _phrases("shrink")
SCALE = (*GROW, *SHRINK, "scale", "resize")
SAVE = _phrases("save")
OTHERS = _phrases("others")
# Verbs that are nouns or colours as well: they begin something new before an object only.
NOUNS_ALSO = _phrases("nouns_also")
VERBS = (
    *(*FIND, *REMOVE, *PAINT, *TURN, *REPLACE, *ADD, *GENERATE, *MOVE, *SCALE, *SAVE, *OTHERS),
    "duplicate",
)

ACTIONS = OTHER_VERBS.union(verb.split()[0] for verb in VERBS)
NO_ACTIONS, SHOWING = _words("no_actions"), _words("showing")  # in a remark; after "so that"
TELLING = COLOURS | MATERIALS | SIZES | LIGHTS | NUMBERS.keys() | SETTINGS
NO_QUALITIES = DIRECTIONS.union(VERBS, _words("no_qualities"))
VERBS_PLAIN = tuple(
    verb for action in RETOUCH.keys() - {"crop", "outline"} for verb in RETOUCH[action]
)
VERBS_OF = {  # as rules call them
    "SEEK": FIND,
    "ERASE": REMOVE,
    "PAINT": PAINT,
    "TURN": TURN,
    "EXCHANGE": REPLACE,
    "INSERT": ADD,
    "DRAW": GENERATE,
    "SHIFT": MOVE,
    "CLONE": COPY,
    "RESIZE": SCALE,
    "STORE": SAVE,
    "VERB": VERBS,
    "LAST": (*FIND, *REMOVE, *VERBS_PLAIN, *COPY),
    "PLAIN": VERBS_PLAIN,
}

# -- what holds words together

_GLUE = {" ": "\ue000", ",": "\ue001", ";": "\ue002", ".": "\ue003", "!": "\ue004", "?": "\ue005"}
_HOLD = str.maketrans(_GLUE)
_RELEASE = str.maketrans({sign: plain for plain, sign in _GLUE.items()})


def hold_together(text: str) -> str:
    """Return a text as one word, which nothing splits."""
    return text.translate(_HOLD)


def release(text: str) -> str:
    """Return a text with the spaces and commas that its quotes held together."""
    return " ".join(text.translate(_RELEASE).split())


# -- what was typed wrongly

QUESTION = re.compile(
    r"(?:how|what|which|who|whose|why|when|where|is|are|was|were|do|does|did|has|have|can|could"
    r"|tell me|explain|read)\b",
    re.IGNORECASE,
)
ONES = re.compile(r"\bones?\b")
_SHORTEST = 4  # letters of a word that may be meant by another one
_COMMON = _phrases("common")


_NO_SLIPS = _words("no_slips").union(
    *(PREPOSITIONS, NOT_IN_NAMES, DETERMINERS, PRONOUNS_ONE, PRONOUNS_MANY, ADJECTIVES, SETTINGS)
)
_SINGLE = tuple(dict.fromkeys(verb for verb in (*VERBS, *NOUNS_ALSO) if " " not in verb))
_BEFORE_VERBS = _words("before_verbs")


def with_slips_undone(text: str) -> str:
    """Return a text with mistyped verbs, colours and places put right; names are left alone.

    "Brigthen" and "swpa" are a known word with two letters swapped, one missing or one too many.
    At the beginning, before "the" or its like, another letter may be wrong as well.
    """
    words = text.split()
    fixed = []
    for at, word in enumerate(words):
        begins = at == 0 or words[at - 1].lower() in _BEFORE_VERBS or words[at - 1].endswith(",")
        fixed.append((begins and verb_meant(words[at:])) or _meant(word) or word)
    return " ".join(fixed)


def is_mistyped(words: Sequence[str]) -> bool:
    """Return whether a word of a name may be meant as one that says which, where or what colour."""
    alone = len(words) == 1 and with_slips_undone(words[0]) != words[0]
    return alone or any(_meant(word) for word in words)


def verb_meant(words: Sequence[str]) -> str | None:
    """Return the verb that the first of several words is likely to be; None for other words."""
    if len(words) < 2:
        return None
    strict = words[1].lower() not in DETERMINERS | PRONOUNS_ONE | PRONOUNS_MANY | {"all", "out"}
    return _meant(words[0], among=_SINGLE, strict=strict)


@cache
def _meant(word: str, *, among: tuple[str, ...] = _COMMON, strict: bool = True) -> str | None:
    said = word.lower().strip(",.!?")
    known = said in _NO_SLIPS | {*among} or said.removesuffix("s") in among
    if known or len(said) < _SHORTEST - (not strict):
        return None
    near = [right for right in among if _is_slip(said, right, strict=True)]
    near = near or [right for right in among if _is_slip(said, right, strict=strict)]
    return word.lower().replace(said, near[0]) if len(near) == 1 else None


def _is_slip(word: str, right: str, *, strict: bool) -> bool:
    """Return whether a word is another one with one slip of the fingers."""
    if len(right) < _SHORTEST:
        return False
    swapped = {right[:k] + right[k + 1] + right[k] + right[k + 2 :] for k in range(len(right) - 1)}
    missing = {right[:k] + right[k + 1 :] for k in range(len(right))}
    doubled = {right[: k + 1] + right[k:] for k in range(len(right))}
    if word in swapped | missing | doubled:
        return True
    other = sum(a != b for a, b in zip(word, right, strict=False)) == 1
    more = right in {word[:k] + word[k + 1 :] for k in range(len(word))}
    return not strict and (more or (other and len(word) == len(right)))
