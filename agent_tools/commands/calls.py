"""What a command is read as: calls of tools, or a question back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

Value = str | int | float | bool

SEGMENT, EDIT, GENERATE = "segment_image", "edit_image", "generate_and_edit"
LIST, UNDO, COMPARE, EXPORT = "list_images", "undo", "compare_images", "export_image"
DESCRIBE, ASK = "describe_image", "ask_image"
RETOUCH, ARRANGE = "retouch_image", "arrange_image"
CONTROLS = frozenset((LIST, UNDO, COMPARE, EXPORT, DESCRIBE))  # after them "it" is what it was

# What every argument is when nothing is said; the tools' schemas have the same (a test compares).
_IMAGE: dict[str, Value] = {"image": "latest"}
_ONE: dict[str, Value] = {**_IMAGE, "query": "", "region": ""}
_NARROWED: dict[str, Value] = {**_ONE, "exclude": ""}
_SELECTING: dict[str, Value] = {**_NARROWED, "invert": False}
_CHANGING: dict[str, Value] = {"operation": "replace", "query": "", "target": "", "seed": 0}
_DOING: dict[str, Value] = {"action": "", "mask": "", "amount": 0.0, "other": ""}
DEFAULTS: dict[str, dict[str, Value]] = {
    SEGMENT: {**_SELECTING, "threshold": -1.0, "seed": 0},
    EDIT: {**_SELECTING, **_CHANGING, "mask": "", "strength": 0.0},
    GENERATE: {"prompt": "", **_CHANGING, "width": 0, "height": 0},
    DESCRIBE: _IMAGE,
    ASK: {**_ONE, "about": "", "other": ""},
    RETOUCH: {**_SELECTING, **_DOING, "colour": "", "aspect": ""},
    ARRANGE: {**_NARROWED, **_DOING, "to": "", "seed": 0},
    COMPARE: {**_IMAGE, "other": ""},
    LIST: {"limit": 10, "name": ""},
    UNDO: {"to": ""},
    EXPORT: {**_IMAGE, "name": ""},
}


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool.

    Attributes:
        name: of the tool.
        args: the arguments that differ from the defaults.
    """

    name: str
    args: dict[str, Value] = field(default_factory=dict)

    def text(self, argument: str) -> str:
        """Return an argument that is a text, "" where it is not given."""
        return str(self.args.get(argument, ""))

    @property
    def operation(self) -> str:
        """What an edit does: "replace", "remove" or "add"."""
        return self.text("operation") or "replace"


@dataclass(frozen=True)
class Reading:
    """What a command was read as; exactly one of ``calls`` and ``question`` is filled.

    Attributes:
        calls: what to do, in order.
        said: the calls in words, on one line; "" when there are none.
        question: what to ask back; "" when the reading is certain.
        guess: what the question offers to do, to be done after a yes; None where it offers nothing.
    """

    calls: tuple[ToolCall, ...] = ()
    said: str = ""
    question: str = ""
    guess: ToolCall | None = None

    def __post_init__(self) -> None:
        """Hold on to the promise that there are calls or a question, not both."""
        assert bool(self.calls) != bool(self.question)


@runtime_checkable
class Reader(Protocol):
    """Whoever reads commands: the rules of `reading`, or a language model."""

    def __call__(
        self, text: str, last: Sequence[ToolCall] = (), *, failed: bool = False
    ) -> Reading:
        """Return the calls that a command stands for, or what to ask back.

        Args:
            text: the command.
            last: all calls of the command before.
            failed: the last of these was refused by its tool.
        """
        ...


class Unsure(Exception):
    """A command has no reading that is certain; the text is the question to ask back."""


class Unread(Unsure):
    """Words are left over that no rule accounts for: a part of the text may still be meant."""


def call(name: str, args: Mapping[str, Value | None]) -> ToolCall:
    """Return a call with what differs from the defaults only; None and "" are left out."""
    return without_defaults(name, {key: value for key, value in args.items() if value is not None})


def without_defaults(name: str, args: Mapping[str, Value]) -> ToolCall:
    """Return a call without the arguments that say what holds anyway.

    Arguments that the tool does not know are kept: whoever compares calls must see them.
    """
    usual = DEFAULTS.get(name, {})
    return ToolCall(
        name, {key: value for key, value in args.items() if value != "" and value != usual.get(key)}
    )
