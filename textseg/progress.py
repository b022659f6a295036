"""How long-running work reports where it is, and how it is asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from textseg.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """One report: in ``stage``, ``step`` of ``of`` is done, from 0 (start) to ``of`` (done)."""

    stage: str
    step: int
    of: int


ProgressCallback = Callable[[Progress], None]


class CancelToken:
    """A flag that any thread may raise and that the work looks at between its chunks."""

    def __init__(self) -> None:
        """Start in the state "not cancelled"."""
        self._event = Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next check. Calling it twice does no harm."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise ``Cancelled`` when somebody asked to stop; otherwise do nothing."""
        if self.cancelled:
            raise Cancelled("stopped, because the caller asked for it")
