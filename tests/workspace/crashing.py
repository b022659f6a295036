"""Processes that are killed while they keep something; run as a program, by the tests.

Each crash happens in a fork, so that the libraries are loaded once. The parent then opens the
workspace again and looks at what is left.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.workspace.helpers import check_whole, keep_both
from textseg.errors import WorkspaceError
from textseg.workspace import Workspace

# What reaches the operating system, by the names of the functions written in C.
CALLS = (
    "open",
    "lstat",
    "mkdir",
    "write",
    "flush",
    "fsync",
    "close",
    "execute",
    "scandir",
    "unlink",
)

STRIDE = 3  # every third moment: before one call, after the next; 1 for all of them

FINISHED, REFUSED = 0, 3


def forked(work: Callable[[], None]) -> int:
    """Return how a fork that does the work ends: its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except WorkspaceError as error:
            os._exit(REFUSED if sys.argv[2] not in str(error) else 4)
        except BaseException:
            os._exit(5)
        os._exit(FINISHED)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(number: int) -> None:
    """Kill this process at one of the moments just before and after its calls."""
    count = 0

    def look(frame: object, event: str, argument: object) -> None:
        nonlocal count
        if event in ("c_call", "c_return") and getattr(argument, "__name__", "") in CALLS:
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)


def every_moment(folder: Path) -> str:
    """Crash at moments all through a call; return how many there are."""
    keep_both(Workspace.open(folder))
    items, number, status = 2, 0, -signal.SIGKILL
    while status != FINISHED:
        number += STRIDE
        workspace = Workspace.open(folder)

        def keep(at: int = number, workspace: Workspace = workspace) -> None:
            die_at(at)
            keep_both(workspace)

        status = forked(keep)
        assert status in (FINISHED, -signal.SIGKILL), status
        now = check_whole(Workspace.open(folder))
        assert now - items in (0, 2), "all of a call, or nothing"
        items = now
    return f"{number} moments"


def every_moment_of_opening(folder: Path) -> str:
    """Crash while a workspace is made, each time a new one; return how many moments there are."""
    number, status = 0, -signal.SIGKILL
    while status != FINISHED:
        number += STRIDE
        path = folder / str(number)

        def make(at: int = number, path: Path = path) -> None:
            die_at(at)
            Workspace.open(path)

        status = forked(make)
        assert status in (FINISHED, -signal.SIGKILL), status
        assert check_whole(Workspace.open(path)) == 0
        keep_both(Workspace.open(path))
        assert check_whole(Workspace.open(path)) == 2
    return f"{number} moments"


def within_the_database(folder: Path, *, killed: bool) -> str:
    """Let no file grow beyond a size: the kernel kills, or writing fails as on a full disk."""
    import resource  # Windows has none, and needs the rest of this file

    workspace = Workspace.open(folder)
    for seed in range(15):  # so that the index has many pages
        keep_both(workspace, seed)
    before, endings = check_whole(workspace), set()
    for limit in (*range(512, 10_000, 1536), *range(10_000, 80_000, 4096)):

        def keep(limit: int = limit) -> None:
            if killed:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            keep_both(workspace)

        status = forked(keep)
        after = check_whole(Workspace.open(folder))
        assert after == before + (2 if status == FINISHED else 0), (limit, status)
        before = after
        endings.add(status)
    assert endings == {FINISHED, -signal.SIGXFSZ if killed else REFUSED}
    return "held"


def keep_on(folder: Path, steps: int) -> None:
    """Keep one thing after the other, and write a byte for each step."""
    sys.setprofile(lambda *_: os.write(steps, b"."))
    workspace = Workspace.open(folder)
    while True:
        keep_both(workspace)


def any_moment(folder: Path) -> str:
    """Kill from outside, twenty times, a process that keeps one thing after the other."""
    draw = random.Random(7)
    for _ in range(20):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            keep_on(folder, writing)
        os.close(writing)
        steps = draw.randrange(500, 20_000)
        while steps > 0:
            steps -= len(os.read(reading, steps))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        workspace = Workspace.open(folder)
        check_whole(workspace)
        assert workspace.count("image") == workspace.count("mask")
    return f"{workspace.count()} images"


def many(folder: Path, count: int) -> str:
    """Keep so many images, one after the other, each made from the one before."""
    workspace = Workspace.open(folder)
    for seed in range(count):
        keep_both(workspace, seed)
    return "done"


if __name__ == "__main__":
    kind, where = sys.argv[1], Path(sys.argv[2])
    found = {
        "every_moment": lambda: every_moment(where),
        "every_moment_of_opening": lambda: every_moment_of_opening(where),
        "killed_in_database": lambda: within_the_database(where, killed=True),
        "failing_database": lambda: within_the_database(where, killed=False),
        "any_moment": lambda: any_moment(where),
        "many": lambda: many(where, 50),
        "one": lambda: many(where, 1),
    }[kind]()
    sys.stdout.write(found)
