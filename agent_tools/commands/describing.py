"""Calls in words: "recolour: red house -> blue house"."""

from __future__ import annotations

from collections.abc import Sequence

from agent_tools.commands.adjectives import without_colours
from agent_tools.commands.calls import EDIT, GENERATE, LIST, SEGMENT, ToolCall


def describe(calls: Sequence[ToolCall]) -> str:
    """Return what the calls do, on one line; a call that follows itself is counted."""
    said: list[str] = []
    times: list[int] = []
    for call in calls:
        words = describe_call(call)
        if said and said[-1] == words:
            times[-1] += 1
        else:
            said.append(words)
            times.append(1)
    return "; ".join(
        words if count == 1 else f"{words} ({count} times)"
        for words, count in zip(said, times, strict=True)
    )


def describe_call(call: ToolCall) -> str:
    """Return what one call does, e.g. "find: house (left)"."""
    if call.name == SEGMENT:
        return f"find: {_thing(call)}{_details(call)}"
    if call.name == EDIT:
        return f"{_change(call)}{_details(call)}"
    if call.name == GENERATE:
        edit = f", then {_change(call)}" if call.text("query") else ""
        return f"generate: {call.text('prompt')}{edit}{_details(call)}"
    return f"list the pictures{_details(call)}" if call.name == LIST else call.name


def _change(call: ToolCall) -> str:
    query, target = call.text("query"), call.text("target")
    if call.operation == "remove":
        return f"remove: {_thing(call)}"
    if call.operation == "add":
        return f"add: {target}"
    if without_colours(query) == without_colours(target):
        verb = "recolour"
    else:
        verb = "change" if target.endswith(query.split()[-1]) else "replace"
    return f"{verb}: {_thing(call)} -> {target}"


def _thing(call: ToolCall) -> str:
    query = call.text("query")
    return f"everything except {query}" if call.args.get("invert") else query


def _details(call: ToolCall) -> str:
    """Return what else was said: region, what is spared, picture, seed ..."""
    words = {"region": "{}", "exclude": "sparing {}", "image": "in {}", "mask": "in {}"}
    settings = ("seed", "threshold", "strength", "limit")
    said = [words[key].format(call.args[key]) for key in words if call.args.get(key)]
    said += [f"{key} {call.args[key]}" for key in settings if key in call.args]
    return f" ({', '.join(said)})" if said else ""
