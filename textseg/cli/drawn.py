"""Options of a command that are drawn from the fields of the arguments they fill in."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from textseg.checking import Facts
from textseg.fields import TEXTS, OptionInfo, options_of

TYPES: Final = {"number": float, "integer": int, "boolean": bool, "string": str, TEXTS: list[str]}

Given = Mapping[str, object]
"""What a person gave of a kind of arguments, by the names of its fields."""


@dataclass(frozen=True)
class Fields:
    """Marks a parameter of a command, ``Given``, in whose place stands an option for each field.

    Fields that are no plain value have none; a command has its own way to ask for them.

    Attributes:
        kind: the arguments.
        but: further fields that have no option.
    """

    kind: type[Facts]
    but: tuple[str, ...] = ()


def drawn(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with options in the place of its parameters that ``Fields`` mark."""
    parameters: list[inspect.Parameter] = []
    groups: dict[str, list[str]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        marks = getattr(parameter.annotation, "__metadata__", ())
        fields = next((mark for mark in marks if isinstance(mark, Fields)), None)
        if fields is None:
            parameters.append(parameter)
            continue
        options = options_of(fields.kind, texts=True)
        groups[parameter.name] = [name for name in options if name not in fields.but]
        parameters += [_parameter(options[name], parameter.kind) for name in groups[parameter.name]]

    @functools.wraps(command)
    def run(**values: Any) -> None:  # Any: typer has checked them
        given = {
            group: {name: value for name in names if (value := values.pop(name)) is not None}
            for group, names in groups.items()
        }
        command(**values, **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    return run


def _parameter(option: OptionInfo, place: Any) -> inspect.Parameter:
    """Return the parameter that typer makes the option of: a name of a flag, a type and a help."""
    kind: Any = TYPES[option.type]  # Any: a type as a value
    default = None if option.type == TEXTS else option.default  # a command has no mutable ones
    flag = f"--{option.name.replace('_', '-')}"
    if option.type == "boolean" and option.default is not False:
        flag = f"{flag}/--no-{flag[2:]}"
    told = typer.Option(
        flag,
        metavar="|".join(option.choices) or ("<str>" if option.type == TEXTS else None),
        help=_help(option),
        show_default=option.unless_given or default != "",
    )
    return inspect.Parameter(
        option.name,
        place,
        default=default,
        annotation=Annotated[kind if default is not None else kind | None, told],
    )


def _help(option: OptionInfo) -> str:
    """Return what an option does, as a sentence, and what it may be."""
    may_be = f" ({option.allowed})" if option.maximum is not None else ""
    may_be = " (may be repeated)" if option.type == TEXTS else may_be
    return f"{option.about[:1].upper()}{option.about[1:]}{may_be}."
