"""The tools for LangChain: works with langchain-core alone.

    tools = get_tools("workspace", roots=["pictures"])

Each answers with text facts, small preview pictures and, as the artifact, the result object that
all other surfaces return (out of a checkpoint it comes as a dict: ``operations.result_of`` reads
both). Errors come as JSON ``{"code", "message", "hint"}`` and end no run.
Progress is dispatched as the custom event ``textseg.progress``, and to langgraph's stream writer
where there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import CallbackManagerForToolRun, dispatch_custom_event
from langchain_core.messages.content import create_image_block, create_text_block
from langchain_core.runnables.config import run_in_executor
from langchain_core.tools import BaseTool, BaseToolkit, ToolException
from langchain_core.tools.base import ArgsSchema
from pydantic import ConfigDict, PrivateAttr, ValidationError
from pydantic.v1 import ValidationError as OldValidationError

from agent_tools.failures import failure
from agent_tools.operations import Operation, ToolAnswer, offered
from agent_tools.previews import previews_of
from textseg.progress import CancelToken, Follow, Progress
from textseg.toolbox import Facts, Limits, Setup, Toolbox, open_toolbox
from textseg.toolbox.inputs import shown_schema

if TYPE_CHECKING:
    from textseg.workspace import Workspace

PROGRESS_EVENT = "textseg.progress"

PreviewMode = Literal["auto", "none"]


class ImageTool(BaseTool):
    """One of the operations as a tool."""

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    preview: PreviewMode = "auto"
    _operation: Operation[Any] = PrivateAttr()  # Any: each takes its own input
    _toolbox: Toolbox = PrivateAttr()

    @classmethod
    def of(
        cls, operation: Operation[Any], toolbox: Toolbox, *, preview: PreviewMode = "auto"
    ) -> ImageTool:
        """Return the tool for an operation on a toolbox."""
        tool = cls(
            name=operation.name,
            description=operation.description,
            args_schema=operation.takes,
            preview=preview,
            handle_tool_error=True,
            handle_validation_error=_refused,
        )
        tool._operation, tool._toolbox = operation, toolbox
        return tool

    @property
    def tool_call_schema(self) -> ArgsSchema:
        """What models are shown; a new dict each time, which whoever makes it strict may change."""
        return shown_schema(self._operation.takes)

    def _run(
        self,
        run_manager: CallbackManagerForToolRun | None = None,
        **values: Any,  # Any: LangChain hands on the fields of the input
    ) -> tuple[list[dict[str, Any]], Facts]:
        """Return text and preview as content, the facts as artifact."""
        return self._answered(values, CancelToken())

    async def _arun(
        self,
        run_manager: object = None,
        **values: Any,  # Any: as above
    ) -> tuple[list[dict[str, Any]], Facts]:
        """Return the same; when the task is cancelled, the work stops at its next step."""
        cancel = CancelToken()
        work = partial(copy_context().run, self._answered, values, cancel)
        # a thread of its own: many calls may wait for the model, and of those that a loop shares
        # out there are few
        thread = ThreadPoolExecutor(max_workers=1)
        try:
            return await run_in_executor(thread, work)
        except asyncio.CancelledError:
            cancel.cancel()
            raise
        finally:
            thread.shutdown(wait=False)

    def _answered(
        self, values: dict[str, Any], cancel: CancelToken
    ) -> tuple[list[dict[str, Any]], Facts]:
        try:
            asked = self._operation.takes.model_validate(values)
            answer = self._operation.run(self._toolbox, asked, Follow(emit, cancel))
            return self._content(answer), answer.result
        except Exception as error:
            # whatever it is must not end the run, nor tell the model more than it may know
            raise ToolException(failure(error).model_dump_json(exclude_none=True)) from None

    def _content(self, answer: ToolAnswer) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = [dict(create_text_block(answer.text))]
        if self.preview == "auto":
            for shown in previews_of(self._toolbox, answer.shown, answer.drawn):
                block = create_image_block(base64=shown.base64, mime_type=shown.mime_type)
                blocks.append(dict(block))
        return blocks


class ImageToolkit(BaseToolkit):
    """The tools on one toolbox, in a fixed order."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    toolbox: Toolbox
    preview: PreviewMode = "auto"

    def get_tools(self) -> list[BaseTool]:
        """Return the tools."""
        tools = offered(self.toolbox)
        return [ImageTool.of(each, self.toolbox, preview=self.preview) for each in tools]


def get_tools(
    workspace: Workspace | Toolbox | str | Path | None = None,
    *,
    model: str = "picturebook",
    roots: Sequence[str | Path] = (),
    limits: Limits | None = None,
    exports: str | Path | None = None,
    preview: PreviewMode = "auto",
) -> list[BaseTool]:
    """Return the tools.

    Args:
        workspace: folder for pictures and results, made when missing; None for a fresh private
            one; or a workspace, or a toolbox with all that it was set up with.
        model: registered name, folder of a diffusers checkpoint, or hub id.
        roots: folders below which pictures may be named by file name; nothing else can be read.
        limits: the most that one call may take.
        exports: a folder into which pictures may be written, each as a new file; None for no tool
            that does so.
        preview: "auto" adds a small picture to the text; "none" is for models that cannot see.
    """
    toolbox = workspace
    if not isinstance(toolbox, Toolbox):
        setup = Setup(model=model)
        toolbox = open_toolbox(toolbox, roots=roots, setup=setup, limits=limits, exports=exports)
    return ImageToolkit(toolbox=toolbox, preview=preview).get_tools()


def emit(progress: Progress) -> None:
    """Report progress to whoever listens; where nobody does, nothing happens."""
    event = {
        "stage": progress.stage,
        "step": progress.step,
        "of": progress.of,
        "remaining": progress.remaining,
        "share": progress.share,
    }
    writer = _stream_writer()
    if writer is not None:
        writer(event)
    with contextlib.suppress(RuntimeError):  # outside of a run there is nobody to tell
        dispatch_custom_event(PROGRESS_EVENT, event)


def _stream_writer() -> Callable[[Any], None] | None:
    """Return langgraph's writer for custom events; None outside of its graphs."""
    config = sys.modules.get("langgraph.config")  # not imported: then we are in none of its graphs
    if config is None:
        return None
    try:
        return config.get_stream_writer()  # type: ignore[no-any-return]  # a module by name
    except (RuntimeError, KeyError):  # it raises either, depending on where it is called
        return None


def _refused(error: ValidationError | OldValidationError) -> str:
    assert isinstance(error, ValidationError), "the inputs are models of pydantic 2"
    return failure(error).model_dump_json(exclude_none=True)
