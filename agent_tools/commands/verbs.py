"""What each kind of verb asks for: the parts that its pattern found, made into calls.

Every function takes the parts of one clause and what "it" may stand for, and raises ``Unsure``
where not everything that the verb needs is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_tools.commands import lexicon
from agent_tools.commands.calls import EDIT, GENERATE, SEGMENT, ToolCall, Unsure, call
from agent_tools.commands.changes import changes, is_look, replacements
from agent_tools.commands.nouns import EVERYTHING_BUT, NamedThing, read_target, read_things
from agent_tools.commands.places import region_of, split_place
from agent_tools.commands.text import release

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
