"""Remarks beside a command: "blur the plate, legal's on my back", "... so that all can see it".

In a remark somebody talks, and nothing in it, no action, look, place or "not", changes the command.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from agent_tools.commands import lexicon
from agent_tools.commands.calls import GENERATE, SEGMENT, ToolCall
from agent_tools.commands.lexicon import release
from agent_tools.commands.wording import pattern

MOST = 4  # remarks of one command
_CUT, _HUSH, _REASON, _TALK, _CHANGING, _THING, _ABOUT, _SPOILT = (
    pattern(f"remark_{kind}")
    for kind in ("cut", "hush", "reason", "talk", "changing", "thing", "about", "spoilt")
)


def without_remarks(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a text, made even, as it is and without its remarks, and those that are left out."""
    parts = _CUT.split(text)
    remarks = [at for at in range(len(parts)) if _is_remark(parts[at], " ".join(parts[at + 1 :]))]
    for count in range(len(remarks[:MOST]) + 1):
        for chosen in itertools.combinations(remarks[:MOST], count):
            rest = " ".join(part for at, part in enumerate(parts) if at not in chosen)
            yield rest.strip(" ,;-"), tuple(release(parts[at]).strip(" ,;.!-") for at in chosen)


def _is_remark(part: str, after: str) -> bool:
    said = part.strip(" ,;.!?-").lower()
    if _HUSH.fullmatch(said):
        return True
    reason, words = _REASON.match(said), re.findall(r"[\w'#-]+", said)
    stems = {*words, *(word.removesuffix("ing") for word in words)} - lexicon.NO_ACTIONS
    acts = {*words[:1], *(stems - lexicon.SHOWING if said.startswith("so that") else stems)}
    told = _CHANGING.search(said, reason.end() if reason else 0) or _ABOUT.search(after)
    quiet = not (told or lexicon.ACTIONS & acts or lexicon.TELLING & {*words})
    return quiet and bool(reason or (_TALK.search(said) and not _THING.search(part)))


def is_command(text: str, calls: Sequence[ToolCall], *, passing: Sequence[str]) -> bool:
    """Return whether no remark was taken for a thing, and what is left is more than a name."""
    named = (one.text(name) for one in calls for name in ("query", "target", "exclude"))
    looked = passing and all(one.name in (SEGMENT, GENERATE) for one in calls)
    acts = not looked or not lexicon.ACTIONS.isdisjoint(text.lower().split())
    return acts and not any(map(_SPOILT.search, named))
