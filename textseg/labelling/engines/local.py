"""Workers on this machine, a process each: one a device, on processors one a core.

A worker that dies, of whatever, gives its part back and is replaced. Where the driver dies, each
worker finishes its part and leaves.
"""

from __future__ import annotations

import os
import signal
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from textseg.errors import ModelError
from textseg.labelling.parts import MOST_DEATHS, LabelPart
from textseg.labelling.worker import PartReport, PartWorker, WorkPlace, use_one_core
from textseg.progress import CancelToken

LOOK = 0.5  # seconds between looks at whether somebody has cancelled
GUARD = (
    "often memory runs out: try fewer workers; a script has to call it below "
    '`if __name__ == "__main__":`'
)


def run_locally(
    parts: Sequence[LabelPart], place: WorkPlace, *, workers: int | None, cancel: CancelToken
) -> Iterator[PartReport]:
    """Yield a report of each part that is done, in the order in which they are.

    When ``cancel`` is raised no further part is begun with, and those at hand are finished.

    Args:
        parts: what is to do.
        place: where; "auto" and a kind of device stand for all devices of that kind.
        workers: how many processes; ``None``: one a device, on processors one a core.
        cancel: looked at twice a second.

    Raises:
        ModelError: the model cannot be loaded, or workers die of what is no picture's fault.
        OSError: rows cannot be written.
    """
    devices = devices_for(place.device, workers)
    pool = _Pool(parts, [replace(place, device=device) for device in devices[: len(parts)]])
    try:
        while pool.at_work:
            if cancel.cancelled:
                pool.waiting.clear()
            yield from pool.hear()
        if pool.lost:
            raise ModelError(
                f"{len(pool.lost)} parts were not done, because their workers died", hint=GUARD
            )
    finally:
        pool.close()


def devices_for(device: str, workers: int | None) -> list[str]:
    """Return the device of each worker; ``None`` workers: one a device, or one a core."""
    from textseg.backends.loading import all_devices

    devices = all_devices(device)
    usual = _cores() if devices == ["cpu"] else len(devices)
    return [devices[k % len(devices)] for k in range(usual if workers is None else workers)]


@dataclass
class _Hand:
    """A process, and the part that it has; it is ready once its model is loaded."""

    process: SpawnProcess
    line: Connection
    place: WorkPlace
    part: LabelPart | None = None
    ready: bool = False


class _Pool:
    """Processes that are given one part after another."""

    def __init__(self, parts: Sequence[LabelPart], places: Sequence[WorkPlace]) -> None:
        self.waiting, self.lost = deque(parts), list[LabelPart]()
        self._given: Counter[str] = Counter()
        self._stillborn = 0  # workers that died one after another before they were ready
        self._hands = [_hire(place) for place in places]

    @property
    def at_work(self) -> bool:
        """Whether there is something to wait for."""
        return bool(self.waiting) or any(hand.part is not None for hand in self._hands)

    def hear(self) -> Iterator[PartReport]:
        """Yield what workers have to report by now, and give them what is next."""
        lines = {hand.line: hand for hand in self._hands}
        for line in wait(list(lines), timeout=LOOK):
            hand = lines[line]  # type: ignore[index]  # wait returns what it was given
            try:
                told = hand.line.recv()
            except (EOFError, OSError):
                self._bury(hand)
                continue
            if isinstance(told, Exception):
                raise told
            hand.ready, hand.part, self._stillborn = True, None, 0
            self._give(hand)
            if told is not None:
                yield told

    def close(self) -> None:
        """Let each worker finish its part, and wait for that; a second interrupt ends them."""
        for hand in self._hands:
            hand.line.close()
        try:
            for hand in self._hands:
                hand.process.join()
        except BaseException:
            for hand in self._hands:
                hand.process.kill()
            raise

    def _give(self, hand: _Hand) -> None:
        if not self.waiting:
            return
        hand.part = self.waiting.popleft()
        self._given[hand.part.name] += 1
        with suppress(OSError):  # it died just now, which is heard next
            hand.line.send(hand.part)

    def _bury(self, hand: _Hand) -> None:
        """Take back the part of a worker that died, and hire another in its place."""
        hand.line.close()
        hand.process.join()
        self._hands.remove(hand)
        if not hand.ready:
            self._stillborn += 1
        if self._stillborn == MOST_DEATHS:
            code = hand.process.exitcode
            raise ModelError(
                f"{MOST_DEATHS} workers died while they loaded the model, with code {code}",
                hint=GUARD,
            )
        if hand.part is not None:
            most = MOST_DEATHS * (len(hand.part.pictures) + 1)  # if each of them kills as it may
            if self._given[hand.part.name] <= most:
                self.waiting.appendleft(hand.part)
            else:
                self.lost.append(hand.part)
        idle = next((each for each in self._hands if each.ready and each.part is None), None)
        if idle is not None:
            self._give(idle)
        elif self.waiting:
            self._hands.append(_hire(hand.place))


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _hire(place: WorkPlace) -> _Hand:
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(place, there), daemon=True)
    process.start()
    there.close()  # the other end is the worker's alone, so that its death is heard
    return _Hand(process, here, place)


def _work(place: WorkPlace, line: Connection) -> None:
    """Do what is sent until nobody sends any more; the life of a worker."""
    for number in (signal.SIGINT, signal.SIGTERM):  # which come to the driver too; it decides
        signal.signal(number, signal.SIG_IGN)
    use_one_core(place.device)
    try:
        worker = PartWorker(place)
        line.send(None)
        while True:
            line.send(worker(line.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is gone, or wants no more
    except Exception as error:  # the driver raises it
        with suppress(OSError):
            line.send(error)
