"""Whose turn it is at the model: one call at a time, a few may wait, the others are told so."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from textseg.errors import BusyError
from textseg.progress import CancelToken

WAITING = 4
_LOOK = 0.1  # seconds between two looks at the cancel flag while waiting


class Turns:
    """A queue in front of one model; first come, first served."""

    def __init__(self, waiting: int = WAITING) -> None:
        """Let so many wait besides the one whose turn it is."""
        self._waiting = waiting
        self._changed = Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def turn(self, cancel: CancelToken | None = None) -> Iterator[None]:
        """Wait for the turn, and hold it.

        Raises:
            BusyError: enough are waiting already.
            Cancelled: ``cancel`` was raised meanwhile.
        """
        me = object()
        with self._changed:
            if len(self._queue) > self._waiting:
                raise BusyError(
                    f"the model is at work and {self._waiting} more calls are waiting for it",
                    hint="wait for them, then call again",
                )
            self._queue.append(me)
        try:
            self._wait(me, cancel)
            yield
        finally:
            with self._changed:
                self._queue.remove(me)
                self._changed.notify_all()

    def _wait(self, me: object, cancel: CancelToken | None) -> None:
        with self._changed:
            while self._queue[0] is not me:
                self._changed.wait(_LOOK)
                if cancel is not None:
                    cancel.raise_if_cancelled()


MODEL_TURNS = Turns()
"""Shared by everything in a process that works with a model on behalf of somebody else."""
