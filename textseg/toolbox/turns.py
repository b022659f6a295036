"""Whose turn it is at the model: one call at a time, some may wait, the others are told so."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from textseg.errors import BusyError
from textseg.progress import Follow

WAITING = 24
"""As many as an assistant may make in one turn, and some more."""
STAGE = "waiting for earlier calls"
_LOOK = 0.1  # seconds between two looks at the cancel flag while waiting


class Turns:
    """A queue in front of one model; first come, first served."""

    def __init__(self, waiting: int = WAITING) -> None:
        """Let so many wait besides the one whose turn it is."""
        self._waiting = waiting
        self._changed = Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def turn(self, follow: Follow | None = None) -> Iterator[None]:
        """Wait for the turn, and hold it.

        Args:
            follow: sees how many of the calls that came earlier are over, and may stop waiting.

        Raises:
            BusyError: enough are waiting already.
            Cancelled: the caller asked to stop meanwhile.
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
            self._wait(me, follow or Follow())
            yield
        finally:
            with self._changed:
                self._queue.remove(me)
                self._changed.notify_all()

    def _wait(self, me: object, follow: Follow) -> None:
        with self._changed:
            earlier = ahead = self._queue.index(me)
        while ahead:
            # without the lock: whoever is told may take his time
            follow.report(STAGE, earlier - ahead, earlier)
            ahead = self._next(me, ahead, follow)
        if earlier:
            follow.report(STAGE, earlier, earlier)

    def _next(self, me: object, ahead: int, follow: Follow) -> int:
        """Return how many are ahead once they are fewer."""
        with self._changed:
            while (now := self._queue.index(me)) == ahead:
                self._changed.wait(_LOOK)
                if follow.cancel is not None:
                    follow.cancel.raise_if_cancelled()
        return now


MODEL_TURNS = Turns()
"""Shared by everything in a process that works with a model on behalf of somebody else."""
