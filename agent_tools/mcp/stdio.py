"""Serving one client on standard input and output; every other word goes to standard error."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from typing import Any, Final, NoReturn, TextIO

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from textseg.process import end_at_interrupt

_GRACE: Final = 0.5  # seconds for a thread to notice that it is to stop


def run_stdio(server: Server[Any]) -> NoReturn:  # Any: state of the SDK
    """Serve until the client is gone; then what still goes on is cancelled and the process ends."""
    # The thread that waits for input would not notice anything else. That loses nothing but the
    # work in progress: a workspace holds whole results or none.
    end_at_interrupt()
    try:
        with _own_stdout() as wire:
            asyncio.run(_serve(server, wire))
    except* BrokenPipeError:  # it left without waiting for an answer
        pass
    _end()


def _own_stdout() -> TextIO:
    """Return standard output for the protocol alone, until the process ends.

    Whatever else writes to it from now on, by ``print``, in C or in another process, writes to
    standard error. It is never given back: what lies in a buffer then would come out behind the
    protocol.
    """
    sys.stdout.flush()
    wire = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    return os.fdopen(wire, "w", encoding="utf-8", newline="\n")


async def _serve(server: Server[Any], wire: TextIO) -> None:  # Any: as above
    # standard input is diverted by the SDK, so that nothing else reads the protocol
    async with stdio_server(stdout=anyio.wrap_file(wire)) as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _end() -> NoReturn:
    """End the process soon, though a step of a model that nobody waits for may still go on."""
    latest = time.monotonic() + _GRACE
    waited_for = {each for each in threading.enumerate() if not each.daemon}
    waited_for.discard(threading.main_thread())
    for thread in waited_for:
        thread.join(max(0.0, latest - time.monotonic()))
    if any(thread.is_alive() for thread in waited_for):
        sys.stderr.flush()
        os._exit(0)
    sys.exit(0)
