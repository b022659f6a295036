"""A reader of commands that a small language model of the person drives.

The model is shown a command, what was done before and one schema, and says calls of the tools or a
question back. It is believed as little as whoever typed the command: what no tool can help with is
answered before it is asked, and its calls are checked against the tools and against what was said.
It never sees a picture, a result or a name that was not typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from agent_tools.commands.calls import DEFAULTS, Reading, ToolCall, Unsure, call
from agent_tools.commands.lexicon import COLOURS, release
from agent_tools.commands.reading import MOST_CALLS, describe
from agent_tools.commands.refusing import refuse
from agent_tools.commands.wording import even
from agent_tools.operations import BY_NAME
from textseg.errors import ModelError, TextsegError
from textseg.toolbox.inputs import shown_schema

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

INSTRUCTIONS = """\
You turn one command about pictures into calls of tools, in order, or into one short question where
it can be understood in two ways or no tool does it. Leave out every argument that was not said.
Queries and targets are short noun phrases without articles; to recolour, say the query as it is now
and the target in full: "make the red house blue" is edit_image with query "red house" and target
"blue house". Words for places such as "left" go into region, never into query. "It" is what the
calls before were about. Say no colour, name or picture that the command does not say.

The tools:
"""
_NAMED = ("image", "name", "to", "mask")  # must have been typed as they are
_SAID = ("query", "target", "prompt", "other", "exclude")  # must be about what was said
_ALIKE = 4  # letters that a word has in common with one that was said: "trees", "tree"


@dataclass
class ModelReader:
    """Reads commands with a chat model of LangChain; see ``agent_tools.commands.read``.

    Attributes:
        model: anything that gives structured output.
    """

    model: BaseChatModel
    _heard: dict[tuple[object, ...], Reading] = field(default_factory=dict, repr=False)

    def __call__(
        self, text: str, last: Sequence[ToolCall] = (), *, failed: bool = False
    ) -> Reading:
        """Return the calls that a command stands for, or what to ask back.

        The same command after the same calls is read once: an agent asks again at every step.

        Raises:
            ModelError: the model cannot be reached, or gives no structured output.
        """
        key = (text, failed, *(repr(made) for made in last))
        if key not in self._heard:
            self._heard[key] = self._read(text, last, failed=failed)
        return self._heard[key]

    def _read(self, text: str, last: Sequence[ToolCall], *, failed: bool) -> Reading:
        try:
            plain = release(even(text))
            refuse(plain)
            calls = check_calls(self._ask(plain, last, failed=failed), plain, last)
        except Unsure as question:
            return Reading(question=str(question))
        return Reading(calls, describe(calls))

    def _ask(self, text: str, last: Sequence[ToolCall], *, failed: bool) -> list[ToolCall]:
        """Return the calls that the model says; ``Unsure`` with its question where it asks."""
        before = f"Done before: {describe(last) or 'nothing'}{', which failed' * failed}."
        asked = [("system", INSTRUCTIONS + _tools()), ("human", f"{before}\nThe command: {text}")]
        try:
            said: Any = self.model.with_structured_output(schema()).invoke(asked)  # Any: JSON
        except Exception as error:  # a provider's own: no network, no such model ...
            raise ModelError(f"the model that reads commands failed: {error}") from error
        if not isinstance(said, Mapping) or not isinstance(said.get("calls", []), list):
            raise Unsure("I could not make sense of that. Say it in other words, please.")
        if not said.get("calls"):
            raise Unsure(str(said.get("question") or "What shall I do?")[:300])
        return [_call(each) for each in said["calls"]]


def schema() -> dict[str, Any]:  # Any: JSON
    """Return the schema of what a model answers: flat, without unions, as the tools' inputs are."""
    arguments: dict[str, Any] = {}
    for operation in BY_NAME.values():
        for name, each in shown_schema(operation.takes)["properties"].items():
            arguments.setdefault(name, {key: each[key] for key in ("type", "items") if key in each})
    made = {
        "type": "object",
        "properties": {"tool": {"type": "string", "enum": list(BY_NAME)}, **arguments},
        "required": ["tool"],
    }
    return {
        "title": "reading",
        "description": "What a command stands for: calls, or a question where that is not certain.",
        "type": "object",
        "properties": {
            "calls": {"type": "array", "items": made},
            "question": {"type": "string", "description": "Empty where there are calls."},
        },
        "required": ["calls", "question"],
    }


def check_calls(
    calls: Sequence[ToolCall], text: str, last: Sequence[ToolCall]
) -> tuple[ToolCall, ...]:
    """Return calls that a model said, without what says nothing, if they may be made.

    Args:
        calls: as the model said them.
        text: the command.
        last: the calls that were made before.

    Raises:
        Unsure: there is no such tool or argument, a value is none, or something is named that
            nobody said: a colour, a thing, a picture, a name.
    """
    if len(calls) > MOST_CALLS:
        raise Unsure(f"Those are {len(calls)} steps; I take up to {MOST_CALLS} at once.")
    known = " ".join([text, *(str(value) for made in last for value in made.args.values())]).lower()
    checked = []
    for said in calls:
        made = call(said.name, said.args)
        _check_call(made)
        for strange in _never_said(made, known):
            raise Unsure(f"I understood {strange!r}, which you did not say. What shall I do?")
        checked.append(made)
        known += " ".join(["", *map(str, made.args.values())]).lower()
    return tuple(checked)


def _call(said: object) -> ToolCall:
    if not isinstance(said, Mapping):
        raise Unsure("I could not make sense of that. Say it in other words, please.")
    args = {str(key): value for key, value in said.items() if key != "tool" and value is not None}
    return ToolCall(str(said.get("tool", "")), args)


def _check_call(made: ToolCall) -> None:
    """Raise ``Unsure`` where a tool would not take the call."""
    if made.name not in BY_NAME or not made.args.keys() <= DEFAULTS[made.name].keys():
        raise Unsure(f"I understood {describe([made])!r}, which I cannot do. What shall I do?")
    try:
        BY_NAME[made.name].takes.model_validate(made.args).arguments()
    except (TextsegError, ValidationError) as error:
        reason = str(error) if isinstance(error, TextsegError) else "that is not possible"
        raise Unsure(f"I understood {describe([made])!r}, but {reason}.") from error


def _never_said(made: ToolCall, known: str) -> Iterator[str]:
    """Yield what a call names that is not among the words that are known."""
    words = re.findall(r"[\w#'-]+", known)
    stems = {word[:_ALIKE] for word in words}
    for name in _NAMED:
        said = made.text(name).lower()
        usual = ("original", "redo", "previous") if name == "to" and made.name == "undo" else ()
        is_place = name == "to" and made.name == "arrange_image"
        if said and said not in known and said not in usual and not is_place:
            yield said
    for name in (*_SAID, "colour"):
        said_words = re.findall(r"[\w#'-]+", made.text(name).lower())
        yield from (word for word in said_words if word in COLOURS and word not in words)
        if said_words and stems.isdisjoint(word[:_ALIKE] for word in said_words):
            yield made.text(name)


def _tools() -> str:
    """Return a line for each tool."""
    return "\n".join(f"- {each.name}: {each.description}" for each in BY_NAME.values())
