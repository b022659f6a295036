"""What the words of a clause are for: "16:9 crop on the car" is a shape, a verb and a thing.

A word is for what the table ``chunks`` of ``wording.txt`` says, wherever it stands, or is a look, a
place or a change that `looks` and `places` know. All other words are names of things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from PIL import ImageColor

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure
from agent_tools.commands.looks import looks_of, read_touch
from agent_tools.commands.places import split_place
from agent_tools.commands.things import EVERYTHING_BUT
from agent_tools.commands.wording import table

LONGEST = 7  # words that are one chunk
_BEFORE_COLOURS = ("in", "with", "to", "using", "into")
_INNER = frozenset("with of in on at behind near under beside wearing holding over above".split())
_ARTICLES = frozenset("the a an my his her its their our your".split())
_POINTING = frozenset("this that these those".split())
_PRONOUNS = frozenset("it them him both they he she".split())
WHOLE_PICTURE = re.compile(
    rf"(?:(?:the|this|my|that) )?(?:whole |entire )?(?:{'|'.join(sorted(lexicon.PICTURES))}"
    r"|drawing|painting|artwork|work|piece|thing)"
    r"|(?:it )?all(?: of it)?|everything|everywhere"
)
REST = re.compile(
    r"(?:all )?(?:the )?(?:rest|background|surroundings|others?)(?: of (?:it|the picture))?"
    r"|everything else|all else"
)
_SIDES = re.compile(r"left|right|top|bottom|middle|cent(?:er|re)|up|down|upwards?|downwards?")


@dataclass(frozen=True)
class Chunk:
    """Words that are for one thing.

    Attributes:
        kind: what for: a kind of the table, "LOOK", "TOUCH", "PLACE", "THING".
        text: the words.
        value: what of that kind they say; "" where that is clear.
        link: the preposition before them.
    """

    kind: str
    text: str
    value: str = ""
    link: str = ""


_LETTERS = {"LOOK": "a", "TOUCH": "t", "PLACE": "s", "SIDE": "l", "WHOLE": "P", "REST": "R"}
_THING = re.compile(
    r"b?(?:i|P|R|(?:[dj][alwt]*|[alw]*)w(?:f|(?:p|(?<=w)&)[dj]?[alw]*w)*|j(?![a-z]))"
)


def scan(text: str) -> list[Chunk]:
    """Return what the words of a clause are for, in their order."""
    tokens = re.findall(r"[^\s,;:.!?]+(?:[:.][^\s,;:.!?]+)*|[,;:.!?]+", text.lower())
    found: list[Chunk] = []
    while tokens:
        length, chunk = _longest(tokens, coloured=bool(found) and found[-1].text in _BEFORE_COLOURS)
        found.append(chunk)
        tokens = tokens[length:]
    return list(_with_things(found))


def _longest(tokens: list[str], *, coloured: bool) -> tuple[int, Chunk]:
    end = next((at for at, token in enumerate(tokens) if token[0] in ",;:.!?"), len(tokens))
    for length in range(min(LONGEST, end), 0, -1):
        words = " ".join(tokens[:length])
        if (chunk := _known(words, coloured=coloured)) is not None:
            return length, chunk
    return 1, Chunk(_small(tokens[0]), tokens[0])


@cache
def _known(words: str, *, coloured: bool) -> Chunk | None:
    if (found := _KINDS.fullmatch(words)) is not None:
        kind, _, value = _HEADS[int(str(found.lastgroup)[1:])].partition(":")
        return Chunk(kind, words, value)
    if WHOLE_PICTURE.fullmatch(words) or REST.fullmatch(words):
        return Chunk("REST" if REST.fullmatch(words) else "WHOLE", words)
    if re.fullmatch(r"(?:from|of) (?:the )?(?:left|right|top|bottom)", words):
        return Chunk("f", words)
    if _SIDES.fullmatch(words):
        return Chunk("SIDE", words, words)
    upright = re.fullmatch(r"(up|down) (?:on|at|in) the (left|right)", words)
    if upright is not None:
        return Chunk("PLACE", words, f"{'top' if upright[1] == 'up' else 'bottom'} {upright[2]}")
    if (place := split_place(f"it {words}"))[1] and place[0] == "it":
        return Chunk("PLACE", words, place[1])
    if read_touch(words) is not None and not coloured:
        return Chunk("TOUCH", words)
    return Chunk("LOOK", words) if _is_look(words, coloured=coloured) else None


def _is_look(words: str, *, coloured: bool) -> bool:
    bare = re.sub("^an? ", "", words)
    try:
        known = bool(looks_of(words)) and not words.startswith(("in ", "from ", "of "))
        known = known or (bare != words and bare not in lexicon.NOUNS_TOO and bool(looks_of(bare)))
    except Unsure:
        return False
    return known or (coloured and words in ImageColor.colormap)


def _small(word: str) -> str:
    kinds = (
        *(
            (_ARTICLES | {"one", "another"}, "d"),
            (_POINTING, "j"),
            (_PRONOUNS, "i"),
            (_INNER, "p"),
            (("and", "&"), "&"),
        ),
        (lexicon.PREPOSITIONS | {"as", "like", "than", "around", "but", "or"}, "q"),
        ((EVERYTHING_BUT.strip(),), "b"),
    )
    other = "," if word[0] in ",;:.!?" else "w"
    return next((kind for words, kind in kinds if word in words), other)


def _letter(chunk: Chunk) -> str:
    if chunk.kind == "LOOK" and chunk.text.endswith("er"):  # "greener grass" is a wish
        return "t"
    return chunk.kind if len(chunk.kind) == 1 else _LETTERS.get(chunk.kind, "X")


def _with_things(found: Sequence[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks, those that make up the name of a thing as one, links with what follows."""
    letters = "".join(map(_letter, found))
    at, link = 0, ""
    while at < len(found):
        name = _THING.match(letters, at)
        if name is not None:
            text = " ".join(chunk.text for chunk in found[at : name.end()])
            chunk, at = Chunk("THING", text), name.end()
        else:
            chunk, at = found[at], at + 1
        if chunk.kind in ("p", "q"):
            link = f"{link} {chunk.text}".strip()
            continue
        if chunk.kind != "SAYS_NOTHING":
            yield replace(chunk, kind=chunk.kind.replace("SIDE", "PLACE"), link=link)
            link = ""
    if link:
        yield Chunk("q", link)


_HEADS, _PATTERNS = zip(*(line.split(" = ", 1) for line in table("chunks")), strict=True)
KIND_NAMES = frozenset(head.partition(":")[0] for head in _HEADS)
_KINDS = re.compile(
    "|".join(f"(?P<k{number}>{pattern})" for number, pattern in enumerate(_PATTERNS)),
    re.IGNORECASE,
)
