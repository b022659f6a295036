"""From a text to calls: even, refuse, take apart, read each clause, put together, say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import (
    ARRANGE,
    ASK,
    COMPARE,
    CONTROLS,
    DEFAULTS,
    DESCRIBE,
    EDIT,
    EXPORT,
    GENERATE,
    LIST,
    RETOUCH,
    SEGMENT,
    UNDO,
    Reading,
    ToolCall,
    Unread,
    Unsure,
    call,
)
from agent_tools.commands.clauses import Clause, take_apart
from agent_tools.commands.edits import changes, find
from agent_tools.commands.guessing import Guess, guess
from agent_tools.commands.lexicon import release, verb_meant, with_slips_undone
from agent_tools.commands.looks import TONE, is_adjective, read_touch, without_colours
from agent_tools.commands.places import split_place, split_region
from agent_tools.commands.refusing import ANSWERS, refuse
from agent_tools.commands.remarks import is_command, without_remarks
from agent_tools.commands.rules import read_clause, read_in_two
from agent_tools.commands.things import NamedThing, Talk, read_thing, read_things
from agent_tools.commands.wording import WHAT_CAN_BE_DONE, even
from agent_tools.commands.work import recoloured, repeated, same_with

MOST_CALLS = 20  # of one command
_NEW_THING = re.compile(r"(?<!to)(?<!into)(?<!in)(?<!^) an? ")  # "order a pizza"
_IN_COLOUR = re.compile(rf"\b(?:{'|'.join(sorted(lexicon.PEOPLE))}) in {TONE}$")
_COLOURED = re.compile(rf"(?:(?P<thing>.+?) )??(?:in |to )?(?P<colour>{TONE})")
_OBJECT = re.compile(r"\w+ (?:to|out|all|around|it|them|this|that|the|my|his|her) ")
_COUNT = re.compile(rf"^(?:{'|'.join(lexicon.NUMBERS)}|\d+) ")
_QUOTED = '"{}"'.format
MOST_NAMED = 6  # words of a thing that is named and no more
LOOKING = (SEGMENT, ASK)  # what leaves the picture as it is
EXAMPLES = (
    *("find the tree", "make the red house blue", "replace the tree with a boat", "undo"),
    *("remove the boat", "add a ball on the left", "draw a house on a beach", "list the pictures"),
    *("blur everything around the dog", "crop to the dog", "cut out the dog", "outline the cat"),
    *("make the picture brighter", "make the boat twice as big", "move the car to the right"),
    *("how many trees are there", "what colour is the roof", "is the dog left of the car"),
    *("make it night", "save it as house.png", "make the roof the same colour as the door"),
)
FOLDED = {"operation", "query", "target"}  # all that an edit may say to go along with generating


def read(text: str, last: Sequence[ToolCall] = (), *, failed: bool = False) -> Reading:
    """Return the calls that a command stands for, or what to ask back; raises nothing.

    Args:
        text: the command, in English.
        last: all calls of the command before; they tell what "it", "them" and "again" mean.
        failed: the last of these was refused by its tool, so that nothing has become of it.
    """
    try:
        plain = even(text)
        calls, remarks = _read(plain, last, failed=failed)
    except Unread as question:
        meant = guess(plain, lambda part: _read_even(part, last, failed=failed))
        return _offered(meant) if meant else Reading(question=str(question))
    except Unsure as question:
        return Reading(question=str(question))
    passing = f" (passing over {' and '.join(map(_QUOTED, remarks))})" if remarks else ""
    return Reading(tuple(calls), f"{describe(calls)}{passing}")


def _offered(meant: Guess) -> Reading:
    """Return the question whether a guess is meant."""
    beside = f"I do not understand {' and '.join(map(_QUOTED, meant.beside))}. " * any(meant.beside)
    offer = f"Shall I do this: {describe([meant.made])}? Say yes, or all of it in other words."
    return Reading(question=f"{beside}{offer}", guess=meant.made)


def _read(
    plain: str, before: Sequence[ToolCall], *, failed: bool
) -> tuple[list[ToolCall], tuple[str, ...]]:
    """Return the calls of a text, and the remarks that it cannot be read with."""
    refuse(release(plain))
    question = None
    ways = (*without_remarks(plain), *without_remarks(with_slips_undone(plain)))
    for rest, remarks in sorted(dict.fromkeys(ways), key=lambda way: len(way[1])):
        try:
            refuse(release(rest))  # once slips are undone, there may be more to refuse
            calls = _read_even(rest, before, failed=failed)
        except Unsure as why:
            question = question or why
            continue
        if is_command(rest, calls, passing=remarks):
            return calls, remarks
    raise question or _unknown(plain)


def _read_even(plain: str, before: Sequence[ToolCall], *, failed: bool) -> list[ToolCall]:
    sentence = take_apart(plain)
    talk = Talk.after(before, failed=failed)
    spared = tuple(read_thing(thing, talk) for thing in sentence.spared)
    talk = talk if talk.things else replace(talk, things=spared)
    calls: list[ToolCall] = []
    image = ""
    for clause in sentence.clauses:
        image = clause.image or image
        if clause.topic:
            about = _topic_of(clause, talk) if clause.text else talk.things
            talk = replace(talk, things=about, topic=bool(clause.text and about))
            continue
        if not clause.text and not clause.settings:
            continue  # "in house.png, ..."
        made = _calls_of(clause, replace(talk, kept=spared))
        made = [_with_settings(one, clause) for one in made]
        made = _all_sparing(made, [_excluded(clause.exclude, made, talk)] if clause.exclude else [])
        made = _all_sparing(made, spared) if any(map(_can_spare, made)) else made
        for one in made:
            calls.append(_in_picture(one, image))
            image = image if one.name in LOOKING else ""  # from here on: what was made of it
        talk = _after(made, talk)
    if spared and not any(one.text("exclude") or one.args.get("invert") for one in calls):
        raise Unsure(f"I leave {spared[0].query!r} alone. What else shall I do?")
    return _checked(_folded(calls))


def _after(made: Sequence[ToolCall], talk: Talk) -> Talk:
    """Return what can be spoken of after a clause; an undo brings back what it was."""
    if not all(one.name in CONTROLS for one in made):
        return Talk.after(made)
    if all(one.name == UNDO for one in made):
        return replace(Talk.after(talk.past, failed=True), past=tuple(made))
    return replace(talk, past=tuple(made))


def _excluded(text: str, made: Sequence[ToolCall], talk: Talk) -> NamedThing:
    """Return what a clause leaves out; "the red ones" are of what it is about."""
    query = made[0].text("query") if made else ""
    ones = bool(query) and lexicon.ONES.search(text) is not None
    return read_thing(text, Talk(things=(NamedThing(query),)) if ones else talk)


def _topic_of(clause: Clause, talk: Talk) -> tuple[NamedThing, ...]:
    """Return what a statement speaks of; nothing where it names nothing."""
    try:
        return tuple(read_things(clause.text.lower(), talk))
    except Unsure:
        return ()


def _calls_of(clause: Clause, talk: Talk) -> list[ToolCall]:
    """Return the calls of a clause: by its verb, by what was done before, or as a thing to find."""
    if not clause.text:
        return repeated(talk.past)  # "with seed 7"
    question = None
    try:
        made = read_clause(clause.text, talk)
    except Unsure as why:
        made, question = None, why
    if made is None:
        made = _without_verb(clause.text.lower(), talk, more=clause.more)
    made = read_in_two(clause.text, talk) if made is None else made
    if made is None:
        raise question or _unknown(clause.text)
    return made


def _without_verb(text: str, talk: Talk, *, more: bool) -> list[ToolCall] | None:
    """Return the calls of "house blue", "green", "the tree too" or "the tree"; None if unsure."""
    first = text.split()[0]
    mistyped = bool(_OBJECT.match(text)) and verb_meant(text.split())  # "corp to the dog"
    if first in lexicon.OTHER_VERBS or first in lexicon.VERBS or mistyped:
        return None
    for attempt in _attempts(text, talk, more=more):
        try:
            if made := attempt():
                return made
        except Unsure:
            continue
    return None


def _attempts(text: str, talk: Talk, *, more: bool) -> Iterator[Callable[[], list[ToolCall]]]:
    """Yield the ways to read a clause without a verb, the likeliest first."""
    last = talk.past[-1] if talk.past else ToolCall("")
    coloured = _COLOURED.fullmatch(text) if last.text("colour") else None
    if coloured is not None:
        yield lambda: recoloured(coloured["colour"], coloured["thing"] or "", talk)
    named = _NEW_THING.search(text) or _IN_COLOUR.search(text) or text.endswith(" light")
    if not named:
        yield lambda: changes(text, talk)
    again = talk.past and (more or lexicon.ONES.search(text))
    if again:
        yield lambda: same_with({"thing": text}, talk)
    if last.name == RETOUCH and not last.text("query"):
        yield lambda: changes(f"the picture {text}", talk)
    vague = re.fullmatch(r"(?:more|less) (\w+)", text)
    fits = last.name not in (RETOUCH, ARRANGE) or read_touch(text) is not None
    if (
        talk.things
        and fits
        and not (vague and not is_adjective(vague[1]))
        and not re.match(r"an? (?!bit|little|lot)", text)
    ):
        yield lambda: changes(f"{'it' if len(talk.things) == 1 else 'them'} {text}", talk)
    if text.split()[0] not in lexicon.DETERMINERS:
        yield lambda: read_in_two(text, talk) or []
    if not again and _may_be_named(text, talk.past):
        yield lambda: find({"thing": _COUNT.sub("", text)}, talk)


def _may_be_named(text: str, past: Sequence[ToolCall]) -> bool:
    """Return whether a clause without a verb is the name of something to be found."""
    words = text.split()
    determined = words[0] in lexicon.DETERMINERS and words[0] not in ("a", "an", "any")
    odd = words[0].endswith(("ize", "ise", "ify", "ate")) or bool(verb_meant(words))
    open_ended = not determined and not lexicon.PREPOSITIONS.isdisjoint(
        split_region(text)[0].split()
    )
    second = words[:2][-1]
    compared = not determined and second.endswith("er") and is_adjective(second)  # "a smaller hat"
    if compared or (past and words[0] in ("a", "an")):
        return False  # to be put there, or in place of what is there
    placed = words[0] in ("a", "an", "another") and split_place(text)[1]  # to be added?
    if lexicon.VAGUE.union(("bit", "lot")).issuperset(words[-1:]):
        return False
    return len(words) <= MOST_NAMED and (determined or not odd) and not placed and not open_ended


def _unknown(text: str) -> Unread:
    """Return the question that quotes what was not understood, with the nearest that would be."""
    if lexicon.QUESTION.match(text):
        return Unread(ANSWERS)
    words = set(release(text).lower().split())
    near = max(EXAMPLES, key=lambda example: len(words & set(example.split())))
    like = f"Perhaps like {near!r}? " if words & set(near.split()) - lexicon.DETERMINERS else ""
    return Unread(f"I do not understand {release(text)[:60]!r}. {like}{WHAT_CAN_BE_DONE}")


# -- what is said besides


def _can_spare(made: ToolCall) -> bool:
    return made.name in (SEGMENT, RETOUCH) or (
        made.name == EDIT and made.operation in ("replace", "remove")
    )


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
    if made.name == RETOUCH and not made.text("query") and len(names) == 1:
        return call(RETOUCH, {**made.args, "query": min(names), "invert": True})
    if len(names) > 1:
        raise Unsure(f"I can spare one thing at a time. Which one: {' or '.join(sorted(names))}?")
    (name,) = names
    if name == made.text("query") and made.args.get("invert"):
        return made
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
        elif before and _places_copy(before, one):
            folded[-1] = replace(before, args={**before.args, "to": one.text("to")})
        elif one != before or one.name != SEGMENT:  # "to see the owl, highlight it"
            folded.append(one)
    return folded


def _places_copy(before: ToolCall, one: ToolCall) -> bool:
    """Return whether a call says where the copy of the call before goes."""
    names = ("copy", "new copy", "duplicate", "clone", "new", "second one", before.text("query"))
    copied = before.text("action") == "copy" and not before.text("to")
    simple = one.text("action") == "move" and one.args.keys() <= {"action", "query", "to"}
    return copied and simple and one.text("query") in names


def _checked(calls: list[ToolCall]) -> list[ToolCall]:
    if not calls:
        raise Unsure(f"What shall I do? {WHAT_CAN_BE_DONE}")
    if len(calls) > MOST_CALLS:
        raise Unsure(f"Those are {len(calls)} steps; I take up to {MOST_CALLS} at once.")
    return calls


# -- calls in words


def describe(calls: Sequence[ToolCall]) -> str:
    """Return what the calls do, on one line; a call that follows itself is counted."""
    said: list[str] = []
    times: list[int] = []
    for made in calls:
        words = describe_call(made)
        if said and said[-1] == words:
            times[-1] += 1
        else:
            said.append(words)
            times.append(1)
    return "; ".join(
        words if count == 1 else f"{words} ({count} times)"
        for words, count in zip(said, times, strict=True)
    )


def describe_call(made: ToolCall) -> str:
    """Return what one call does, e.g. "find: house (left)"."""
    verb, action = _VERBS.get(made.name, made.name), made.text("action").replace("_", " ")
    if made.name == EDIT:
        said = _change(made)
    elif made.name == GENERATE:
        edit = f", then {_change(made)}" if made.text("query") else ""
        said = f"{verb}: {made.text('prompt')}{edit}"
    elif made.name in (SEGMENT, RETOUCH, ARRANGE):
        said = f"{action or verb}: {_thing(made)}"
    elif made.name == ASK:
        said = f"{verb} {made.text('about')}: {_thing(made)}"
    else:
        said = verb
    return f"{said}{_details(made)}"


def _change(made: ToolCall) -> str:
    query, target = made.text("query"), made.text("target")
    if made.operation != "replace":
        return f"{made.operation}: {_thing(made) if made.operation == 'remove' else target}"
    if without_colours(query) == without_colours(target):
        verb = "recolour"
    else:
        verb = "change" if target.endswith(query.split()[-1]) else "replace"
    return f"{verb}: {_thing(made)} -> {target}"


def _thing(made: ToolCall) -> str:
    query = made.text("query") or "the picture"
    return f"everything except {query}" if made.args.get("invert") else query


def _details(made: ToolCall) -> str:
    """Return what else was said: region, what is spared, picture, seed ..."""
    said = [words.format(made.args[key]) for key, words in _DETAILS.items() if made.args.get(key)]
    said += [f"{key} {made.args[key]}" for key in _SETTINGS if key in made.args]
    return f" ({', '.join(said)})" if said else ""


_VERBS = {
    SEGMENT: "find",
    GENERATE: "generate",
    LIST: "list the pictures",
    ASK: "ask for the",
    DESCRIBE: "describe the picture",
    COMPARE: "compare",
    EXPORT: "save",
}
_DETAILS = {
    "region": "{}",
    "exclude": "sparing {}",
    "image": "in {}",
    "mask": "in {}",
    "to": "to {}",
    "other": "and {}",
    "colour": "{}",
    "aspect": "{}",
    "name": "named {}",
    "amount": "by {}",
}
_SETTINGS = ("seed", "threshold", "strength", "limit")
