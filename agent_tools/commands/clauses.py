"""A command taken apart: one clause for each thing to do.

"don't touch the door; make the house blue with seed 3 and remove the tree" has two clauses, spares
the door in both, and gives the first a seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure, Value
from agent_tools.commands.looks import is_adjective, is_colour, join_colours
from agent_tools.commands.places import is_place, split_region
from agent_tools.commands.things import EVERYTHING_BUT
from agent_tools.commands.wording import bare, pattern

_NOTHING = pattern("nothing")
_SO_TOO = pattern("so_too")  # "and the tree too": what was done before is to be done to it as well
_LAST_VERB = pattern("last_verb")
_BREAK = pattern("break")
_SPARE = tuple(pattern(f"spare_{number}") for number in range(1, 7))
_COLOURED = re.compile(r"\bcolou?rs?$", re.IGNORECASE)
_THE_REST = pattern("the_rest")
_INSIDE = pattern("inside")  # "... without touching the tree", at the end of a clause
_EXCEPT = pattern("except")
_ALL_BUT = pattern("all_but")
_NAMES_IT = pattern("names_it")  # the file or handle in it is no picture to work on
_ABOUT_IT = re.compile(r"\b(?:it|them|that|they|those)\b", re.IGNORECASE)
_NOT_SO = pattern("not_so")  # "don't make the house blue, make it green"
_SAID_ONLY = pattern("said_only")  # of no picture, where something else follows
_STATEMENT = pattern("statement")  # "the jumper is red now", as the reason for what is said next
_IMAGE = pattern("image")
_TAKEN = re.compile(r"^(?:take|you see|look at|as for|regarding|about) ", re.IGNORECASE)
_NO_TOPIC = lexicon.OTHER_VERBS.union(
    lexicon.NOT_IN_NAMES, *(verbs for verbs in lexicon.VERBS_OF.values())
)
MOST_TOPIC = 3  # words of a thing without an article: "sky, make it purple"
_SHARE = r"[01](?:\.\d+)?"
_SETTINGS = tuple(  # "with a threshold of 0.3", "(seed 4)"
    (
        argument,
        re.compile(
            r",?\s*\(?(?:\b(?:with|using|at|and|use)\s+)?(?:(?:an?|the)\s+)?"
            rf"\b{argument}(?:\s+(?:of|to|is|number))?[\s=:]+(?P<value>{number})\)?(?![\w.]*\w)",
            re.IGNORECASE,
        ),
    )
    for argument, number in (("seed", r"\d{1,15}"), ("threshold", _SHARE), ("strength", _SHARE))
)


@dataclass(frozen=True)
class Clause:
    """One thing to do.

    Attributes:
        text: what, from the verb on.
        exclude: the name of what this clause spares; "" for nothing.
        image: handle or file name; "" where none is named.
        settings: seed, threshold, strength, as far as given.
        more: it was said as something to be done as well: "and the tree too".
        topic: it asks for nothing, and says what the next one is about.
    """

    text: str
    exclude: str = ""
    image: str = ""
    settings: dict[str, Value] = field(default_factory=dict)
    more: bool = False
    topic: bool = False


@dataclass(frozen=True)
class Sentence:
    """All that a command says: what to do, in order, and what to spare in all of it."""

    clauses: tuple[Clause, ...]
    spared: tuple[str, ...] = ()


def take_apart(text: str) -> Sentence:
    """Return the clauses of a text that was made even.

    Raises:
        Unsure: two pictures are named for one thing to do.
    """
    clauses: list[Clause] = []
    spared: list[str] = []
    pieces = _pieces(text)
    for at, (piece, more) in enumerate(pieces):
        after = pieces[at + 1][0] if at + 1 < len(pieces) else ""
        if _ABOUT_IT.search(after) and (other := _NOT_SO.fullmatch(piece)) is not None:
            clauses.append(Clause(other["thing"], topic=True))
            continue
        thing = _spared(piece)
        if thing is not None and (len(pieces) > 1 or not _COLOURED.search(piece)):
            spared += [] if _THE_REST.fullmatch(thing) else [thing]
            continue
        inside = _INSIDE.search(piece)
        if inside is not None:
            spared.append(_spared(inside["spare"]) or "")
            piece = piece[: inside.start()]
        if after and _SAID_ONLY.fullmatch(piece):
            clauses.append(Clause("", topic=True))
            continue
        stated = _STATEMENT.fullmatch(piece) if after else None
        if not stated and after and _names_only(piece, after):
            clauses.append(Clause(_TAKEN.sub("", piece), topic=True))
            continue
        more = more or any(not clause.topic for clause in clauses)
        clauses.append(_topic(stated) if stated else replace(_clause(piece), more=more))
    return Sentence(tuple(clauses), tuple(spared))


def _names_only(piece: str, after: str) -> bool:
    """Return whether a piece names what the next one is about: "the brown dog, make it black"."""
    words = _TAKEN.sub("", piece.lower()).split()
    named = words[0] in lexicon.DETERMINERS or (len(words) > 1 and is_adjective(words[0]))
    named = named or bool(split_region(" ".join(words))[1])
    named = named or (len(words) <= MOST_TOPIC and _NO_TOPIC.isdisjoint(words))
    return named and not is_adjective(words[-1]) and _ABOUT_IT.search(after) is not None


def _topic(stated: re.Match[str]) -> Clause:
    """Return what a statement speaks of: "the red jumper" of "the jumper is red"."""
    if stated["seen"]:
        return Clause(stated["seen"], topic=True)
    article, _, noun = stated["thing"].lower().partition(" ")
    state = stated["state"].lower()
    return Clause(f"{article} {state} {noun}" if is_colour(state) else stated["thing"], topic=True)


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Return the text cut where something new is to be done, politeness gone.

    With each goes whether it was said as something to be done as well.
    """
    pieces = [
        (bare(piece), bool(_SO_TOO.search(piece)))
        for piece in _BREAK.split(join_colours(text))
        if piece
    ]
    said = [each for each in pieces if each[0] and not _NOTHING.fullmatch(each[0])]
    if len(said) > 1 and _LAST_VERB.fullmatch(said[-1][0]):  # "the blue car, select"
        said[-2:] = [(f"{said[-1][0]} {said[-2][0]}", said[-2][1])]
    for at in reversed(range(len(said) - 1)):
        if is_place(said[at][0]):  # "on the left, add a tree"
            place = re.sub(r"^the ", "in the ", said[at][0], flags=re.IGNORECASE)
            said[at : at + 2] = [(f"{said[at + 1][0]} {place}", said[at + 1][1])]
    return said


def _spared(piece: str) -> str | None:
    """Return what a clause only says to leave alone; None where it says something else."""
    for sparing in _SPARE:
        if (found := sparing.fullmatch(piece)) is not None:
            return found["thing"].lower()
    return None


def _clause(piece: str) -> Clause:
    if _NAMES_IT.fullmatch(piece):
        return Clause(piece)
    piece, image = _without_image(piece)
    piece, settings = _without_settings(piece)
    piece = _ALL_BUT.sub(EVERYTHING_BUT, piece)
    found = _EXCEPT.search(piece)
    exclude = found["thing"].lower() if found else ""
    return Clause(bare(piece[: found.start()] if found else piece), exclude, image, settings)


def _without_image(piece: str) -> tuple[str, str]:
    named = [found["image"] for found in _IMAGE.finditer(piece)]
    if len(set(named)) > 1:
        raise Unsure(f"Which picture: {' or '.join(named)}? I work on one at a time.")
    return " ".join(_IMAGE.sub(" ", piece).split()), named[0] if named else ""


def _without_settings(piece: str) -> tuple[str, dict[str, Value]]:
    settings: dict[str, Value] = {}
    for argument, setting in _SETTINGS:
        if (found := setting.search(piece)) is not None:
            number = int if argument == "seed" else float
            settings[argument] = number(found["value"])
            piece = piece[: found.start()] + piece[found.end() :]
    return piece.strip(), settings
