"""One piece of work at a time on a thread of its own, and where it stands, as traits."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from threading import Event, Lock, RLock, Thread, Timer
from typing import Final

from traitlets import Enum, HasTraits, Instance, Unicode

from textseg.errors import BusyError, Cancelled, TextsegError
from textseg.panels.interrupting import cancel_with_the_kernel
from textseg.progress import CancelToken, Progress, ProgressCallback

Work = Callable[[ProgressCallback, CancelToken], object]

STATES: Final = ("idle", "running", "cancelling", "done", "cancelled", "failed")
AT_WORK: Final = ("running", "cancelling")
BETWEEN: Final = 0.1  # seconds between two reports: people see no more, and browsers keep up


class Job(HasTraits):
    """Runs one function at a time; may be started, watched and cancelled from any thread.

    Observers are called on the thread that makes the change, so they have to be short.

    Attributes:
        state: "idle" before the first start, then "running", "cancelling" from the wish to stop to
            the step that heeds it, and at the end "done", "cancelled" or "failed".
        at: the last report of the work; None before the first.
        error: what went wrong, in one line; "" unless it failed.
        details: the traceback that belongs to it.
        failure: the error itself.
    """

    state = Enum(STATES, "idle")
    at = Instance(Progress, allow_none=True)
    error = Unicode("")
    details = Unicode("")

    def __init__(self) -> None:
        """Have nothing to do yet."""
        super().__init__()
        self.failure: Exception | None = None
        self._lock = RLock()
        self._cancel = CancelToken()
        self._finished = Event()
        self._finished.set()

    @property
    def at_work(self) -> bool:
        """Whether something is running, also if it is to stop."""
        return self.state in AT_WORK

    def start(self, work: Work) -> None:
        """Run ``work(progress, cancel)`` on a thread.

        Raises:
            BusyError: something is running; nothing was started.
        """
        with self._lock:
            self.check_idle()
            self._cancel, self._finished = CancelToken(), Event()
            self.failure, self.at, self.error, self.details = None, None, "", ""
            self.state = "running"
        cancel_with_the_kernel(self)
        Thread(target=self._run, args=(work, self._cancel), name="textseg", daemon=True).start()

    def check_idle(self) -> None:
        """Raise ``BusyError`` where something is running."""
        if self.at_work:
            raise BusyError("there is work going on", hint="wait for it, or cancel it")

    def cancel(self) -> None:
        """Ask the work to stop at its next step; does nothing where nothing is running."""
        with self._lock:
            if self.state == "running":
                self._cancel.cancel()
                self.state = "cancelling"

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is running; tell whether that is so now.

        An interrupt while waiting, such as the stop button of a notebook, cancels the work.

        Args:
            timeout: most seconds to wait; None for as long as it takes.

        Raises:
            KeyboardInterrupt: after the work has stopped.
        """
        try:
            return self._finished.wait(timeout)
        except KeyboardInterrupt:
            self.cancel()
            self._finished.wait()
            raise

    def _run(self, work: Work, cancel: CancelToken) -> None:
        reports = Throttle(self._report)
        try:
            work(reports, cancel)
        except Cancelled:
            self._end("cancelled", reports)
        except Exception as error:
            # whatever it is has to be seen: nobody looks at the output of a thread
            self.failure, self.details = error, traceback.format_exc()
            self.error = one_line(error)
            self._end("failed", reports)
        else:
            self._end("done", reports)

    def _end(self, state: str, reports: Throttle) -> None:
        try:
            reports.flush()
            with self._lock:
                self.state = state
        finally:
            self._finished.set()

    def _report(self, progress: Progress) -> None:
        self.at = progress


class Throttle:
    """Hands on reports, at most one in an interval; the last one always arrives."""

    def __init__(
        self,
        show: ProgressCallback,
        *,
        interval: float = BETWEEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hand reports on to ``show``, from whatever thread they come or fall due on."""
        self._show, self._interval, self._clock = show, interval, clock
        self._lock = Lock()
        self._held: Progress | None = None
        self._timer: Timer | None = None
        self._free = float("-inf")  # when the next one may be shown

    def __call__(self, progress: Progress) -> None:
        """Show a report now, or when the interval is over unless a newer one comes."""
        with self._lock:
            self._held = progress
            wait = self._free - self._clock()
            if wait <= 0:
                self._out()
            elif self._timer is None:
                self._timer = Timer(wait, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Show what is held back."""
        with self._lock:
            self._out()

    def _out(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held is not None:
            self._free = self._clock() + self._interval
            progress, self._held = self._held, None
            self._show(progress)


def one_line(error: Exception) -> str:
    """Return what went wrong, in one line for people."""
    if isinstance(error, TextsegError):
        return str(error)
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
