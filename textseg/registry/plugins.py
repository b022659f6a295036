"""What other packages add through entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterable
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from textseg.errors import ModelError


def plugins(group: str, *, own: Container[str] = ()) -> list[EntryPoint]:
    """Return the entry points of a group, without those that take one of our ``own`` names.

    What is installed is looked up once; ``forget_plugins`` has it looked up again.
    """
    found = _found(entry_points, group, tuple(sys.path))
    return [point for point in found if point.name not in own]


@lru_cache(maxsize=32)
def _found(
    look_up: Callable[..., Iterable[EntryPoint]], group: str, path: tuple[str, ...]
) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group; looking up opens a file of every installed package.

    Args:
        look_up: ``entry_points``, or what a test has in its place.
        group: of entry points.
        path: where packages are found; others may be installed elsewhere.
    """
    return tuple(look_up(group=group))


forget_plugins = _found.cache_clear
"""Has them looked up again, for a package that was installed into a process that is running."""


def load_plugin(point: EntryPoint, kind: str) -> Any:  # whatever the other package put there
    """Return what an entry point names.

    Args:
        point: the entry point.
        kind: what it stands for, in the error.

    Raises:
        ModelError: it cannot be imported.
    """
    try:
        return point.load()
    except Exception as error:  # another package may raise anything while it is imported
        raise ModelError(
            f"{kind} {point.name!r} is registered as {point.value}, which cannot be imported: "
            f"{error}",
            hint="update or remove the package that registers it",
        ) from error
