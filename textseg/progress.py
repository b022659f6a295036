"""How long-running work reports where it is, and how it is asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Self

from textseg.errors import Cancelled, TimeLimitError


@dataclass(frozen=True)
class Progress:
    """One report: in ``stage``, ``step`` of ``of`` is done, from 0 (start) to ``of`` (done).

    ``remaining`` estimates the seconds to the end of the whole work, and ``share`` how much of it
    is done, from 0 to 1, which never falls; None where nothing is known yet, or nobody counts.
    """

    stage: str
    step: int
    of: int
    remaining: float | None = None
    share: float | None = None


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


@dataclass(frozen=True)
class Follow:
    """Who wants to see the work, and who may stop it."""

    progress: ProgressCallback | None = None
    cancel: CancelToken | None = None

    def named(self, part: str) -> Self:
        """Return who follows a part of the work, told which one it is."""
        show = self.progress
        if show is None:
            return self

        def report(progress: Progress) -> None:
            show(replace(progress, stage=f"{progress.stage} ({part})"))

        return replace(self, progress=report)

    def report(self, name: str, step: int, of: int) -> None:
        """Show that ``step`` of ``of`` is done; raises ``Cancelled``, or ``TimeLimitError``.

        When all is done only a person may throw it away: the clock is looked at by what comes next.
        """
        if self.progress is not None:
            self.progress(Progress(name, step, of))
        if self.cancel is not None and (step < of or self.cancel.cancelled):
            self.cancel.raise_if_cancelled()


class Deadline(CancelToken):
    """A flag that is raised by the clock as well: after so many seconds the work stops."""

    def __init__(self, seconds: float, *, cancel: CancelToken | None = None) -> None:
        """Start the clock; ``cancel`` is another flag that stops the same work."""
        super().__init__()
        self._seconds, self._other = seconds, cancel
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left; below 0 when the time is over."""
        return self._end - time.monotonic()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop; the clock does not count."""
        return super().cancelled or (self._other is not None and self._other.cancelled)

    def raise_if_cancelled(self) -> None:
        """Raise ``Cancelled``, or ``TimeLimitError`` when the time is over."""
        super().raise_if_cancelled()
        if self.left < 0:
            raise TimeLimitError(
                f"stopped after {self._seconds:g} seconds, the most that is allowed here",
                hint="ask for fewer steps, draws or queries, or for a smaller picture",
            )
