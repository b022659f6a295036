"""Commands about the work itself: undo, list the pictures, the same again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_tools.commands import lexicon
from agent_tools.commands.calls import DEFAULTS, LIST, UNDO, ToolCall, Unsure, call

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
