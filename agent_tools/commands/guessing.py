"""What a command that cannot be read as a whole may mean: a guess that a person says yes to.

"get rid of the guy on the right my aunt loathes him": the longest part that begins with an action,
ends where something else can begin, and can be read. Nothing is done by a guess alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent_tools.commands import lexicon
from agent_tools.commands.calls import ASK, DESCRIBE, ToolCall, Unsure
from agent_tools.commands.lexicon import release
from agent_tools.commands.remarks import is_command
from agent_tools.commands.wording import bare, pattern

MOST_STARTS = 4  # words of one text that a guess may begin with
_TELLING, _BEGINS, _SILLY = (
    pattern(f"guess_{kind}") for kind in ("telling", "begins", "silly")
)  # what changes a command; what comes after the end of one; what is the name of nothing
_ACTIONS = lexicon.ACTIONS.difference("how what which who whose why when where".split())
_AGAIN = re.compile(
    rf"\b(?:{'|'.join(sorted(_ACTIONS.union(lexicon.VERBS_PLAIN)))})"
    r" (?:the|an?|my|his|her|its|their|all|it|them)\b",
    re.IGNORECASE,
)  # another thing to do
_NAMED = ("query", "target", "exclude", "other", "prompt")

Read = Callable[[str], list[ToolCall]]


@dataclass(frozen=True)
class Guess:
    """What may be meant.

    Attributes:
        made: the call.
        beside: what of the text is not in it.
    """

    made: ToolCall
    beside: tuple[str, ...]


def guess(text: str, read: Read) -> Guess | None:
    """Return the call that a text most likely asks for; None where no part of it is certain.

    Args:
        text: made even.
        read: returns the calls that a text stands for, and raises ``Unsure``.
    """
    for start, end in _spans(words := text.split()):
        before, part, after = (
            " ".join(words[cut]) for cut in (slice(start), slice(start, end), slice(end, None))
        )
        if not _stands_alone(before, part, after):
            continue
        try:
            calls = read(part.strip(" ,;.!"))
        except Unsure:
            continue
        if is_command(part, calls, passing=(text,)) and len(calls) == 1 and _is_likely(calls[0]):
            beside = (release(bare(each)).strip(" ,;.!?-") for each in (before, after))
            return Guess(calls[0], tuple(filter(None, beside)))
    return None


def _spans(words: list[str]) -> Iterator[tuple[int, int]]:
    """Yield from where to where a command may go, the longest first."""
    acts = [k for k in range(len(words)) if words[k].lower().strip(",;.:!?") in _ACTIONS]
    for length in range(len(words), 1, -1):
        yield from ((k, k + length) for k in acts[:MOST_STARTS] if k + length <= len(words))


def _stands_alone(before: str, part: str, after: str) -> bool:
    """Return whether what is beside a part neither belongs to it nor asks for something else."""
    ended = not after or part[-1] in ",;.!?-" or _BEGINS.match(after) is not None
    return ended and not any(each.search(f"{before} {after}") for each in (_TELLING, _AGAIN))


def _is_likely(made: ToolCall) -> bool:
    """Return whether a call changes or finds something that can have such a name."""
    silly = any(_SILLY.search(made.text(name)) for name in _NAMED)
    return made.name not in (ASK, DESCRIBE) and not silly
