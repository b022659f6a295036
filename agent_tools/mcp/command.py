"""The command ``textseg-mcp``; see ``agent_tools.mcp_server``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent_tools.mcp.installed import check_installed
from textseg.cli.drawn import Fields, Given, drawn
from textseg.errors import InvalidInputError, TextsegError
from textseg.toolbox import Setup, check_arguments

if TYPE_CHECKING:
    from textseg.toolbox import Toolbox

FAILED, WRONG_INPUT = 1, 2

TOKEN_VARIABLE = "TEXTSEG_MCP_TOKEN"
LOCAL = "127.0.0.1"

_OPEN_BITS = 128  # in handles, where others may reach the server

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
@drawn
def command(
    *,
    root: Annotated[
        list[Path], typer.Option(help="Folder below which pictures may be read; may be repeated.")
    ],
    workspace: Annotated[
        Path | None, typer.Option(help="Folder for results; without it a fresh private one.")
    ] = None,
    http: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Serve on a port; 0 picks one."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; anything but this machine needs a token.")
    ] = LOCAL,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the token that clients show; or set {TOKEN_VARIABLE}."),
    ] = None,
    setting: Annotated[Given, Fields(Setup, but=("batch_size", "captioner", "editor"))],
    exports: Annotated[
        Path | None,
        typer.Option(
            help="Folder into which assistants may write pictures, each as a new file; without it "
            "they cannot."
        ),
    ] = None,
    no_preview: Annotated[
        bool, typer.Option("--no-preview", help="Send facts only, no small pictures.")
    ] = False,
    links: Annotated[
        bool, typer.Option("--links", help="Send links to pictures instead of small pictures.")
    ] = False,
    max_seconds: Annotated[float, typer.Option(min=1, help="Most that one call may take.")] = 600,
) -> None:
    """Let assistants find, change and make pictures: an MCP server over stdin and stdout."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with _explaining_failures():
        check_installed()
        from agent_tools.mcp.server import build
        from textseg.toolbox import Limits, open_toolbox

        setup = check_arguments(Setup, setting)
        limits = Limits(seconds=max_seconds)
        opened = partial(
            open_toolbox, workspace, roots=root, setup=setup, limits=limits, exports=exports
        )
        served = partial(build, preview="links" if links else "none" if no_preview else "auto")
        if http is not None:
            from agent_tools.mcp.http import Address, listen, run_http

            address = Address(host, http, _token(token_file))
            with listen(address) as listener:  # before a folder is made that nobody will use
                run_http(served(_told(opened(handle_bits=_OPEN_BITS))), listener, address)
            return
        if token_file is not None or host != LOCAL:
            raise InvalidInputError("--host and --token-file are for a server at a --http PORT")
        from agent_tools.mcp.stdio import run_stdio

        run_stdio(served(_told(opened())))


def _told(toolbox: Toolbox) -> Toolbox:
    """Return a toolbox, once the person knows where its results are."""
    _say(f"results are kept in {toolbox.workspace.folder}")
    return toolbox


def _token(file: Path | None) -> str | None:
    """Return the token that clients have to show; None where none is set."""
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"the token file {str(file)!r} cannot be read: {error}") from None


def _say(text: str) -> None:
    typer.echo(f"textseg-mcp: {text}", err=True)


@contextmanager
def _explaining_failures() -> Iterator[None]:
    """Turn what we raise into one line on stderr and an exit code."""
    try:
        yield
    except TextsegError as error:
        _say(str(error))
        raise typer.Exit(WRONG_INPUT if isinstance(error, InvalidInputError) else FAILED) from None
