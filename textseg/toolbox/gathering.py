"""Queries of calls that wait at the same time: asked together, where they are about one picture."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from textseg.toolbox.segment_facts import LookArguments

MOST: Final = 20  # queries that a call asks along with its own


class Gathering:
    """What calls look for, from when they come until they have it. For several threads."""

    def __init__(self) -> None:
        """Begin with no call."""
        self._lock = threading.Lock()
        self._sought: dict[Hashable, list[Sequence[str]]] = {}

    @contextmanager
    def seeking(self, key: Hashable, queries: Sequence[str]) -> Iterator[None]:
        """Let others know meanwhile that queries are looked for; ``key`` says in what, and how."""
        with self._lock:
            self._sought.setdefault(key, []).append(queries)
        try:
            yield
        finally:
            with self._lock:
                self._sought[key].remove(queries)
                if not self._sought[key]:
                    del self._sought[key]

    def sought(self, key: Hashable) -> list[str]:
        """Return ``MOST`` queries at most that calls of this key look for, each once."""
        with self._lock:
            calls = list(self._sought.get(key, ()))
        return list(dict.fromkeys(query for queries in calls for query in queries))[:MOST]


def how_looked(image: str, arguments: LookArguments) -> Hashable:
    """Return what has to be the same for queries to be asked together."""
    return image, *(getattr(arguments, name) for name in LookArguments.model_fields)
