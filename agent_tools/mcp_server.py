"""The tools as an MCP server: the command ``textseg-mcp``, or ``serve`` in Python.

    textseg-mcp --root ~/Pictures/house --workspace ~/textseg

serves one client over standard input and output, the way desktop assistants start it; with
``--http PORT`` it serves any number of them on this machine. It needs the extra ``mcp``; torch and
the model are loaded by the first call that needs them.

Exit codes: 0 the client is gone, 1 it failed, 2 the call is wrong. Ctrl-C ends it at once.
"""

from __future__ import annotations

from textseg.process import end_at_interrupt, prepare_streams

TYPE_CHECKING = False  # as `typing` has it, which takes a moment to load
if TYPE_CHECKING:
    from typing import Any, Literal

    from mcp.server.lowlevel import Server

    from textseg.toolbox import Toolbox


def main() -> None:
    """Run the command and end the process."""
    end_at_interrupt()
    prepare_streams()
    from agent_tools.mcp.command import app  # takes a moment

    app()


def serve(
    toolbox: Toolbox, *, preview: Literal["auto", "none", "links"] = "auto"
) -> Server[Any]:  # Any: state of the SDK, which there is none of
    """Return an MCP server that offers the tools, and the pictures as resources.

    Args:
        toolbox: on a workspace; with its model and limits.
        preview: "auto" adds a small picture to the text; "none" is for models that cannot see;
            "links" adds links to the resources instead, which not every client can read.

    Raises:
        MissingExtraError: the MCP SDK is not installed.
    """
    from agent_tools.mcp.installed import check_installed

    check_installed()
    from agent_tools.mcp.server import build

    return build(toolbox, preview=preview)
