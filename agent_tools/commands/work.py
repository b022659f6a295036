"""What clauses about the work itself ask for: history, files, and the same with something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import (
    ARRANGE,
    ASK,
    COMPARE,
    DEFAULTS,
    EDIT,
    EXPORT,
    GENERATE,
    LIST,
    RETOUCH,
    SEGMENT,
    UNDO,
    ToolCall,
    Unsure,
    call,
)
from agent_tools.commands.edits import Parts
from agent_tools.commands.lexicon import release
from agent_tools.commands.looks import described, is_colour, looks_of, without_colours
from agent_tools.commands.places import region_of, split_place, split_region
from agent_tools.commands.things import NamedThing, Talk, called, read_things, undetermined
from agent_tools.commands.wording import pattern

MOST_UNDONE = 20  # steps in one command
_NO_NAME = pattern("no_name")


def export(parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return the saving of the picture under a name."""
    name = release(parts.get("name", "")).rstrip(".")
    vague = _NO_NAME.match(name.lower()) is not None and "\ue000" not in parts["name"]
    if not name or len(name.split()) > 3 or vague:
        raise Unsure("Under which name? Say e.g. 'save it as house.png'.")
    return [call(EXPORT, {"name": name, "image": parts.get("image")})]


def list_them(parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return the list of pictures, of some number or near some name."""
    limit = _number(parts["count"]) if "count" in parts else None
    return [call(LIST, {"limit": limit, "name": undetermined(release(parts.get("name", "")))})]


def compare(parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return the comparison with an earlier picture, by default the one before."""
    first, other = parts.get("image"), parts.get("other", "")
    other = "original" if "original" in other or "beginning" in other else other
    return [
        call(COMPARE, {"image": first, "other": other if re.match(r"img_|orig", other) else None})
    ]


# -- history


def undo(parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return as many steps back as were said, or the way to a named picture."""
    if to := parts.get("to"):
        return [call(UNDO, {"to": to})]
    said = parts.get("times") or parts.get("count")
    times = 2 if parts.get("twice") else _number(said) if said else 1
    if not 0 < times <= MOST_UNDONE:
        raise Unsure(f"I undo up to {MOST_UNDONE} steps at once. How many shall I undo?")
    return [ToolCall(UNDO)] * times


def redo(_parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return the taking back of an undo."""
    return [call(UNDO, {"to": "redo"})]


def put_back(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return an undo of what was changed, or of the undo before."""
    undone = talk.past and all(made.name == UNDO for made in talk.past)
    return redo(parts, talk) if undone else regret(parts, talk)


def to_original(_parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return the way back to the picture that all began with."""
    return [call(UNDO, {"to": "original"})]


def regret(_parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return an undo where something was changed by the command before."""
    if len(talk.past) == 1 and talk.past[0].name in (EDIT, RETOUCH, ARRANGE):
        return [ToolCall(UNDO)]
    raise Unsure("I have changed nothing that I could take back. What shall I do?")


def again(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the calls of before once more."""
    return repeated(talk.past, other_seed="other" in parts or "only" in parts)


def repeated(past: Sequence[ToolCall], *, other_seed: bool = False) -> list[ToolCall]:
    """Return calls once more, with the next seed if another one is wanted.

    Raises:
        Unsure: nothing was done yet, or what was done has no seed.
    """
    if not past:
        raise Unsure("There is nothing yet to do again. What shall I do?")
    if not other_seed:
        return list(past)
    seeded = [old for old in past if "seed" in DEFAULTS.get(old.name, {})]
    if len(seeded) < len(past):
        raise Unsure(f"{past[-1].name} has no seed. What shall I do again?")
    return [
        call(old.name, {**old.args, "seed": int(old.args.get("seed", 0)) + 1}) for old in seeded
    ]


def recoloured(colour: str, thing: str, talk: Talk) -> list[ToolCall]:
    """Return what was done with one colour, done with another: "now in blue", "the door green"."""
    last = _onward(talk.past[-1])
    if not is_colour(colour) or "colour" not in last.args:
        raise Unsure("Which colour?")
    last = call(last.name, {**last.args, "colour": colour})
    return [_for(last, each) for each in read_things(thing, talk)] if thing else [last]


def another(_parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return another attempt at what was made."""
    made = [old for old in talk.past if old.name in (EDIT, GENERATE) and old.operation == "replace"]
    if not made or len(made) < len(talk.past):
        raise Unsure("Another what? Say e.g. 'try another seed', or name the thing.")
    return repeated(made, other_seed=True)


def more(_parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return a retouch once more."""
    if len(talk.past) != 1 or talk.past[0].name not in (RETOUCH, ARRANGE):
        raise Unsure("More of what? Say e.g. 'make the house brighter'.")
    return [_onward(talk.past[0])]


def _number(text: str) -> int:
    return lexicon.NUMBERS.get(text) or int(text)


# -- what was done before, with something else


def same_with(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return what was done before, done to other things: "and the tree too"."""
    if not talk.past:
        raise Unsure("What shall I do with that? Nothing was done before.")
    last = talk.past[-1]
    name, place = split_region(undetermined(parts["thing"]))
    place = place if name in ("one", "ones") else region_of(parts["thing"].removeprefix("on "))
    if last.name == EDIT and last.operation == "add":
        place = split_place(f"one {parts['thing']}")[1] or place
        if not place or place == last.text("region"):
            raise Unsure("Add what, and where? Say e.g. 'add a lamp on the right'.")
        return [call(EDIT, {**_onward(last).args, "region": place})]
    if place and last.text("action") == "copy":
        return [call(ARRANGE, {**_onward(last).args, "to": place})]
    if place:
        return [_for(last, NamedThing(last.text("query"), place))]
    if last.text("target") and lexicon.ONES.search(parts["thing"]):
        raise Unsure(f"What shall I do with {parts['thing']!r}? Please name the thing.")
    return [_for(last, thing) for thing in read_things(parts["thing"], talk)]


def rather(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return what was done before, done to another thing; what it was done to is taken back."""
    made = same_with(parts, talk)
    looked = all(old.name in (SEGMENT, ASK) for old in talk.past)
    if len(talk.past) > 1 or not (looked or talk.past[0].name in (EDIT, RETOUCH, ARRANGE)):
        raise Unsure("What shall I do instead? Please say all of it.")
    return made if looked else [ToolCall(UNDO), *made]


def _onward(last: ToolCall) -> ToolCall:
    """Return a call that goes on from the latest picture, where it changes one."""
    kept = {key: value for key, value in last.args.items() if key != "image"}
    return call(last.name, last.args if last.name in (SEGMENT, ASK) else kept)


def _for(last: ToolCall, thing: NamedThing) -> ToolCall:
    """Return a call with another thing in the place of its own."""
    whole = last.operation == "setting" or last.text("other")
    if last.args.get("invert"):
        thing = replace(thing, invert=not thing.invert)
    if "region" not in DEFAULTS[last.name] or whole or not last.text("query"):
        raise Unsure(f"What shall I do with {thing.query!r}?")
    rest = {key: value for key, value in _onward(last).args.items() if key not in thing.args()}
    return called(last.name, thing, {**rest, "target": _target_for(last, thing.query) or None})


def _target_for(last: ToolCall, name: str) -> str:
    """Return what a thing becomes that is changed as another one was: the same look, or thing."""
    old, target = last.text("query"), last.text("target")
    noun = without_colours(old)
    if not target.endswith(noun.split()[-1]):
        return target
    words = target.removesuffix(noun).strip() if target.endswith(noun) else ""
    looks = looks_of(words) if words else ()
    if not looks:
        raise Unsure(f"What is {name!r} to become?")
    return described(name, looks)
