"""The tools as the protocol lists them, and the answers to their calls."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Literal

from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ImageContent,
    TextContent,
    Tool,
    ToolAnnotations,
)

from agent_tools.failures import failure
from agent_tools.mcp.resources import link
from agent_tools.operations import Operation, ToolAnswer, offered
from agent_tools.previews import previews_of
from textseg.errors import UnknownNameError
from textseg.progress import Follow
from textseg.toolbox import Toolbox
from textseg.toolbox.inputs import shown_schema

log = logging.getLogger("agent_tools")

PreviewMode = Literal["auto", "none", "links"]
"""Small pictures, none of them, or links: some clients hand links on as pictures, and fail."""


def tools(toolbox: Toolbox) -> list[Tool]:
    """Return the tools in their fixed order, which caches of prompts rely on."""
    return [_tool(operation) for operation in offered(toolbox)]


def answer_call(
    toolbox: Toolbox, params: CallToolRequestParams, preview: PreviewMode, follow: Follow
) -> CallToolResult:
    """Return the answer to a call, also where it fails. Blocks: to be called in a thread.

    The preview is made last: by then the result is in the workspace, so it can be found there
    however the call ends for the client.
    """
    try:
        known = {each.name: each for each in offered(toolbox)}
        if params.name not in known:
            raise UnknownNameError.among("tool", params.name, known)
        operation = known[params.name]
        asked = operation.takes.model_validate(params.arguments or {})
        answer = operation.run(toolbox, asked, follow)
    except Exception as error:
        # whatever it is, the client gets a code, and no more than it may know
        text = failure(error).model_dump_json(exclude_none=True)
        return CallToolResult(content=[TextContent(text=text)], is_error=True)
    return CallToolResult(
        content=[TextContent(text=_text(toolbox, answer)), *_previews(toolbox, answer, preview)],
        structured_content=answer.result.model_dump(mode="json"),
    )


@cache
def _tool(operation: Operation[Any]) -> Tool:  # Any: each takes its own input
    hints = operation.hints
    return Tool(
        name=operation.name,
        title=operation.title,
        description=operation.description,
        input_schema=shown_schema(operation.takes),
        output_schema=operation.returns.model_json_schema(),
        annotations=ToolAnnotations(
            title=operation.title,
            read_only_hint=hints.read_only,
            destructive_hint=hints.destructive,
            idempotent_hint=hints.idempotent,
            open_world_hint=hints.open_world,
        ),
    )


def _text(toolbox: Toolbox, answer: ToolAnswer) -> str:
    return "\n".join([answer.text, *(str(link(toolbox, each).uri) for each in answer.shown)])


def _previews(toolbox: Toolbox, answer: ToolAnswer, mode: PreviewMode) -> list[ContentBlock]:
    """Return the small pictures, if there are any; without them the answer is complete, too."""
    if mode == "none":
        return []
    if mode == "links":
        return [link(toolbox, handle) for handle in answer.shown]
    try:
        shown = previews_of(toolbox, answer.shown, answer.drawn)
    except Exception:
        # what was asked for is done and kept: that it cannot be shown makes it no failure
        log.exception("no preview of %s", ", ".join(answer.shown))
        return []
    return [ImageContent(data=each.base64, mime_type=each.mime_type) for each in shown]
