"""How often commands are read as meant: ``python -m agent_tools.lab.accuracy``.

Four sets of commands with the calls that they stand for lie in the folder ``corpus``. ``commands``
and ``held_out`` are the work of the author of the first rules. ``everyday`` was collected by kind,
by people who had not seen the rules; these were then tuned on it. ``fresh`` is a list that nobody
who writes rules has read: it alone says what to expect, and once it has been looked at it belongs
to ``everyday``, so that it may be empty.

With ``--model provider:name`` the same commands are put to any chat model of LangChain (extra
``agent``). Its tools answer "Done." whatever it calls; calls are compared exactly, in order, once
arguments that say what holds anyway are dropped and a search for several things is one for each.
With ``--reader provider:name`` the model only reads, as in ``textseg chat --reader``.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_tools.commands import read
from agent_tools.commands.calls import SEGMENT, Reader, ToolCall, call, without_defaults
from agent_tools.commands.reading import describe
from agent_tools.model_reader import ModelReader
from textseg.errors import MissingExtraError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

CORPORA = ("commands", "held_out", "everyday", "fresh")
MOST_ROUNDS = 10  # answers of a chat model to one command, before it is taken as it is

Made = Callable[[str, ToolCall | None], Sequence[ToolCall]]  # what a command made someone call


@dataclass(frozen=True)
class Example:
    """A command and what it stands for.

    Attributes:
        text: the command.
        last: the call that was made before; None for none.
        calls: what is to be done; nothing where a question or a refusal is right.
        phenomenon: what it is an example of.
        others: what is as right as ``calls``.
    """

    text: str
    last: ToolCall | None
    calls: tuple[ToolCall, ...]
    phenomenon: str
    others: tuple[tuple[ToolCall, ...], ...] = ()

    def is_met_by(self, made: Sequence[ToolCall]) -> bool:
        """Return whether calls are what is meant, in their order and without regard to case."""
        return _plain(made) in map(_plain, (self.calls, *self.others))


@dataclass(frozen=True)
class ReadingScore:
    """How many commands were read as meant, asked back without need, or read wrongly."""

    right: int = 0
    asked: int = 0
    wrong: int = 0

    def __add__(self, other: ReadingScore) -> ReadingScore:
        """Return the sums."""
        return ReadingScore(
            self.right + other.right, self.asked + other.asked, self.wrong + other.wrong
        )

    @property
    def total(self) -> int:
        """All commands."""
        return self.right + self.asked + self.wrong

    @property
    def accuracy(self) -> float:
        """The share that was read as meant; all of nothing."""
        return self.right / self.total if self.total else 1.0


def examples(name: str) -> list[Example]:
    """Return the commands of one of the ``CORPORA``."""
    lines = (files("agent_tools.lab") / "corpus" / f"{name}.jsonl").read_text("utf-8")
    return [_example(json.loads(line)) for line in lines.splitlines()]


def score(commands: Iterable[Example], reader: Made) -> dict[str, ReadingScore]:
    """Return the scores of a reader by phenomenon."""
    scores: dict[str, ReadingScore] = {}
    for example in commands:
        found = reader(example.text, example.last)
        right = example.is_met_by(found)
        one = ReadingScore(
            right=int(right),
            asked=int(not right and not found),
            wrong=int(not right and bool(found)),
        )
        scores[example.phenomenon] = scores.get(example.phenomenon, ReadingScore()) + one
    return scores


def offered(commands: Iterable[Example], reader: Reader) -> tuple[int, int]:
    """Return of how many questions the guess is what was meant, and of how many it is not."""
    guesses = [
        (example, (made,))
        for example in commands
        if (made := reader(example.text, (example.last,) if example.last else ()).guess) is not None
    ]
    right = sum(example.is_met_by(made) for example, made in guesses)
    return right, len(guesses) - right


def calls_of(reader: Reader) -> Made:
    """Return what a reader of commands reads; nothing where it asks."""
    return lambda text, last: reader(text, () if last is None else (last,)).calls


def chat_reader(model: BaseChatModel) -> Made:
    """Return a reader that lets a chat model with the tools decide."""
    from langchain_core.messages import ToolMessage

    from agent_tools.operations import OPERATIONS
    from textseg.toolbox.inputs import shown_schema

    tools = [
        {
            "type": "function",
            "function": {
                "name": operation.name,
                "description": operation.description,
                "parameters": shown_schema(operation.takes),
            },
        }
        for operation in OPERATIONS
    ]
    bound = model.bind_tools(tools)

    def read_with_model(text: str, last: ToolCall | None) -> Sequence[ToolCall]:
        messages = _opening(text, last)
        made: list[ToolCall] = []
        for _ in range(MOST_ROUNDS):
            said = bound.invoke(messages)
            for request in said.tool_calls:
                made += _one_by_one(request["name"], request["args"])
            if not said.tool_calls:
                break
            answers = [ToolMessage("Done.", tool_call_id=r["id"]) for r in said.tool_calls]
            messages = [*messages, said, *answers]
        return made

    return read_with_model


def _one_by_one(name: str, args: dict[str, Any]) -> list[ToolCall]:  # Any: whatever a model says
    """Return a call of a tool, and for a search for several things one for each of them."""
    several = args.get("queries")
    if name != SEGMENT or not isinstance(several, list):
        return [call(name, args)]
    rest = {key: value for key, value in args.items() if key != "queries"}
    queries = dict.fromkeys(each for each in (args.get("query"), *several) if each)
    return [call(name, {**rest, "query": query}) for query in queries] or [call(name, rest)]


def table(scores: dict[str, dict[str, ReadingScore]]) -> str:
    """Return scores in columns, by phenomenon; the inner keys are the phenomena."""
    phenomena = list(dict.fromkeys(key for found in scores.values() for key in found))
    rows = [["", *scores]]
    for phenomenon in phenomena:
        rows.append([phenomenon, *(_right(found.get(phenomenon)) for found in scores.values())])
    sums = [sum(found.values(), ReadingScore()) for found in scores.values()]
    rows.append(["all", *map(_right, sums)])
    rows.append(["accuracy", *(f"{each.accuracy:.1%}" for each in sums)])
    rows.append(["asked without need", *(str(each.asked) for each in sums)])
    rows.append(["read wrongly", *(str(each.wrong) for each in sums)])
    return "\n".join(f"{row[0]:20}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows)


def main(
    model: Annotated[
        str, typer.Option(help="A chat model of LangChain, provider:name, instead of the reader.")
    ] = "",
    reader: Annotated[
        str, typer.Option(help="The same, as what reads the commands for the command reader.")
    ] = "",
) -> None:
    """Print how often commands are read as meant, by phenomenon."""
    reads = ModelReader(_chat_model(reader)) if reader else read
    made = chat_reader(_chat_model(model)) if model else calls_of(reads)
    lists = {name: examples(name) for name in CORPORA}
    typer.echo(table({name: score(lists[name], made) for name in CORPORA}))
    if not model:
        for name, each in lists.items():
            right, other = offered(each, reads)
            typer.echo(f"{name}: a yes does what was meant in {right} cases, else in {other}")


def _plain(calls: Sequence[ToolCall]) -> list[ToolCall]:
    plain = []
    for made in calls:
        args = without_defaults(made.name, made.args).args
        lowered = {
            key: text.lower() if isinstance(text, str) else text for key, text in args.items()
        }
        plain.append(ToolCall(made.name, lowered))
    return plain


def _example(fields: dict[str, Any]) -> Example:  # Any: JSON
    return Example(
        text=fields["text"],
        last=ToolCall(**fields["last"]) if fields["last"] else None,
        calls=_calls(fields["calls"]),
        phenomenon=fields["phenomenon"],
        others=tuple(map(_calls, fields.get("or", ()))),
    )


def _calls(listed: Iterable[dict[str, Any]]) -> tuple[ToolCall, ...]:  # Any: JSON
    return tuple(ToolCall(**fields) for fields in listed)


def _opening(text: str, last: ToolCall | None) -> list[BaseMessage]:
    """Return the conversation up to the command: instructions, and what was done before."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    from agent_tools.assistant import INSTRUCTIONS

    opening: list[BaseMessage] = [SystemMessage(INSTRUCTIONS)]
    if last is not None:
        request = {"name": last.name, "args": last.args, "id": "before", "type": "tool_call"}
        opening += [
            HumanMessage(describe([last])),
            AIMessage("", tool_calls=[request]),
            ToolMessage("Done.", tool_call_id="before"),
            AIMessage("Done."),
        ]
    return [*opening, HumanMessage(text)]


def _chat_model(name: str) -> BaseChatModel:
    if importlib.util.find_spec("langchain") is None:
        raise MissingExtraError(
            "other chat models need langchain", hint="pip install 'textseg[agent]'"
        )
    from langchain.chat_models import init_chat_model

    return init_chat_model(name)


def _right(found: ReadingScore | None) -> str:
    return f"{found.right}/{found.total}" if found else "-"


if __name__ == "__main__":
    typer.run(main)
