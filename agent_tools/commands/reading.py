"""From a text to calls: even, refuse, take apart, read each clause, put together, say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import (
    DEFAULTS,
    EDIT,
    GENERATE,
    LIST,
    SEGMENT,
    Reading,
    ToolCall,
    Unsure,
    call,
)
from agent_tools.commands.clauses import GREETING, WHAT_CAN_BE_DONE, Clause, even, take_apart
from agent_tools.commands.frames import read_clause, read_control, repeated
from agent_tools.commands.lexicon import release, without_colours
from agent_tools.commands.things import NamedThing, read_thing, referents

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


# -- what is answered before anything is parsed

_ADDRESS = (
    "I take no paths and no addresses. Name a picture by its handle, like img_ab12cd34ef, or a "
    "file in your folder, like house.png."
)
_ORDERS = f"I only work on pictures and follow no other instructions. {WHAT_CAN_BE_DONE}"
_FILES = "I never delete, overwrite, list or run files. I can remove things within a picture."
_UNABLE = f"I cannot do that with a picture. {WHAT_CAN_BE_DONE}"
_ANSWERS = (
    "I cannot answer questions about a picture, but I can find things in it: say 'find the trees'."
)
_STYLES = f"I change things in a picture, not its style. {WHAT_CAN_BE_DONE}"
_ENGLISH = f"I read English only. {WHAT_CAN_BE_DONE}"

_PICTURE = "|".join(sorted(lexicon.PICTURES))
_START = r"^(?:(?:please|now|just|can you|could you|would you|i want you to|let's|and|then)[ ,]+)*"
_AT_VERB = rf"(?:{_START}|(?:[,;.]|\band\b|\bthen\b)\s+(?:then\s+)?)"
_OTHER_VERBS = (
    "blur|crop|rotate|flip|mirror|resize|rescale|scale|zoom|sharpen|brighten|darken|lighten|upscale"
    "|enhance|filter|straighten|move|drag|shift|push|animate|save|export|send|email|upload|download"
    "|print|share|open|load|import|close|rename|copy|translate|write|type|tilt|warp|stretch|compress"
    "|increase|decrease|reduce|adjust|undelete|merge|stitch|denoise|restore|edit out|smooth"
)

# pattern (anywhere in the lower-case text) -> what is answered
TABLE: tuple[tuple[str, str], ...] = (
    (r"\w+://|\bwww\.|\bfile:|\bdata:|\\|(?:^|\s)~|(?:^|[\s\"'(])\.{0,2}/|\w/\w*/|\.\./", _ADDRESS),
    (r"\b[a-z]:[\\/]|\w/\w+\.\w", _ADDRESS),
    (r"\binstructions?\b|\bsystem prompt|\byour prompt|\byou are now\b|\bpretend\b", _ORDERS),
    (r"\bact as\b|\bjailbreak|\brole ?play|\bpassword|\bapi key|\bsudo\b", _ORDERS),
    (r"[<{}`$|]", _ORDERS),
    (r"\b(?:files|folders?|director(?:y|ies)|hard ?dis[ck]|drive)\b", _FILES),
    (rf"{_START}(?:run|execute|install|overwrite|eval|call|import|exec)\b", _FILES),
    (r"\b(?:delete|remove|erase|overwrite|wipe)\s+(?:\w+\s+){0,3}file\b", _FILES),
    (rf"{_AT_VERB}(?:{_OTHER_VERBS})\b", _UNABLE),
    (r"\b(?:contrast|brightness|saturation|exposure|resolution|sepia|gr[ae]yscale)\b", _UNABLE),
    (rf"\b(?:{_PICTURE})\s+(?:\w+\s+){{0,2}}black and white\b", _UNABLE),
    (
        r"\bin the style of\b|\b(?:look )?like an? (?:\w+ )?(?:watercolou?r|painting|sketch)",
        _STYLES,
    ),
    (r"\blike an? (?:\w+ )?(?:cartoon|drawing|photo(?:graph)?|anime|comic)\b", _STYLES),
    (
        r"^(?:how (?:many|much|big|old|far)|what(?:'s| is| are| colou?r| do| does| kind)\b)",
        _ANSWERS,
    ),
    (
        r"^(?:(?:who|whose|why(?! don't you| not)|when|is|are|was|does|do you|did|has|describe"
        r"|explain|count)\b)",
        _ANSWERS,
    ),
    (rf"^(?:{GREETING}|help|what can you do|no|nothing|\s|[,.!?])+$", WHAT_CAN_BE_DONE),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), answer) for pattern, answer in TABLE)


def refuse(text: str) -> None:
    """Raise the question that answers a text which is not to be parsed.

    Args:
        text: made even.

    Raises:
        Unsure: it is about something else than these tools, or not in English.
    """
    for pattern, answer in _COMPILED:
        if pattern.search(text):
            raise Unsure(answer)
    letters = [sign for sign in text if sign.isalpha()]
    if sum(ord(sign) > 0x24F for sign in letters) > len(letters) / 4:  # beyond Latin letters
        raise Unsure(_ENGLISH)
    if foreign := lexicon.FOREIGN.intersection(re.findall(r"[^\W\d_]+", text.lower())):
        raise Unsure(f"{min(foreign)!r} looks like another language. {_ENGLISH}")


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
    if made.name == SEGMENT:
        return f"find: {_thing(made)}{_details(made)}"
    if made.name == EDIT:
        return f"{_change(made)}{_details(made)}"
    if made.name == GENERATE:
        edit = f", then {_change(made)}" if made.text("query") else ""
        return f"generate: {made.text('prompt')}{edit}{_details(made)}"
    return f"list the pictures{_details(made)}" if made.name == LIST else made.name


def _change(made: ToolCall) -> str:
    query, target = made.text("query"), made.text("target")
    if made.operation == "remove":
        return f"remove: {_thing(made)}"
    if made.operation == "add":
        return f"add: {target}"
    if without_colours(query) == without_colours(target):
        verb = "recolour"
    else:
        verb = "change" if target.endswith(query.split()[-1]) else "replace"
    return f"{verb}: {_thing(made)} -> {target}"


def _thing(made: ToolCall) -> str:
    query = made.text("query")
    return f"everything except {query}" if made.args.get("invert") else query


def _details(made: ToolCall) -> str:
    """Return what else was said: region, what is spared, picture, seed ..."""
    words = {"region": "{}", "exclude": "sparing {}", "image": "in {}", "mask": "in {}"}
    settings = ("seed", "threshold", "strength", "limit")
    said = [words[key].format(made.args[key]) for key in words if made.args.get(key)]
    said += [f"{key} {made.args[key]}" for key in settings if key in made.args]
    return f" ({', '.join(said)})" if said else ""
