"""What a panel shows, as a file among the downloads of a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import traitlets

from textseg.panels.leaves.leaf import Leaf, content, script


@dataclass(frozen=True)
class Download:
    """A file to be handed out."""

    name: str
    content: bytes


class Downloader(Leaf):
    """Hands out a file that is made when somebody asks for it, and not kept afterwards.

    Attributes:
        about: what the file is, in words.
        asked: which page asks, and how often it did; "" once it has the file.
        answer: what was ``asked`` that the file is for.
        name: of the file.
        content: of the file.
    """

    _esm = script("downloader.js")

    about = traitlets.Unicode("").tag(sync=True)
    asked = traitlets.Unicode("").tag(sync=True)
    answer = traitlets.Unicode("").tag(sync=True)
    name = traitlets.Unicode("").tag(sync=True)
    content = content()

    def __init__(self, about: str, make: Callable[[], Download | None]) -> None:
        """Hand out what ``make`` returns; None is nothing, about which it said something."""
        super().__init__(about=about)
        self._make = make
        self.observe(self._answer, names="asked")

    def _answer(self, change: Any) -> None:  # Any: traitlets has no type for it
        made = self._make() if change["new"] else None
        with self.hold_sync():
            self.name, self.content = ("", b"") if made is None else (made.name, made.content)
            self.answer = change["new"]
