"""Remarks beside a command: "blur the plate, legal's on my back", "... so that all can see it".

A remark is a part of a sentence in which somebody talks, and nothing that could change the command:
no action, colour, number, size, place or thing, no exception and no correction.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from agent_tools.commands import lexicon
from agent_tools.commands.calls import GENERATE, SEGMENT, ToolCall
from agent_tools.commands.wording import pattern

MOST = 4  # remarks of one command
_CUT = pattern("remark_cut")
_HUSH = pattern("remark_hush")  # says nothing, whatever its words say elsewhere: "yeah that one"
_REASON = pattern("remark_reason")  # opened by what opens no command: "so that", "before we"
_TALK = pattern("remark_talk")
_CHANGING = pattern("remark_changing")
_THING = pattern("remark_thing")
_SPOILT = pattern("remark_spoilt")
_ACTIONS = lexicon.OTHER_VERBS.union(*(verb.split()[:1] for verb in lexicon.VERBS))
_SOFT = frozenset("be do have see look go come back where over at".split())  # in a remark
_SHOWING = frozenset("show read find use get tell talk know start".split())  # in a reason
_TELLING = lexicon.COLOURS.union(
    *(lexicon.MATERIALS, lexicon.SIZES, lexicon.LIGHTS, lexicon.NUMBERS, lexicon.SETTINGS)
)


def without_remarks(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what is left of a text, made even, and the remarks passed over, the fewest first."""
    parts = [part for part in _CUT.split(text) if part]
    loose = [at for at, part in enumerate(parts) if _is_remark(part)][:MOST]
    for count in range(1, len(loose) + 1):
        for chosen in itertools.combinations(loose, count):
            rest = " ".join(part for at, part in enumerate(parts) if at not in chosen)
            yield rest.strip(" ,;-"), tuple(parts[at].strip(" ,;.!-") for at in chosen)


def _is_remark(part: str) -> bool:
    said = part.strip(" ,;.!?-").lower()
    if _HUSH.fullmatch(said):
        return True
    reason, words = _REASON.match(said), re.findall(r"[\w'#-]+", said)
    allowed = _SOFT | _SHOWING if reason else _SOFT
    acts = {word.removesuffix("ing") for word in words} | {*words}
    begins = not words or words[0] in _ACTIONS or (not reason and part.rstrip().endswith("?"))
    if begins or acts & _ACTIONS - allowed or _CHANGING.search(said) or _TELLING & {*words}:
        return False
    return bool(reason or (_TALK.search(said) and not _THING.search(said)))


def is_spoilt(calls: Sequence[ToolCall]) -> bool:
    """Return whether a remark was taken for a thing, or for a part of its name."""
    named = (one.text(name) for one in calls for name in ("query", "target", "exclude"))
    return any(_SPOILT.search(name) for name in named)


def is_command(text: str, calls: Sequence[ToolCall]) -> bool:
    """Return whether what is left is more than a name: it has a verb, or changes something."""
    looked = all(one.name in (SEGMENT, GENERATE) for one in calls)
    return not is_spoilt(calls) and not (looked and _ACTIONS.isdisjoint(text.lower().split()))
