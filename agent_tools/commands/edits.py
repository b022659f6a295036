"""What "make", "replace", "add" and their like ask for: things, and what they are to become."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent_tools.commands import lexicon
from agent_tools.commands.calls import EDIT, GENERATE, SEGMENT, ToolCall, Unsure, call
from agent_tools.commands.lexicon import Look, described, is_adjective, looks_of, release
from agent_tools.commands.things import (
    EVERYTHING_BUT,
    NamedThing,
    read_target,
    read_things,
    region_of,
    split_place,
)

Parts = dict[str, str]  # what the named groups of a pattern matched

_FROM = re.compile(r" (?:from|off) the (?=(\w+))")
_BESIDE = re.compile(r" (?:on|at|in|to|over|under|of|behind|beside) (?:the|his|her|its|their|my) ")
_IN_MASK = re.compile(r" (?:in|inside|into|at|on|within|under)(?: the)?(?: mask)? (mask_\w+)$")
_SAYS_NOTHING = frozenset().union(
    *(lexicon.DETERMINERS, lexicon.PICTURES, lexicon.PRONOUNS_ONE, lexicon.PRONOUNS_MANY),
    *(("new", "another"),),
)
_COPIES = frozenset(("copy", "copies", "variation", "variations", "duplicate", "version"))


def find(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return a search for each thing."""
    return [call(SEGMENT, thing.args()) for thing in read_things(parts["thing"], known)]


def remove(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return a removal for each thing."""
    return [call(EDIT, {"operation": "remove", **thing.args()}) for thing in _on(parts, known)]


def _on(parts: Parts, known: Sequence[NamedThing]) -> list[NamedThing]:
    """Return the things, "the cat from the sofa" taken for the cat on the sofa."""
    said = _FROM.sub(lambda found: found[0] if region_of(found[1]) else " on the ", parts["thing"])
    return read_things(said, known)


def replace_with(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits of "the tree with a boat"."""
    return replacements(parts["rest"], known)


def use_instead(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits of "a boat instead of the tree"."""
    target = read_target(parts["target"])
    things = read_things(parts["thing"], known)
    return [call(EDIT, {**thing.args(), "target": target}) for thing in things]


def change(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits of "the house blue"."""
    return changes(parts["rest"], known)


def recolour(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits of "the colour of the house to blue"."""
    thing, target = parts["thing"], parts["target"]
    if thing in ("its", "their"):
        thing = "it" if thing == "its" else "them"
    if not is_look(target):
        raise Unsure(f"What colour is {release(target)!r}? I do not know it.")
    return changes(f"{thing} to {target}", known)


def change_from_to(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits of "the house from red to blue", which is a red house."""
    if not (is_look(parts["old"]) and is_look(parts["target"])):
        raise Unsure("From what to what? Say e.g. 'make the red house blue'.")
    thing = re.sub(r"^(?:the|my|this|that) ", "", parts["thing"])
    return changes(f"the {parts['old']} {thing} to {parts['target']}", known)


def add(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return an edit for each thing in "a cloud on the left and a sun on the right"."""
    if parts["rest"].startswith(("the ", "it ", "them ", "this ", "that ")):
        raise Unsure("I cannot move things. Say 'add a ...' with a place, to add another one.")
    calls = []
    for part in _placed(parts["rest"]):
        mask = _IN_MASK.search(part)
        thing, place = split_place(part[: mask.start()] if mask else part)
        if bool(mask) == bool(place) or _BESIDE.search(thing):
            raise Unsure(
                f"Where shall I add {release(part)!r}? I know places in the picture: left, right, "
                "top, bottom, middle, 'top left' ...; or give the handle of a mask."
            )
        where = {"mask": mask[1]} if mask else {"region": place}
        calls.append(call(EDIT, {"operation": "add", "target": read_target(thing), **where}))
    return calls


def _placed(text: str) -> list[str]:
    """Return the parts of what is to be added that have a place each; the whole where none has."""
    parts = re.split(r",? and |, (?:and )?", text)
    placed = [bool(split_place(part)[1]) or "mask_" in part for part in parts]
    if any(placed) and not all(placed):
        raise Unsure("Please give a place for each thing to add, e.g. 'a boat on the left'.")
    return parts if all(placed) else [text]


def generate(parts: Parts, _known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the making of a picture."""
    prompt = release(parts.get("prompt", ""))
    words = set(re.findall(r"\w+", prompt.lower()))
    if split_place(prompt)[1] and " of " not in prompt:
        raise Unsure("A new picture, or 'add' it to this one? Say 'add a ... on the left' to add.")
    if EVERYTHING_BUT.strip() in prompt or not words - _SAYS_NOTHING or words & _COPIES:
        raise Unsure("What is the picture to show?")
    if words & lexicon.VAGUE and len(words) <= 3:
        raise Unsure("What is the picture to show? Say it in words that can be painted.")
    return [call(GENERATE, {"prompt": prompt})]


def ask_what(parts: Parts, _known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return nothing: ask what a verb is about that stands alone."""
    raise Unsure(f"{parts['verb'].capitalize()} what?")


def ask_colour(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return nothing: ask for the colour in "change the colour of the house"."""
    names = " and ".join(thing.query for thing in read_things(parts["thing"], known))
    raise Unsure(f"What colour is {names!r} to be?")


def become(parts: Parts, known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the edits of "the house should be blue"."""
    return changes(f"{parts['thing']} {parts['target']}", known)


def refuse_shapes(_parts: Parts, _known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return nothing: say that there are no lines and boxes."""
    raise Unsure("I draw no lines and shapes on pictures. Say 'find the ...' to see where it is.")


def ask_which_way(parts: Parts, _known: Sequence[NamedThing]) -> list[ToolCall]:
    """Return nothing: ask which of two things becomes the other."""
    raise Unsure("Which is to become which? Say 'replace the ... with a ...'.")


# -- things, and what they are to become

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
