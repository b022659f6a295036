"""What follows "make" and "replace": things, and what they are to become.

"the tree and the house red", "the house blue and the fence white", "the cat with a dog and the car
with a bus": the parts between the "and"s are read from the left, and whatever has not been told
what to become yet becomes what the next one does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent_tools.commands import lexicon
from agent_tools.commands.adjectives import Look, described, is_adjective, looks_of
from agent_tools.commands.calls import EDIT, ToolCall, Unsure, call
from agent_tools.commands.nouns import NamedThing, read_target, read_things
from agent_tools.commands.text import release

_AND = re.compile(r",? and (?:also )?|, (?:and )?")
_LOOK = re.compile(r"(?:to )?(?:looks?|seem|appear) (?!like )(.+)")
_LINK = re.compile(r"(?:back )?(?:(?:in)?to|as|in|with|be|become) ")
_INTO = re.compile(r"(?:(?:to )?(?:looks? like|be|become)|(?:in)?to(?: looking like)?) (.+)")
_ARTICLE = re.compile(r"an? .+")
_WITH = re.compile(r"(?P<thing>.+?) (?:with|by|for) (?P<target>.+)")


@dataclass(frozen=True)
class Wish:
    """What a thing is to become: either looks, or the name of another thing."""

    looks: tuple[Look, ...] = ()
    target: str = ""

    def applied(self, thing: NamedThing) -> ToolCall:
        """Return the edit that makes this change."""
        if self.looks and thing.invert:
            raise Unsure("What is all the rest to become? Name a thing, e.g. 'snow'.")
        target = self.target or described(thing.query, self.looks)
        if target == thing.query:
            raise Unsure(f"{thing.query!r} is that already. What is it to become?")
        return call(EDIT, {**thing.args(), "target": target})


@dataclass(frozen=True)
class ChangeClause:
    """A part of a clause: the text that names things, and what they are to become."""

    things: str
    change: Wish

    def also(self, looks: Sequence[Look]) -> ChangeClause:
        """Return the same with looks that were said after an "and"; colours become one look."""
        first = self.change.looks
        if first and looks[0].kind == first[-1].kind == "colour":
            joiner = ", " if " and " in looks[0].words else " and "  # "red, white and blue"
            merged = Look(joiner.join((first[-1].words, looks[0].words)), "colour")
            looks, first = (merged, *looks[1:]), first[:-1]
        return ChangeClause(self.things, Wish((*first, *looks), self.change.target))


def is_look(text: str) -> bool:
    """Return whether a text is a colour, a material or another quality."""
    return bool(looks_of(text))


def changes(text: str, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits for what follows "make", "turn" or "paint".

    Args:
        text: lower case, e.g. "the house blue and the fence white".
        known: what "it" may stand for.

    Raises:
        Unsure: a thing, or what it is to become, is missing or unclear.
    """
    found: list[ChangeClause] = []
    waiting: list[str] = []
    for part in _AND.split(text):
        more = looks_of(part) if found and not waiting else ()
        if more:
            found[-1] = found[-1].also(more)
            continue
        changed = _split_change(part)
        if changed is None:
            waiting.append(part)
        else:
            found.append(ChangeClause(" and ".join([*waiting, changed.things]), changed.change))
            waiting = []
    if waiting:
        raise _unfinished(" and ".join(waiting), known)
    return [
        changed.change.applied(thing)
        for changed in found
        for thing in read_things(changed.things, known)
    ]


def replacements(text: str, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits for what follows "replace": "the tree with a boat and the car with a bus".

    Raises:
        Unsure: it is not clear what becomes what.
    """
    found: list[ChangeClause] = []
    waiting: list[str] = []
    for part in _AND.split(text):
        pair = _WITH.fullmatch(part)
        if pair is not None and _WITH.fullmatch(pair["target"]):
            raise Unsure(
                f"{release(part)!r} can be read in two ways. Say 'turn the ... into a ...'."
            )
        if pair is not None:
            target = read_target(pair["target"])
            found.append(ChangeClause(" and ".join([*waiting, pair["thing"]]), Wish(target=target)))
            waiting = []
        elif found and not waiting and _ARTICLE.fullmatch(part):  # "with a boat and a car"
            target = f"{found[-1].change.target} and {read_target(part)}"
            found[-1] = ChangeClause(found[-1].things, Wish(target=target))
        else:
            waiting.append(part)
    if waiting:
        raise _unfinished(" and ".join(waiting), known)
    return [
        changed.change.applied(thing)
        for changed in found
        for thing in read_things(changed.things, known)
    ]


def _split_change(part: str) -> ChangeClause | None:
    """Return the shortest name whose rest says what it is to become; None where there is none."""
    words = part.split()
    for cut in range(1, len(words)):
        things, rest = " ".join(words[:cut]), " ".join(words[cut:])
        if not _may_be_thing(things):
            continue
        change = _read_change(rest)
        if change is not None:
            return ChangeClause(things, change)
    return None


def _may_be_thing(text: str) -> bool:
    if text in lexicon.PRONOUNS_ONE | lexicon.PRONOUNS_MANY:
        return True
    words = [word for word in text.split() if word not in lexicon.DETERMINERS]
    dangling = lexicon.PREPOSITIONS | lexicon.DETERMINERS | lexicon.DEGREES
    return bool(words) and text.split()[-1] not in dangling and not all(map(is_adjective, words))


def _read_change(text: str) -> Wish | None:
    """Return what "blue", "look older", "into a castle" or "a castle" say; None for other words."""
    if (seems := _LOOK.fullmatch(text)) is not None and (
        looks := looks_of(seems[1], open_class=True)
    ):
        return Wish(looks)
    if looks := looks_of(_LINK.sub("", text, count=1)):
        return Wish(looks)
    into = _INTO.fullmatch(text)
    if into is None and _ARTICLE.fullmatch(text) is None:
        return None
    name = into[1] if into else text
    return Wish(looks_of(name)) if is_look(name) else Wish(target=read_target(name))


def _unfinished(things: str, known: Sequence[NamedThing]) -> Unsure:
    """Return the question that is left where things were named, but not what they become."""
    try:
        names = " and ".join(f"the {thing.query}" for thing in read_things(things, known))
    except Unsure:
        names = f"{release(things)!r}"
    return Unsure(f"What is to become of {names}? Say e.g. 'make the house blue'.")
