"""Ctrl-C while a command works: an end at once, but where files are written."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from textseg.errors import Cancelled
from textseg.process import Leave
from textseg.progress import CancelToken

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def reporting_interrupt(error: Cancelled, *, as_json: bool) -> Iterator[None]:
    """Let Ctrl-C end the process with this error instead of without a word."""
    facts = {"code": error.code, "message": error.message, "hint": error.hint}
    out = json.dumps({"error": facts}) if as_json else ""
    with _handling(Leave(out=out, err=f"textseg: {error}")):
        yield


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise ``KeyboardInterrupt``, for what has to clean up behind itself."""
    with _handling(signal.default_int_handler):
        yield


@contextmanager
def finishing(cancel: CancelToken) -> Iterator[None]:
    """Let Ctrl-C, or the end that a system asks for, stop the work once what is at hand is done.

    A second Ctrl-C ends the process at once.
    """
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        cancel.cancel()
        signal.signal(signal.SIGINT, before)
        with suppress(OSError):  # not by the stream's object, which may be at work
            os.write(2, b"\ntextseg: finishing what is at hand; Ctrl-C again ends at once\n")

    with _handling(stop):
        if not isinstance(before, Leave):
            yield
            return
        asked = signal.signal(signal.SIGTERM, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, asked)


@contextmanager
def _handling(handler: Handler) -> Iterator[None]:
    """Handle Ctrl-C so, in a process that was told to leave at it (``leave_at_interrupt``)."""
    before = signal.getsignal(signal.SIGINT)
    if not isinstance(before, Leave):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
