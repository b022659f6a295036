"""Toolboxes on an exact model, and a chat model that follows a script."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from PIL import Image
from pydantic import Field

from textseg.images import to_uint8
from textseg.testing import GaussianModel
from textseg.toolbox import Toolbox
from textseg.toolbox.turns import Turns
from textseg.workspace import Workspace

HEIGHT, WIDTH = 24, 40
MODEL = GaussianModel()
PIXELS = to_uint8(MODEL.picture(["tree"], HEIGHT, WIDTH, seed=4))


def make_toolbox(folder: Path, **settings: Any) -> Toolbox:
    """A toolbox on a new workspace, with the picture garden.png below its only root."""
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS).save(photos / "garden.png")
    workspace = Workspace.open(folder / "workspace", roots=[photos])
    return Toolbox(workspace, **{"model": MODEL, "turns": Turns(), **settings})


def call(tool: BaseTool, **arguments: Any) -> ToolMessage:
    """What an agent gets from a tool."""
    asked = {"type": "tool_call", "id": "1", "name": tool.name, "args": arguments}
    message = tool.invoke(asked)
    assert isinstance(message, ToolMessage)
    return message


def failed(message: ToolMessage) -> dict[str, Any]:
    """The error that a tool told."""
    assert message.status == "error", message.content
    assert message.artifact is None
    assert isinstance(message.content, str)
    found: dict[str, Any] = json.loads(message.content)
    return found


def text_of(message: ToolMessage) -> str:
    """The facts in words."""
    first = message.content[0]
    assert isinstance(first, dict)
    assert first["type"] == "text"
    return str(first["text"])


def pixels_of_file(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


class ScriptedChatModel(BaseChatModel):
    """Answers with the given messages, one a call, and keeps what it was shown."""

    script: Iterator[AIMessage]
    seen: list[list[BaseMessage]] = Field(default_factory=list)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        return self.bind(tools=[tool.name for tool in tools])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: Any = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.seen.append(messages)
        return ChatResult(generations=[ChatGeneration(message=next(self.script))])

    @property
    def _llm_type(self) -> str:
        return "scripted"


def scripted(*messages: AIMessage) -> ScriptedChatModel:
    return ScriptedChatModel(script=iter([*messages, AIMessage("done")]))


def asks(name: str, number: int = 1, **arguments: Any) -> AIMessage:
    """A message that calls a tool."""
    asked = {"name": name, "args": arguments, "id": str(number), "type": "tool_call"}
    return AIMessage("", tool_calls=[asked])
