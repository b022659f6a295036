"""How clauses are built: a table of patterns, each with the verb that knows what it means.

The patterns are tried from the top; the first that fits a clause decides. They say only where the
parts are; what a part means is for verbs.py, nouns.py, adjectives.py and places.py to find out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent_tools.commands import lexicon, verbs
from agent_tools.commands.calls import ToolCall
from agent_tools.commands.nouns import NamedThing
from agent_tools.commands.text import alternatives

Build = Callable[[verbs.Parts, Sequence[NamedThing]], list[ToolCall]]


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
        verbs.generate,
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.GENERATE)}|make|draw|give me|get me)(?: me| us)? "
        r"(?:an?|the) (?:mask|outline|segmentation|selection) (?:of|for|around) "
        rf"{_THING}",
        verbs.find,
    ),
    _frame(
        r"(?:paint|make)(?: me| us)? (?P<prompt>an? (?:\w+ )?(?:photo|painting|drawing|sketch|"
        r"watercolou?r(?: painting)?|illustration) (?:of|with) .+)",
        verbs.generate,
    ),
    _frame(
        r"draw (?:an? )?(?:\w+ )?(?:circle|box|line|frame|rectangle|arrow|border)\b.*",
        verbs.refuse_shapes,
    ),
    _frame(rf"{alternatives(*lexicon.GENERATE)}(?: me| us)?(?: (?P<prompt>.+))?", verbs.generate),
    # find
    _frame(
        rf"(?:where(?:'s| is| are)|show me where|point to where|find (?:out )?where) {_THING}"
        r"(?: is| are| lies?)?",
        verbs.find,
    ),
    _frame(rf"{alternatives(*lexicon.FIND)} {_THING}", verbs.find),
    # remove
    _frame(rf"{alternatives(*lexicon.REMOVE)} {_THING}", verbs.remove),
    _frame(
        rf"take {_THING} (?:away|out|off)(?: of (?:the|this|my) (?:picture|image|photo))?",
        verbs.remove,
    ),
    _frame(rf"(?:make|let) {_THING} (?:disappear|vanish|go away|invisible)", verbs.remove),
    _frame(
        rf"(?:i (?:want|need)|i(?:'d| would) like) {_THING} (?:to be )?(?:gone|removed|deleted)",
        verbs.remove,
    ),
    # colours that are said to be colours
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, 'set', 'make')}) (?:the )?colou?r of {_THING} "
        rf"(?:from [\w ]+ )?(?:in)?to (?:be )?{_TARGET}",
        verbs.recolour,
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, 'set')}) (?:the )?colou?r of {_THING}", verbs.ask_colour
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, 'set', 'make')}) {_THING}(?:'s|')? colou?r "
        rf"(?:from [\w ]+ )?(?:(?:in)?to )?(?:be )?{_TARGET}",
        verbs.recolour,
    ),
    _frame(
        rf"give {_THING} an? (?P<target>[\w -]+?) (?:colou?r|coat of paint|paint)", verbs.recolour
    ),
    _frame(
        rf"(?:{alternatives(*lexicon.TURN, *lexicon.PAINT)}) {_THING} from (?P<old>[\w -]+) "
        rf"(?:in)?to {_TARGET}",
        verbs.change_from_to,
    ),
    # replace
    _frame(
        rf"(?:put|use|place|insert|add) (?P<target>.+?) (?:instead|in place) of {_THING}",
        verbs.use_instead,
    ),
    _frame(
        r"substitute .+ for .+|(?:swap|exchange|switch) (?:the )?[\w ]+ and .+", verbs.ask_which_way
    ),
    _frame(rf"{alternatives(*lexicon.REPLACE)} {_REST}", verbs.replace_with),
    # make, turn, paint: a thing, and what it is to become
    _frame(rf"(?:{alternatives(*lexicon.PAINT, *lexicon.TURN)}|make) {_REST}", verbs.change),
    _frame(
        rf"(?:i (?:want|need)|i(?:'d| would) like|let) {_THING} (?:to )?"
        r"(?P<target>(?:be|become|look) .+)",
        verbs.become,
    ),
    _frame(
        r"(?:i (?:want|need)|i(?:'d| would) like) (?P<rest>(?:the|my|this|that|it) .+)",
        verbs.change,
    ),
    _frame(
        rf"{_THING} (?:should|must|shall|has to|have to|needs to|need to) "
        r"(?P<target>(?:be|become|look) .+)",
        verbs.become,
    ),
    # add
    _frame(rf"{alternatives(*lexicon.ADD)} {_REST}", verbs.add),
    # verbs alone
    _frame(rf"(?P<verb>{alternatives(*lexicon.VERBS)})", verbs.ask_what),
)
