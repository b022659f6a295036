"""The command reader as a chat model for LangChain: no network, no language model, no memory.

Everything is read again from the messages each time. A command may stand for several calls; they
are issued one by one, so that each works on what the one before has made, and none follows after a
call that failed. What is answered at the end is what was read and what the tools reported.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from agent_tools.commands import Reading, ToolCall, read
from agent_tools.commands.calls import CONTROLS, EXPORT, UNDO, Reader
from agent_tools.commands.reading import describe
from agent_tools.commands.wording import pattern
from agent_tools.operations import result_of
from textseg.toolbox import EditResult

WELCOME = "Tell me what to find or to change, e.g. 'make the red house blue'."
NO_FOLDER = "A person opens a folder to save into: exports=, or --exports DIR on the command line."
_YES = pattern("yes")


class CommandReader(BaseChatModel):
    """A chat model that reads plain English commands, by rules unless it is given another reader.

    It calls only tools that are bound to it, and asks back when a command is not certain.
    """

    reader: Reader = Field(default=read, exclude=True)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,  # Any: whatever an agent passes to every chat model
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the reader with these tools; a ``tool_choice`` makes no difference to it."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    @property
    def _llm_type(self) -> str:
        return "textseg-commands"

    def _get_ls_params(
        self,
        stop: list[str] | None = None,
        **kwargs: Any,  # Any: as in the base class
    ) -> LangSmithParams:
        name = kwargs.get("model", "commands")
        return LangSmithParams(ls_provider="textseg", ls_model_name=name, ls_model_type="chat")

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # Any: as in the base class
    ) -> ChatResult:
        tools = (tool.get("function", {}) for tool in kwargs.get("tools", ()))
        offered = {tool["name"] for tool in tools if "name" in tool}
        return ChatResult(
            generations=[ChatGeneration(message=answer(messages, offered, self.reader))]
        )


@dataclass(frozen=True)
class Turn:
    """One thing that a person said, and what came of it.

    Attributes:
        text: what was said.
        calls: of tools, made since; those that edited name the picture they started from.
        results: of these calls, as far as they have come.
    """

    text: str
    calls: tuple[ToolCall, ...]
    results: tuple[ToolMessage, ...]

    @property
    def failed(self) -> bool:
        """Whether the last call was refused or went wrong."""
        return bool(self.results) and self.results[-1].status == "error"

    @property
    def succeeded(self) -> bool:
        """Whether any call did what it was to do."""
        return any(result.status == "success" for result in self.results)

    @property
    def only_controls(self) -> bool:
        """Whether nothing was named that could be meant by "it" afterwards: undo, lists ..."""
        return bool(self.calls) and all(call.name in CONTROLS for call in self.calls)


def answer(messages: Sequence[BaseMessage], offered: set[str], reader: Reader = read) -> AIMessage:
    """Return the next call that the last command needs, or words when there is none.

    Args:
        messages: the conversation.
        offered: names of the tools that may be called.
        reader: who reads what was said.
    """
    turns = list(_turns(messages))
    if not turns:
        return AIMessage(WELCOME)
    *before, now = turns
    reading = _read(now.text, before, reader)
    done = len(now.results)
    if reading.question:
        return AIMessage(reading.question)
    if now.failed:
        return AIMessage(_failed(reading, now))
    if done >= len(reading.calls):
        return AIMessage(" ".join([f"I read: {reading.said}.", *map(_facts, now.results)]))
    missing = sorted({call.name for call in reading.calls[done:]} - offered)
    if missing:
        told = f"I read: {reading.said}. Not available here: {', '.join(missing)}."
        return AIMessage(f"{told} {NO_FOLDER}" if EXPORT in missing else told)
    call = reading.calls[done]
    request = {"name": call.name, "args": call.args, "id": uuid.uuid4().hex, "type": "tool_call"}
    return AIMessage("", tool_calls=[request])


def _turns(messages: Sequence[BaseMessage]) -> Iterator[Turn]:
    """Yield what each human message led to; messages before the first one are left out."""
    starts = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    for start, end in itertools.pairwise([*starts, len(messages)]):
        since = messages[start + 1 : end]
        results = tuple(message for message in since if isinstance(message, ToolMessage))
        by_id = {result.tool_call_id: result for result in results}
        calls = tuple(
            _started_from(
                ToolCall(request["name"], request["args"]), by_id.get(request["id"] or "")
            )
            for message in since
            if isinstance(message, AIMessage)
            for request in message.tool_calls
        )
        yield Turn(str(messages[start].text), calls, results)


def _started_from(call: ToolCall, result: ToolMessage | None) -> ToolCall:
    """Return an edit with the picture it changed: made again, it must not change its own result."""
    done = None if result is None else result_of(call.name, result.artifact)
    if not isinstance(done, EditResult):
        return call
    return replace(call, args={**call.args, "image": done.image})


def _read(text: str, before: Sequence[Turn], reader: Reader) -> Reading:
    """Return the reading of a command after all that was done before.

    A yes is what the command before was guessed to mean. Otherwise "it" is what that was about;
    after undo and lists, what was spoken of before them.
    """
    if before and _YES.fullmatch(text.strip()):
        asked = _read(before[-1].text, before[:-1], reader)
        if asked.guess is not None:
            return Reading((asked.guess,), describe([asked.guess]))
    last = before[-1] if before else Turn("", (), ())
    reading = reader(text, last.calls, failed=last.failed)
    if _undoes(reading) and last.failed and not (last.only_controls or last.succeeded):
        return Reading(
            question="The last command failed and changed nothing, so nothing of it can be undone. "
            "Say it once more to undo the change before."
        )
    if reading.question and last.only_controls:
        calls, undone = _spoken_of(before)
        earlier = reader(text, calls, failed=undone)
        return reading if earlier.question else earlier
    return reading


def _spoken_of(before: Sequence[Turn]) -> tuple[tuple[ToolCall, ...], bool]:
    """Return the last calls that named something, and whether the last of them came to nothing."""
    undone = 0
    for turn in reversed(before):
        if not turn.only_controls:
            known = undone == 0 or (undone == 1 and not turn.failed)
            return (turn.calls, turn.failed or undone == 1) if known else ((), False)
        undone += sum(call.name == UNDO for call in turn.calls) - turn.failed
    return (), False


def _undoes(reading: Reading) -> bool:
    return bool(reading.calls) and all(call.name == UNDO for call in reading.calls)


# -- in words


def _facts(result: ToolMessage) -> str:
    """Return what a tool reported: the first text of its message."""
    content = result.content
    if isinstance(content, str):
        return content
    texts = (part if isinstance(part, str) else part.get("text", "") for part in content)
    return next((str(text) for text in texts if text), "")


def _failed(reading: Reading, turn: Turn) -> str:
    """Return what was read, what of it was done, what failed and why, and what was left."""
    *good, bad = turn.results
    failed, left = reading.calls[len(good) : len(good) + 1], reading.calls[len(good) + 1 :]
    said = [f"I read: {reading.said}.", *map(_facts, good)]
    said.append("This did not work" + (f": {describe(failed)}." if good or left else "."))
    said.append(_reason(_facts(bad)))
    if left:
        said.append(f"Not done either: {describe(left)}.")
    return " ".join(said)


def _reason(text: str) -> str:
    """Return message and hint of an error in JSON as sentences; other texts as they are."""
    try:
        error = json.loads(text)
        parts = [error["message"], error.get("hint", "")]
    except (ValueError, TypeError, KeyError, AttributeError):
        return text
    sentences = [str(part).strip().rstrip(".") for part in parts if part]
    return " ".join(f"{part[:1].upper()}{part[1:]}." for part in sentences)
