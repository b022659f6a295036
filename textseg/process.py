"""What a command owes its process: streams that can be used, and an end at Ctrl-C.

Loads nothing that takes time, so that it can be called before anything does.
"""

from __future__ import annotations

import io
import os
import signal
import sys

TYPE_CHECKING = False  # as `typing` has it, which takes a moment to load
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended: 128 and the number of the signal."""


def prepare_streams() -> None:
    """Let standard streams that are missing lead nowhere, and no character break one.

    A program may be started with a stream closed (``2>&-``, some service managers) or without any
    (pythonw). Then Python has None in its place, and the next file that is opened gets its number,
    so that what a library in C says to people would be written into a picture.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdin, sys.stdout):  # standard error does so by itself
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop_unwritten() -> None:
    """Forget what a stream could not take, about which Python would complain at the very end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Leave:
    """Ends the process at Ctrl-C at once, wherever it is.

    An exception, which Python raises otherwise, may come in the middle of an import or of a
    library's clean-up, where it is lost, or told with a traceback.
    """

    def __init__(self, *, out: str = "", err: str = "") -> None:
        """Say so on standard output and standard error."""
        self._words = {1: out, 2: err}

    def __call__(self, number: int, frame: FrameType | None) -> NoReturn:
        """Handle the signal."""
        for stream, words in self._words.items():
            try:  # not by the stream's object, which may be at work
                start = "\r\x1b[K" if os.isatty(stream) else ""  # over a progress bar
                os.write(stream, f"{start}{words}\n".encode() if words else b"")
            except OSError:
                pass
        os._exit(INTERRUPTED)


def end_at_interrupt() -> None:
    """Let Ctrl-C end the process by its signal, whatever it does, in C too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def leave_at_interrupt() -> None:
    """Let Ctrl-C end the process without a word.

    Where interrupts are ignored, as in a job in the background of a shell, they stay so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Leave())
