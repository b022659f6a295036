"""A picture from a person's disk: chosen, dropped on the panel, or pasted into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import traitlets

from textseg.panels.leaves.leaf import Leaf, script


@dataclass(frozen=True, eq=False)
class Upload:
    """A file that a browser sent. None is equal to another: the same may be sent twice."""

    name: str
    content: bytes


class Uploader(Leaf):
    """Takes a file in pieces, so that no message is too large for the server of a notebook.

    The browser sends a piece when the one before has arrived; a file that is too large it does not
    send at all.

    Attributes:
        most: bytes that a file may have.
        arrived: which upload it is, and how many bytes of it there are.
        file: what was sent last, when it is whole; None before.
    """

    _esm = script("uploader.js")

    most = traitlets.Int(0, min=0).tag(sync=True)
    arrived = traitlets.Dict().tag(sync=True)
    file = traitlets.Instance(Upload, allow_none=True)

    _upload = ""
    _pieces = b""

    def __init__(self, most: int) -> None:
        """Take files of so many bytes at most."""
        super().__init__(most=most)
        self.on_msg(self._hear)

    def _hear(
        self,
        _: object,
        said: Mapping[str, Any],  # Any: JSON of the page
        buffers: Sequence[memoryview],
    ) -> None:
        """Add a piece, unless it is of an older upload or not the next one."""
        if said["at"] == 0:
            self._upload, self._pieces = said["id"], b""
        if said["id"] != self._upload or said["at"] != len(self._pieces):
            return
        self._pieces += bytes(buffers[0])
        there = len(self._pieces)
        if there > self.most:
            self._upload, self._pieces = "", b""
            return
        self.arrived = {"id": said["id"], "bytes": there}
        if there == said["size"]:
            whole, self._upload, self._pieces = self._pieces, "", b""
            self.file = Upload(str(said["name"]), whole)
