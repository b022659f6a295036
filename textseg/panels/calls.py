"""What makes a picture or a mask again: the call behind a handle, as Python and as a tool call.

A workspace keeps with everything the arguments that it came from, so the same holds for what a
person made in a panel and for what an assistant made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from textseg.errors import InvalidInputError
from textseg.toolbox import (
    ArrangeArguments,
    CorrectArguments,
    CreateArguments,
    EditArguments,
    Facts,
    Limits,
    RetouchArguments,
    SegmentArguments,
    Setup,
    Toolbox,
    explain,
)
from textseg.toolbox.inputs import EditInput, GenerateInput, SegmentInput
from textseg.toolbox.retouch_facts import Meant
from textseg.toolbox.retouch_inputs import ArrangeInput, RetouchInput

if TYPE_CHECKING:
    from textseg.workspace import Record

ToolCall = SegmentInput | EditInput | GenerateInput | RetouchInput | ArrangeInput

SEGMENT: Final = "segment_image"
EDIT: Final = "edit_image"
PLAN: Final = "plan_edit"
CREATE: Final = "generate_and_edit"
PIXELS: Final[Mapping[str, type[Meant]]] = {
    "retouch_image": RetouchArguments,
    "arrange_image": ArrangeArguments,
}
CORRECT: Final = "shelf.correct_mask"
CHOOSE: Final = "shelf.choose"
UNDO: Final = "undo"


@dataclass(frozen=True)
class Call:
    """A call of the toolbox.

    Attributes:
        name: of the operation, as the toolbox and the tools of assistants call it.
        arguments: its arguments.
        made: where in the result the handle stands that it is about, as Python.
        opened: how Python opens that handle: the name of a method of the shelf.
    """

    name: str
    arguments: Facts
    made: str = "picture"
    opened: str = "open_result"


def describe_call(name: str, arguments: Facts) -> dict[str, Any]:
    """Return a call as name and arguments, ready for JSON; what is as usual is left out."""
    return {"name": name, "arguments": arguments.model_dump(mode="json", exclude_defaults=True)}


def call_behind(toolbox: Toolbox, handle: str) -> Call:
    """Return the call that made what a handle stands for.

    Raises:
        UnknownHandleError: there is nothing of this name.
        InvalidInputError: no call did: it came in from outside, or was painted.
    """
    record = toolbox.workspace.record(handle)
    arguments = record.arguments
    if record.operation == "segment":
        return _found(SegmentArguments.model_validate(arguments), record)
    if record.operation == "generate":
        made = CreateArguments.model_validate(arguments)
        return Call(CREATE, made, "generated", "picture")
    if record.operation == "plan":
        return Call(PLAN, EditArguments.model_validate(arguments), "region_mask", "mask")
    if record.operation == "edit" and "changes" in arguments:
        return _changed(toolbox, record)
    if record.operation == "edit":
        edit = EditArguments.model_validate(arguments)
        return Call(EDIT, edit, *_part(record))
    for name, kind in PIXELS.items():
        if record.operation == kind.operation:
            opened = "picture" if record.kind == "image" else "mask"
            return Call(name, kind.model_validate(arguments), _part(record)[0], opened)
    if "corrections" in arguments:
        return Call(CORRECT, CorrectArguments.model_validate(arguments), "mask", "mask")
    raise InvalidInputError(
        f"no call made {handle}: it came in from outside",
        hint="whatever is called with it can be repeated",
    )


def python_text(toolbox: Toolbox, call: Call, *, then: str = "") -> str:
    """Return Python that makes the same again, in the same workspace.

    Args:
        toolbox: whose workspace and model are meant.
        call: to be made.
        then: what is done with the result, e.g. ".as_mask(0.4)".
    """
    kind = type(call.arguments).__name__
    values = describe_call(call.name, call.arguments)["arguments"]
    lines = [f"        {name}={value!r}," for name, value in values.items()]
    return "\n".join(
        [
            *_opening(toolbox, kind),
            f"result = toolbox.{call.name}(",
            f"    {kind}(",
            *lines,
            "    )",
            ")",
            f"made = toolbox.shelf.{call.opened}(result.{call.made}){then}",
            "",
        ]
    )


def tool_text(call: Call) -> str:
    """Return the call as JSON: the tool and what an assistant would give it.

    Raises:
        InvalidInputError: no tool takes all of it; the message says what is too much.
    """
    asked = _as_tool_call(call)
    lost = _find_lost(call, asked)
    if asked is None or lost:
        what = f"{', '.join(lost)} of {call.name}" if lost else call.name
        raise InvalidInputError(
            f"assistants have no tool that takes {what}",
            hint="give them the handle of the result, or copy the call as Python",
        )
    values = asked.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"name": call.name, "arguments": values}, indent=2)


def _found(arguments: SegmentArguments, record: Record) -> Call:
    """Return the call for the one query of several that a mask is about."""
    facts: Mapping[str, Any] = record.result  # Any: JSON
    query = facts["queries"][0]["query"]
    alone = arguments.model_copy(update={"queries": [query]})
    return Call(SEGMENT, alone, "queries[0].mask")


def _changed(toolbox: Toolbox, record: Record) -> Call:
    """Return the call that made a picture and changed it, for one of the changes."""
    root = toolbox.workspace.record(record.root)
    facts: Mapping[str, Any] = root.result  # Any: JSON
    part, opened = _part(record)
    changes = [change[part] for change in facts["changes"]]
    arguments = CreateArguments.model_validate(record.arguments)
    return Call(CREATE, arguments, f"changes[{changes.index(record.handle)}].{part}", opened)


def _part(record: Record) -> tuple[str, str]:
    """Return which handle of an edit it is, and how it is opened."""
    return ("picture", "open_result") if record.kind == "image" else ("region_mask", "mask")


def _opening(toolbox: Toolbox, kind: str) -> list[str]:
    """Return the lines that import what is used and open the toolbox."""
    folder, names, settings = repr(str(toolbox.workspace.folder)), {kind}, ""
    if toolbox.host.setup != Setup():
        values = toolbox.host.setup.model_dump(exclude_defaults=True).items()
        settings += f", setup=Setup({', '.join(f'{name}={value!r}' for name, value in values)})"
        names.add("Setup")
    if toolbox.limits != Limits():
        settings += f", limits=Limits({_write_limits(toolbox.limits)})"
        names.add("Limits")
    model = toolbox.host.model
    if model is None:
        return [
            f"from textseg.toolbox import {', '.join(sorted({*names, 'open_toolbox'}))}",
            "",
            f"toolbox = open_toolbox({folder}{settings})",
        ]
    return [
        f"from textseg.toolbox import {', '.join(sorted({*names, 'Toolbox'}))}",
        "from textseg.workspace import Workspace",
        "",
        f"# model: the one called {model.name!r}, which the panel was given loaded",
        f"toolbox = Toolbox(Workspace.open({folder}), model=model{settings})",
    ]


def _write_limits(limits: Limits) -> str:
    """Return the limits that differ from the usual ones, as keywords."""
    usual, here = asdict(Limits()), asdict(limits)
    return ", ".join(f"{name}={here[name]!r}" for name in here if here[name] != usual[name])


def _as_tool_call(call: Call) -> ToolCall | None:
    """Return the call as far as an assistant could make it; None where there is no such tool.

    Raises:
        InvalidInputError: a value that an assistant may not give.
    """
    kinds: dict[str, type[ToolCall]] = {
        SEGMENT: SegmentInput,
        EDIT: EditInput,
        CREATE: GenerateInput,
        "retouch_image": RetouchInput,
        "arrange_image": ArrangeInput,
    }
    if call.name not in kinds:
        return None
    kind = kinds[call.name]
    values = _flat(call.arguments)
    try:
        return kind.model_validate({k: v for k, v in values.items() if k in kind.model_fields})
    except ValidationError as error:
        raise explain(error) from None


def _flat(arguments: Facts) -> dict[str, Any]:  # Any: JSON
    """Return the arguments under the names that assistants give them."""
    values = arguments.model_dump(mode="json", exclude_defaults=True)
    if isinstance(arguments, SegmentArguments):
        values["query"], *values["queries"] = arguments.queries
    if isinstance(arguments, CreateArguments):
        for change in arguments.changes[:1]:
            values |= {"query": change.query, "target": change.target}
            values["operation"] = "replace" if change.target else "remove"
        if arguments.size is not None:
            values["height"], values["width"] = arguments.size
    return values


def _find_lost(call: Call, asked: ToolCall | None) -> list[str]:
    """Return the arguments that the tool would not get, or would understand otherwise."""
    if asked is None:
        return []
    meant = asked.arguments()
    return [
        name
        for name in type(call.arguments).model_fields
        if getattr(meant, name) != getattr(call.arguments, name)
    ]
