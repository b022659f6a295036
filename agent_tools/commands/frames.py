"""How clauses are built: a table of patterns, each with the function that knows what it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent_tools.commands import edits, lexicon
from agent_tools.commands.calls import DEFAULTS, LIST, UNDO, ToolCall, Unsure, call
from agent_tools.commands.clauses import alternatives
from agent_tools.commands.things import NamedThing

Build = Callable[[edits.Parts, Sequence[NamedThing]], list[ToolCall]]


@dataclass(frozen=True)
class Frame:
    """A pattern for a whole clause, and what to make of its parts."""

    pattern: re.Pattern[str]
    build: Build


def read_clause(text: str, known: Sequence[NamedThing]) -> list[ToolCall] | None:
    """Return the calls that a clause asks for; None where its verb is not known.

    Args:
        text: from the verb on; lower case, but for what is to be generated.
        known: what "it" may stand for.

    Raises:
        Unsure: the verb is known, but not everything that it needs is there.
    """
    for frame in FRAMES:
        found = frame.pattern.fullmatch(text)
        if found is not None:
            parts = {name: part.strip() for name, part in found.groupdict().items() if part}
            lowered = {name: part.lower() for name, part in parts.items() if name != "prompt"}
            return frame.build({**parts, **lowered}, known)
    return None


_PICTURE_NOUN = r"(?:pictures?|images?)"
_ANY_PICTURE = r"(?:(?:an?|another) )?(?:new )?"


def _frame(pattern: str, build: Build) -> Frame:
    return Frame(re.compile(pattern, re.IGNORECASE), build)


_THING, _TARGET, _REST = r"(?P<thing>.+?)", r"(?P<target>.+)", r"(?P<rest>.+)"
FRAMES: tuple[Frame, ...] = (
    # generate
    _frame(
        rf"(?:{alternatives(*lexicon.GENERATE)}|make|paint|give me|show me)(?: me| us)? "
        rf"{_ANY_PICTURE}{_PICTURE_NOUN} (?:of|with|showing|that shows) (?P<prompt>.+)",
        edits.generate,
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.GENERATE)}|make|draw|give me|get me)(?: me| us)? "
        r"(?:an?|the) (?:mask|outline|segmentation|selection) (?:of|for|around) "
        rf"{_THING}",
        edits.find,
    ),
    _frame(
        r"(?:paint|make)(?: me| us)? (?P<prompt>an? (?:\w+ )?(?:photo|painting|drawing|sketch|"
        r"watercolou?r(?: painting)?|illustration) (?:of|with) .+)",
        edits.generate,
    ),
    _frame(
        r"draw (?:an? )?(?:\w+ )?(?:circle|box|line|frame|rectangle|arrow|border)\b.*",
        edits.refuse_shapes,
    ),
    _frame(rf"{alternatives(*lexicon.GENERATE)}(?: me| us)?(?: (?P<prompt>.+))?", edits.generate),
    # find
    _frame(
        rf"(?:where(?:'s| is| are)|show me where|point to where|find (?:out )?where) {_THING}"
        r"(?: is| are| lies?)?",
        edits.find,
    ),
    _frame(rf"{alternatives(*lexicon.FIND)} {_THING}", edits.find),
    # remove
    _frame(rf"{alternatives(*lexicon.REMOVE)} {_THING}", edits.remove),
    _frame(
        rf"take {_THING} (?:away|out|off)(?: of (?:the|this|my) (?:picture|image|photo))?",
        edits.remove,
    ),
    _frame(rf"(?:make|let) {_THING} (?:disappear|vanish|go away|invisible)", edits.remove),
    _frame(
        rf"(?:i (?:want|need)|i(?:'d| would) like) {_THING} (?:to be )?(?:gone|removed|deleted)",
        edits.remove,
    ),
    # colours that are said to be colours
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, 'set', 'make')}) (?:the )?colou?r of {_THING} "
        rf"(?:from [\w ]+ )?(?:in)?to (?:be )?{_TARGET}",
        edits.recolour,
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, 'set')}) (?:the )?colou?r of {_THING}", edits.ask_colour
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, 'set', 'make')}) {_THING}(?:'s|')? colou?r "
        rf"(?:from [\w ]+ )?(?:(?:in)?to )?(?:be )?{_TARGET}",
        edits.recolour,
    ),
    _frame(
        rf"give {_THING} an? (?P<target>[\w -]+?) (?:colou?r|coat of paint|paint)", edits.recolour
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, *lexicon.PAINT)}) {_THING} from (?P<old>[\w -]+) "
        rf"(?:in)?to {_TARGET}",
        edits.change_from_to,
    ),
    # replace
    _frame(
        rf"(?:put|use|place|insert|add) (?P<target>.+?) (?:instead|in place) of {_THING}",
        edits.use_instead,
    ),
    _frame(
        r"substitute .+ for .+|(?:swap|exchange|switch) (?:the )?[\w ]+ and .+", edits.ask_which_way
    ),
    _frame(rf"{alternatives(*lexicon.REPLACE)} {_REST}", edits.replace_with),
    # make, turn, paint: a thing, and what it is to become
    _frame(rf"(?:{alternatives(*lexicon.PAINT, *lexicon.TURN)}|make) {_REST}", edits.change),
    _frame(
        rf"(?:i (?:want|need)|i(?:'d| would) like|let) {_THING} (?:to )?"
        r"(?P<target>(?:be|become|look) .+)",
        edits.become,
    ),
    _frame(
        r"(?:i (?:want|need)|i(?:'d| would) like) (?P<rest>(?:the|my|this|that|it) .+)",
        edits.change,
    ),
    _frame(
        rf"{_THING} (?:should|must|shall|has to|have to|needs to|need to) "
        r"(?P<target>(?:be|become|look) .+)",
        edits.become,
    ),
    # add
    _frame(rf"{alternatives(*lexicon.ADD)} {_REST}", edits.add),
    # verbs alone
    _frame(rf"(?P<verb>{alternatives(*lexicon.VERBS)})", edits.ask_what),
)


# -- the work itself

MOST_UNDONE = 20  # steps in one command

_COUNT = rf"(?P<count>\d{{1,6}}|{'|'.join(lexicon.NUMBERS)})"
_STEPS = r"(?:changes?|edits?|steps?|actions?|operations?|commands?)"
_UNDO = re.compile(
    r"(?:undo|revert|go back|step back|roll back|back|take (?:it|that|this) back)"
    r"(?: (?:it|that|this|again))?"
    rf"(?: (?:(?:the|my) )?(?:last|latest|previous)?(?: ?{_COUNT})? ?{_STEPS})?"
    rf"(?: (?:once|(?P<twice>twice)|{_COUNT.replace('count', 'times')} times))?"
)
_UNDO_ELSE = re.compile(r"(?:undo|redo|revert|go back|reset|start over)\b.*")
_PICTURES = r"(?:images|pictures|photos|handles|results|list(?: of (?:images|pictures|photos))?)"
_LIST = re.compile(
    rf"list|(?:list|show(?: me)?|give me|display)(?: all)?(?: of)?(?: (?:the|my|a))?"
    rf"(?: (?:last|latest|newest|recent))?(?: {_COUNT})? {_PICTURES}(?: (?:i have|so far|here))?"
    r"|(?:what|which) (?:images|pictures|photos) "
    r"(?:(?:do|did) i have|have i(?: got)?|are there|can i use)"
)
_OTHER_SEED = r"(?:(?:an?|the|some) )?(?P<other>another|different|new|other|next) seed"
_AGAIN = re.compile(
    r"(?:(?:please )?(?:(?:do|try|run|repeat)(?: (?:it|that|this|the same(?: thing)?))?"
    r"|(?:the )?same(?: thing)?|once more|again|one more time|another (?:try|attempt)))"
    rf"(?: (?:again|once more|one more time))?(?:,? (?:but )?(?:with|using|and use) {_OTHER_SEED})?"
    rf"|(?:(?:try|use|with|take) )?{_OTHER_SEED.replace('other>', 'only>')}"
)


def read_control(text: str, past: Sequence[ToolCall]) -> list[ToolCall] | None:
    """Return the calls of a clause about the work itself; None where it is about a picture.

    Args:
        text: the clause, lower case.
        past: the calls that "again" repeats.

    Raises:
        Unsure: there is nothing to repeat, or too much to undo.
    """
    if (undo := _UNDO.fullmatch(text)) is not None:
        return _undone(undo)
    if _UNDO_ELSE.fullmatch(text):
        raise Unsure("I can undo the last change, or 'undo three times'. How many shall I undo?")
    if (listed := _LIST.fullmatch(text)) is not None:
        return [call(LIST, {"limit": _number(listed["count"]) if listed["count"] else None})]
    if (again := _AGAIN.fullmatch(text)) is not None:
        return repeated(past, other_seed=bool(again["other"] or again["only"]))
    return None


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


def _undone(undo: re.Match[str]) -> list[ToolCall]:
    said = undo["times"] or undo["count"]
    times = 2 if undo["twice"] else _number(said) if said else 1
    if not 0 < times <= MOST_UNDONE:
        raise Unsure(f"I undo up to {MOST_UNDONE} steps at once. How many shall I undo?")
    return [ToolCall(UNDO)] * times


def _number(text: str) -> int:
    return lexicon.NUMBERS.get(text) or int(text)
