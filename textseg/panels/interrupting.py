"""The stop button of a notebook, for work that no cell is waiting for.

While a cell runs, the kernel turns an interrupt into a ``KeyboardInterrupt`` in that cell. In
between it ignores interrupts; from the first job on they cancel our work instead.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol
from weakref import WeakSet


class Cancellable(Protocol):
    """Something that can be asked to stop."""

    def cancel(self) -> None:
        """Ask it to stop; does nothing where it has stopped."""


class Loop(Protocol):
    """The part of the kernel's loop that is used here."""

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Have something called soon, on the thread of the loop."""


_LOCK = threading.Lock()
_WATCHED: WeakSet[Cancellable] = WeakSet()
_LOOPS: WeakSet[Loop] = WeakSet()  # on which the interrupt is ours already


def cancel_with_the_kernel(job: Cancellable) -> None:
    """Have a job cancelled when the kernel is interrupted while no cell runs.

    Outside of a kernel nothing happens. It may be called again, and keeps nothing alive.
    """
    loop = _main_loop()
    if loop is None:
        return
    with _LOCK:
        _WATCHED.add(job)
        if loop in _LOOPS:
            return
        _LOOPS.add(loop)
    # Signals can be set on the main thread only, and the kernel sets its own while it handles a
    # message there; what is set between two messages stays.
    loop.add_callback(_take_interrupts)


def _main_loop() -> Loop | None:
    """Return the loop on the main thread of the kernel; None outside of a kernel."""
    found: Loop | None = getattr(running_kernel(), "io_loop", None)
    return found


def running_kernel() -> Any:  # Any: ipykernel has no types
    """Return the kernel that this process is; None outside of a kernel."""
    shells = sys.modules.get("IPython")  # not imported: then we are in no kernel
    shell = shells.get_ipython() if shells is not None else None
    return getattr(shell, "kernel", None)


def _take_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)

    def cancel_all(number: int, frame: FrameType | None) -> None:
        for job in list(_WATCHED):
            job.cancel()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, cancel_all)
