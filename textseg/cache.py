"""A cache that is bounded in bytes: what was used longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass
class ByteCache(Generic[Value]):
    """Values by key, at most ``limit_bytes`` of them together.

    Attributes:
        limit_bytes: a value that is larger than this is made but not kept.
        weigh: gives the bytes of a value.
    """

    limit_bytes: int
    weigh: Callable[[Value], int]
    _kept: OrderedDict[Hashable, Value] = field(default_factory=OrderedDict, repr=False)

    def get(self, key: Hashable) -> Value | None:
        """Return the value of a key, None when it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: Hashable, value: Value) -> Value:
        """Keep a value and return it; others may have to leave."""
        self._kept.pop(key, None)
        if self.weigh(value) <= self.limit_bytes:
            self._kept[key] = value
            while self.nbytes > self.limit_bytes:
                self._kept.popitem(last=False)
        return value

    @property
    def nbytes(self) -> int:
        """Memory that the kept values take."""
        return sum(self.weigh(value) for value in self._kept.values())

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._kept)
