"""The command that measures readers, on the embedded one and on a scripted chat model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from typer.testing import CliRunner

from agent_tools.commands import ToolCall
from agent_tools.lab import accuracy
from agent_tools.lab.accuracy import Example, ReadingScore, chat_reader, examples, score, table
from agent_tools.operations import BY_NAME
from agent_tools.reader import CommandReader

FIND = Example("find the cat", None, (ToolCall("segment_image", {"query": "cat"}),), "find")
ASK = Example("make it nicer", None, (), "unclear")


class ScriptedModel(BaseChatModel):
    """Answers with the given messages, one a call, and keeps what it was shown."""

    script: Iterator[AIMessage]
    seen: list[list[BaseMessage]] = []  # noqa: RUF012  # pydantic copies it for each instance
    tools: list[str] = []  # noqa: RUF012

    def bind_tools(self, tools: Any, **_: Any) -> Any:  # Any: as in the base class
        self.tools.extend(tool["function"]["name"] for tool in tools)
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:  # Any: as in the base class
        self.seen.append(messages)
        return ChatResult(generations=[ChatGeneration(message=next(self.script))])

    @property
    def _llm_type(self) -> str:
        return "scripted"


def calling(name: str, **args: Any) -> AIMessage:  # Any: arguments of any tool
    request = {"name": name, "args": args, "id": "1", "type": "tool_call"}
    return AIMessage("", tool_calls=[request])


def scripted(*messages: AIMessage) -> ScriptedModel:
    return ScriptedModel(script=iter(messages))


def test_score_tells_asking_without_need_from_reading_wrongly() -> None:
    dog = [ToolCall("segment_image", {"query": "dog"})]
    assert score([FIND, ASK], lambda text, last: []) == {
        "find": ReadingScore(asked=1),
        "unclear": ReadingScore(right=1),
    }
    assert score([FIND, ASK], lambda text, last: dog) == {
        "find": ReadingScore(wrong=1),
        "unclear": ReadingScore(wrong=1),
    }


def test_calls_are_compared_without_arguments_that_say_what_holds_anyway() -> None:
    spelled = ToolCall(
        "segment_image", {"query": "cat", "image": "latest", "invert": False, "seed": 0}
    )
    assert score([FIND], lambda text, last: [spelled]) == {"find": ReadingScore(right=1)}


def test_chat_model_gets_the_tools_and_an_answer_to_each_call() -> None:
    model = scripted(calling("segment_image", query="cat", region=None), AIMessage("Found."))
    assert list(chat_reader(model)("find the cat", None)) == list(FIND.calls)
    assert model.tools == list(BY_NAME)
    answer = model.seen[1][-1]
    assert isinstance(answer, ToolMessage)
    assert answer.tool_call_id == "1"


def test_search_for_several_things_counts_as_one_for_each() -> None:
    model = scripted(calling("segment_image", queries=["cat", "dog"], seed=3), AIMessage("Found."))
    assert list(chat_reader(model)("find the cat and the dog", None)) == [
        ToolCall("segment_image", {"query": name, "seed": 3}) for name in ("cat", "dog")
    ]


def test_chat_model_is_told_what_was_done_before() -> None:
    model = scripted(AIMessage("What?"))
    assert list(chat_reader(model)("remove it", FIND.calls[0])) == []
    asked = next(m for m in model.seen[0] if isinstance(m, AIMessage) and m.tool_calls)
    assert asked.tool_calls[0]["args"] == {"query": "cat"}
    assert model.seen[0][-1].text == "remove it"


def test_chat_model_that_never_stops_calling_is_stopped() -> None:
    model = scripted(*[calling("undo")] * 50)
    assert len(chat_reader(model)("undo", None)) == accuracy.MOST_ROUNDS


def test_reader_as_a_chat_model_reads_the_corpus_as_the_function_does() -> None:
    sample = examples("commands")[::7]
    scores = score(sample, chat_reader(CommandReader()))
    assert sum(scores.values(), ReadingScore()) == ReadingScore(right=len(sample))


def test_table_has_a_row_for_each_phenomenon_and_the_sums() -> None:
    scores = {
        "commands": {"find": ReadingScore(3, 1, 0), "undo": ReadingScore(1, 0, 1)},
        "held_out": {},
    }
    scores["held_out"] = {"find": ReadingScore(1)}
    lines = [line.split() for line in table(scores).splitlines()]
    assert ["find", "3/4", "1/1"] in lines
    assert ["undo", "1/2", "-"] in lines
    assert ["accuracy", "66.7%", "100.0%"] in lines


def test_command_prints_the_accuracy_of_the_reader() -> None:
    app = accuracy.typer.Typer()
    app.command()(accuracy.main)
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 0
    assert "100.0%" in done.stdout


def test_command_runs_the_corpus_against_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "langchain.chat_models.init_chat_model",
        lambda name: asked.append(name) or CommandReader(),  # type: ignore[func-returns-value]
    )
    monkeypatch.setattr(accuracy, "examples", lambda name: [FIND, ASK])
    app = accuracy.typer.Typer()
    app.command()(accuracy.main)
    done = CliRunner().invoke(app, ["--model", "ollama:someone"])
    assert asked == ["ollama:someone"]
    assert "2/2" in done.stdout
