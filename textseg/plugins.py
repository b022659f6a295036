"""What other packages add through entry points."""

from __future__ import annotations

from collections.abc import Container
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from textseg.errors import ModelError


def plugins(group: str, *, own: Container[str] = ()) -> list[EntryPoint]:
    """Return the entry points of a group, without those that take one of our ``own`` names."""
    return [point for point in entry_points(group=group) if point.name not in own]


def loaded(point: EntryPoint, kind: str) -> Any:  # whatever the other package put there
    """Return what an entry point names.

    Args:
        point: the entry point.
        kind: what it stands for, in the error.

    Raises:
        ModelError: it cannot be imported.
    """
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"{kind} {point.name!r} is registered as {point.value}, which cannot be imported: "
            f"{error}",
            hint="update or remove the package that registers it",
        ) from error
