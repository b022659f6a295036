"""From a text to calls: even, refuse, take apart, read each clause, put together."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import (
    DEFAULTS,
    EDIT,
    GENERATE,
    SEGMENT,
    Reading,
    ToolCall,
    Unsure,
    call,
)
from agent_tools.commands.clauses import Clause, take_apart
from agent_tools.commands.controls import read_control, repeated
from agent_tools.commands.describing import describe
from agent_tools.commands.frames import read_clause
from agent_tools.commands.guards import refuse
from agent_tools.commands.nouns import NamedThing, read_thing, referents
from agent_tools.commands.text import WHAT_CAN_BE_DONE, even, release

MOST_CALLS = 20  # of one command
FOLDED = {"operation", "query", "target"}  # all that an edit may say to go along with generating


def read(
    text: str, last: ToolCall | Sequence[ToolCall] | None = None, *, failed: bool = False
) -> Reading:
    """Return the calls that a command stands for, or what to ask back; raises nothing.

    Args:
        text: the command, in English.
        last: the call that was made before, or all calls of the command before; tells what "it",
            "them" and "again" mean.
        failed: the last of these was refused by its tool, so that nothing has become of it.
    """
    before = () if last is None else (last,) if isinstance(last, ToolCall) else tuple(last)
    try:
        calls = _read(text, before, failed=failed)
    except Unsure as question:
        return Reading(question=str(question))
    return Reading(tuple(calls), describe(calls))


def _read(text: str, before: Sequence[ToolCall], *, failed: bool) -> list[ToolCall]:
    plain = even(text)
    refuse(release(plain))
    sentence = take_apart(plain)
    known = referents(before, failed=failed)
    spared = [read_thing(thing, known) for thing in sentence.spared]
    calls: list[ToolCall] = []
    image = ""
    for clause in sentence.clauses:
        image = clause.image or image
        if not clause.text and not clause.settings:
            continue  # "in house.png, ..."
        made = [_with_settings(one, clause) for one in _calls_of(clause, before, known)]
        made = _all_sparing(made, [read_thing(clause.exclude, known)] if clause.exclude else [])
        made = _all_sparing(made, spared) if any(map(_can_spare, made)) else made
        for one in made:
            calls.append(_in_picture(one, image))
            image = image if one.name == SEGMENT else ""  # from here on: what was made of it
        before, known = made, referents(made)
    if spared and not any(one.text("exclude") for one in calls):
        raise Unsure(f"I leave {spared[0].query!r} alone. What else shall I do?")
    return _checked(_folded(calls))


def _calls_of(
    clause: Clause, before: Sequence[ToolCall], known: Sequence[NamedThing]
) -> list[ToolCall]:
    if not clause.text:
        return repeated(before)  # "with seed 7"
    made = read_control(clause.text.lower(), before)
    if made is None:
        made = read_clause(clause.text.removesuffix(" again"), known)
    if made is None:
        raise _unknown(clause.text)
    return made


def _unknown(text: str) -> Unsure:
    words = release(text).lower().split()
    single = [verb for verb in lexicon.VERBS if " " not in verb]
    near = difflib.get_close_matches(words[0], single, n=1, cutoff=0.75)
    if near and near[0] != words[0] and abs(len(near[0]) - len(words[0])) <= 1:
        return Unsure(f"I do not know {words[0]!r}. Did you mean '{near[0]}'?")
    return Unsure(f"I do not understand {release(text)[:60]!r}. {WHAT_CAN_BE_DONE}")


# -- what is said besides


def _can_spare(made: ToolCall) -> bool:
    return made.name == SEGMENT or (made.name == EDIT and made.operation != "add")


def _all_sparing(made: list[ToolCall], spared: Sequence[NamedThing]) -> list[ToolCall]:
    """Return the calls with what they are to spare.

    Raises:
        Unsure: a tool spares nothing, one thing only, or the very thing is to be changed.
    """
    if not spared:
        return made
    if not all(map(_can_spare, made)):
        raise Unsure("I can spare things when I find, change or remove others. What shall I do?")
    if any(thing.region or thing.invert or thing.exclude for thing in spared):
        raise Unsure("I can spare all of a kind only, not one of several. What shall I spare?")
    return [_sparing(one, {thing.query for thing in spared}) for one in made]


def _sparing(made: ToolCall, names: set[str]) -> ToolCall:
    names = names | ({made.text("exclude")} - {""})
    if len(names) > 1:
        raise Unsure(f"I can spare one thing at a time. Which one: {' or '.join(sorted(names))}?")
    (name,) = names
    if name == made.text("query"):
        raise Unsure(f"Shall I change {name!r}, or leave it alone?")
    return call(made.name, {**made.args, "exclude": name})


def _with_settings(made: ToolCall, clause: Clause) -> ToolCall:
    for setting in clause.settings:
        if setting not in DEFAULTS[made.name]:
            raise Unsure(f"{made.name} has no {setting}. What shall I do?")
    return call(made.name, {**made.args, **clause.settings})


def _in_picture(made: ToolCall, image: str) -> ToolCall:
    if not image:
        return made
    if "image" not in DEFAULTS[made.name]:
        raise Unsure(f"{made.name} works without {image!r}. What shall I do with that picture?")
    return call(made.name, {**made.args, "image": image})


def _folded(calls: list[ToolCall]) -> list[ToolCall]:
    """Return the calls with the edit that follows a generated picture made one with it."""
    folded: list[ToolCall] = []
    for one in calls:
        before = folded[-1] if folded else None
        simple = one.name == EDIT and one.operation != "add" and one.args.keys() <= FOLDED
        if before and simple and before.name == GENERATE and not before.text("query"):
            folded[-1] = replace(before, args={**before.args, **one.args})
        else:
            folded.append(one)
    return folded


def _checked(calls: list[ToolCall]) -> list[ToolCall]:
    if not calls:
        raise Unsure(f"What shall I do? {WHAT_CAN_BE_DONE}")
    if len(calls) > MOST_CALLS:
        raise Unsure(f"Those are {len(calls)} steps; I take up to {MOST_CALLS} at once.")
    return calls
