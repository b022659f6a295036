"""The server itself: what it says of itself, and which request is answered by what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)

from agent_tools.failures import failure
from agent_tools.mcp import resources, tools
from agent_tools.mcp.calls import carry_out
from textseg.errors import InvalidInputError
from textseg.progress import Follow
from textseg.toolbox import Toolbox
from textseg.version import __version__

INSTRUCTIONS: Final = (
    "Finds things in pictures by words, changes them, and makes pictures. Pictures and masks go by "
    "handles (img_..., mask_...), pictures also by the names of files in the folders that the "
    'person opened, or by "latest", the one that was made or chosen last. Everything made is kept '
    "in the workspace folder of the person who runs this server, where nothing is overwritten or "
    "deleted; it can be read at textseg://image/{handle}, large ones with ?max=1024 scaled down."
)

T = TypeVar("T")

Context = ServerRequestContext[Any, Any]  # Any: state and transport of the SDK, of no interest here
Page = PaginatedRequestParams | None


def build(toolbox: Toolbox, *, preview: tools.PreviewMode = "auto") -> Server[Any]:  # Any: as above
    """Return the server; what it does to a picture takes place in threads."""

    async def list_tools(_: Context, __: Page) -> ListToolsResult:
        return ListToolsResult(tools=tools.tools(toolbox))

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        work = partial(tools.answer_call, toolbox, params, preview)
        return await carry_out(work, context.session.report_progress)

    async def list_resources(context: Context, __: Page) -> ListResourcesResult:
        made = await _explaining(context, lambda: resources.made_images(toolbox))
        return ListResourcesResult(resources=made)

    async def list_templates(_: Context, __: Page) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=[resources.template()])

    async def read_resource(
        context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        return await _explaining(context, lambda: resources.read_image(toolbox, str(params.uri)))

    async def complete(context: Context, params: CompleteRequestParams) -> CompleteResult:
        asked = params.argument
        found = await _explaining(
            context, lambda: resources.complete(toolbox, asked.name, asked.value)
        )
        return CompleteResult(completion=found)

    return Server(
        "textseg",
        title="textseg",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_completion=complete,
    )


async def _explaining(context: Context, work: Callable[[], T]) -> T:
    """Return what the work gives, done in a thread.

    Raises:
        MCPError: with what a client may know of why it failed; the SDK would tell it everything.
    """

    def caught(_: Follow) -> T | MCPError:
        try:
            return work()
        except Exception as error:
            facts = failure(error)
            # SEP-2164: a resource that does not exist is a wrong parameter
            code = INVALID_PARAMS if isinstance(error, InvalidInputError) else INTERNAL_ERROR
            return MCPError(
                code=code, message=facts.message, data=facts.model_dump(exclude_none=True)
            )

    outcome = await carry_out(caught, context.session.report_progress)
    if isinstance(outcome, MCPError):
        raise outcome
    return outcome
