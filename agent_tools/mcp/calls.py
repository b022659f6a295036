"""Work for a client: in a thread, reported as it goes, stopped when nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from textseg.progress import CancelToken, Follow, Progress

T = TypeVar("T")

Tell = Callable[[float, float | None, str | None], Awaitable[None]]
"""Tells a client how many steps are done, of how many, and in words what is being done."""


WHOLE: Final = 100.0
"""What a client is told as the total of every call: progress is in percent."""
_LEAST: Final = 0.01  # that a report grows by
_MOST: Final = 99.9  # before the answer is there


@dataclass(frozen=True)
class CallProgress:
    """How far a call is, in percent, for its client; and what is being done, in words."""

    done: float
    message: str


class Meter:
    """Tells reports of a call as one growing number.

    What a client is told has to grow from one report to the next (MCP, "Progress"), also where the
    share of the work that is done turns out smaller than it seemed, or is not known yet.
    """

    def __init__(self) -> None:
        """Start with nothing done."""
        self._last: Progress | None = None
        self._done = -_LEAST

    def reading(self, report: Progress) -> CallProgress | None:
        """Return what the client is told; None for a report that says nothing new."""
        last, self._last = self._last, report
        if last is not None and (report.stage, report.step) == (last.stage, last.step):
            return None
        least = self._done + min(_LEAST, (WHOLE - self._done) / 2)  # some room is always left
        self._done = max(min(WHOLE * (report.share or 0.0), _MOST), least)
        return CallProgress(self._done, _describe(report))


async def carry_out(work: Callable[[Follow], T], tell: Tell) -> T:
    """Return what the work gives, done in a thread of its own.

    Reports are handed over and never waited for, so that a client that reads slowly, or is gone,
    does not hold up the model. When the request is cancelled the thread is left to itself, with the
    flag raised that stops it at its next step.

    Args:
        work: does not raise: what goes wrong is a result, too.
        tell: tells the client.
    """
    cancel = CancelToken()
    # as many as there are: the steps of a call are limited
    send, receive = anyio.create_memory_object_stream[Progress](math.inf)
    loop = asyncio.get_running_loop()

    def report(progress: Progress) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
            loop.call_soon_threadsafe(_offer, send, progress)

    async with receive, anyio.create_task_group() as group, send:
        group.start_soon(_forward, receive, tell)
        try:
            follow = Follow(report, cancel)
            outcome = await anyio.to_thread.run_sync(partial(work, follow), abandon_on_cancel=True)
        finally:
            cancel.cancel()
    return outcome


def _offer(send: MemoryObjectSendStream[Progress], progress: Progress) -> None:
    with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        send.send_nowait(progress)


async def _forward(receive: MemoryObjectReceiveStream[Progress], tell: Tell) -> None:
    """Tell the client each report until there are no more, or until it is gone."""
    meter = Meter()
    with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async for report in receive:
            reading = meter.reading(report)
            if reading is not None:
                await tell(reading.done, WHOLE, reading.message)


def _describe(report: Progress) -> str:
    left = f", about {report.remaining:.0f} s left" if report.remaining else ""
    return f"{report.stage}: {report.step} of {report.of}{left}"
