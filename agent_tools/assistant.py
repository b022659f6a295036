"""An assistant for pictures: a chat model with the tools, or a reader of plain commands.

    agent = create_image_assistant(workspace="workspace", roots=["pictures"])
    agent.invoke({"messages": [("user", "make the red house in street.png blue")]})

Needs the extra ``agent``. Without a model the embedded command reader takes its place: no network,
no language model, the very same agent and tools.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_tools.langchain import PreviewMode, get_tools
from agent_tools.reader import CommandReader
from textseg.errors import InvalidInputError, MissingExtraError
from textseg.toolbox import Setup, Toolbox, open_toolbox

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Checkpointer

    from textseg.workspace import Workspace

MOST_CALLS = 20
"""Of tools in one turn: a model that goes round in circles is stopped."""

INSTRUCTIONS = """\
You find, change and make pictures with tools. Name pictures and masks by their handles; "latest"
is the picture that was made or opened last. Queries and targets are short noun phrases, e.g. query
"red house" and target "blue house". Make one call per thing to change. Report what the tools
measured, also when the target was not recognised afterwards; never claim an effect that no tool
reported. If something is not found, say so, and suggest other words. If a request can be understood
in two ways, ask."""


def create_image_assistant(
    model: BaseChatModel | str | None = None,
    workspace: Workspace | Toolbox | str | Path | None = None,
    *,
    image_model: str = "picturebook",
    roots: Sequence[str | Path] = (),
    exports: str | Path | None = None,
    approve: bool = False,
    checkpointer: Checkpointer = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:  # Any: langchain leaves the state's type open
    """Return an agent that finds, changes and makes pictures.

    Args:
        model: a LangChain chat model, or a string for ``init_chat_model`` such as
            "ollama:qwen3"; None for the command reader.
        workspace: as in ``get_tools``.
        image_model: the diffusion model: registered name, folder of a checkpoint, or hub id.
        roots: folders below which pictures may be named by file name.
        exports: as in ``get_tools``.
        approve: stop before every call that makes or changes a picture, until a person approves,
            edits or rejects it (``HumanInTheLoopMiddleware``); the description of an edit says
            where and how it would change which picture. Needs a checkpointer.
        checkpointer: keeps the conversation between calls; None keeps nothing.

    Raises:
        MissingExtraError: langchain is not installed, or not its package for the model.
        InvalidInputError: ``approve`` without a checkpointer; no such model.
    """
    chat = open_chat_model(model)
    from langchain.agents import create_agent
    from langchain.agents.middleware import ToolCallLimitMiddleware

    if approve and checkpointer is None:
        raise InvalidInputError(
            "to wait for approval the agent has to keep the conversation",
            hint="pass a checkpointer, e.g. langgraph's InMemorySaver()",
        )
    toolbox = workspace
    if not isinstance(toolbox, Toolbox):
        toolbox = open_toolbox(
            toolbox, roots=roots, setup=Setup(model=image_model), exports=exports
        )
    middleware: list[Any] = [ToolCallLimitMiddleware(run_limit=MOST_CALLS, exit_behavior="end")]
    if approve:  # Any above: each middleware has its own type of state
        from agent_tools.approving import Approval

        middleware.append(Approval(toolbox))
    return create_agent(
        chat,
        get_tools(toolbox, preview=_preview_for(chat)),
        system_prompt=INSTRUCTIONS,
        middleware=middleware,
        checkpointer=checkpointer,
        name="textseg",
    )


def open_chat_model(model: BaseChatModel | str | None) -> BaseChatModel:
    """Return who talks: the model itself, the one of a name, or for None the command reader.

    Raises:
        MissingExtraError: langchain, or its package for this kind of model, is not installed.
        InvalidInputError: there is no such model, or it cannot be used as it is set up here.
    """
    _need_langchain()
    if model is None:
        return CommandReader()
    if not isinstance(model, str):
        return model
    from langchain.chat_models import init_chat_model

    try:
        opened: BaseChatModel = init_chat_model(model)
    except ImportError as error:
        raise MissingExtraError(f"the language model {model!r} cannot be used: {error}") from error
    except Exception as error:  # a provider's own: no key, a wrong option ...
        raise InvalidInputError(
            f"the language model {model!r} cannot be used: {error}",
            hint='name it with its provider, such as "ollama:qwen3"',
        ) from error
    return opened


def open_reader(model: BaseChatModel | str) -> CommandReader:
    """Return a command reader that a small language model drives; see ``agent_tools.model_reader``.

    Raises:
        MissingExtraError: as in ``open_chat_model``.
        InvalidInputError: as in ``open_chat_model``.
    """
    from agent_tools.model_reader import ModelReader

    return CommandReader(reader=ModelReader(open_chat_model(model)))


def _preview_for(model: BaseChatModel) -> PreviewMode:
    """Return "none" for models that are known not to see pictures in tool results."""
    if isinstance(model, CommandReader):
        return "none"
    profile = model.profile or {}
    sees = profile.get("image_tool_message", profile.get("image_inputs", True))
    return "auto" if sees else "none"


def _need_langchain() -> None:
    if importlib.util.find_spec("langchain") is None:
        raise MissingExtraError(
            "the assistant needs langchain", hint="pip install 'textseg[agent]'"
        )
