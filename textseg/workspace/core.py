"""The workspace: pictures and masks under handles; everything is kept, nothing is overwritten."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from textseg.errors import InvalidInputError, NothingToUndoError
from textseg.images import FORMATS, ImageLike, Picture, decode_picture
from textseg.workspace import items
from textseg.workspace.importing import Incoming, incoming
from textseg.workspace.index import explaining_failures
from textseg.workspace.names import tidy_name
from textseg.workspace.records import (
    FILE,
    MAX_BITS,
    MIN_BITS,
    PICTURE,
    Draft,
    Kind,
    LatestChange,
    Record,
    digest,
    kind_of,
    new_handle,
)
from textseg.workspace.rooted import Rooted, files_below
from textseg.workspace.roots import FileLimits, check_roots, quote_name, read_below
from textseg.workspace.store import CHOOSE, REDO, UNDO, Store, latest, look_up, now, undone, unknown

LATEST: Final = "latest"

Records = list[Record]  # the method ``list`` hides the type within the class
Steps = list[LatestChange]


@dataclass(frozen=True)
class Undone:
    """The image that is the latest again, and the handle of the one that was; it is kept."""

    image: Record
    undone: str


@dataclass(frozen=True)
class Workspace:
    """A folder of pictures and masks, each under a short handle that nobody can guess.

    Everything that is kept stays, but for old masks where a person limits the ``room``: an edit is
    a new image beside the one it was made from, and undoing it changes only which image is the
    latest. A call keeps all it was given or nothing,
    whatever happens on the way; several processes and threads may use one folder at the same time.
    ``open`` makes it.

    Attributes:
        folder: where everything is; "items" in it has the pictures, with a JSON file beside each.
        roots: folders below which files may be named.
        limits: what such files may be.
        handle_bits: how many random bits are in a new handle.
        room: bytes that all files together should have, see ``room``; None for any number.
    """

    folder: Path
    roots: tuple[Path, ...]
    limits: FileLimits
    handle_bits: int
    room: int | None = None

    @classmethod
    def open(
        cls,
        folder: Path | str | None,
        *,
        roots: Sequence[Path | str] = (),
        limits: FileLimits | None = None,
        handle_bits: int = MIN_BITS,
        room: int | None = None,
    ) -> Workspace:
        """Return the workspace in a folder, which is made, private, when it is missing.

        What a call that was killed has left behind is removed. When the index is missing it is made
        again from the JSON files: items that are not whole go to the folder "unclaimed" then, and
        of what was the latest when, undoing and choosing are forgotten.

        Args:
            folder: None for a new temporary one, which stays until somebody removes it.
            roots: folders below which files may be named, tried in this order; by default none.
            limits: what such files may be; None for the default ones.
            handle_bits: 50 cannot be guessed in a program; a server that strangers reach wants 128.
            room: bytes that all files together should have: old masks that can be found again make
                room for new ones, and nothing else does; None for any number.

        Raises:
            InvalidInputError: a root is missing or too wide, or ``folder`` is a file.
            WorkspaceError: the folder cannot be written; or its index is damaged or too new.
        """
        if not MIN_BITS <= handle_bits <= MAX_BITS:
            raise InvalidInputError(
                f"a handle has {MIN_BITS} to {MAX_BITS} random bits, not {handle_bits}"
            )
        opened = check_roots(roots)
        with explaining_failures():
            path = _made(folder)
            workspace = cls(path.resolve(), opened, limits or FileLimits(), handle_bits, room)
            workspace._store.prepare()
        return workspace

    # -- in

    def new_handle(self, kind: Kind) -> str:
        """Return a handle for something that is going to be kept."""
        return new_handle(kind, self.handle_bits)

    def keep(self, drafts: Sequence[Draft], *, head: str | None = None) -> Records:
        """Keep all of the drafts or none, and return their records.

        Args:
            drafts: parents before what was made from them.
            head: handle of the image that is the latest afterwards; None leaves it as it is.

        Raises:
            UnknownHandleError: a parent or ``head`` is not an image of the workspace.
            InvalidInputError: a draft is not what a record holds.
            WorkspaceError: the disk is full or fails; nothing was kept.
        """
        with self._store.changes([draft.handle for draft in drafts]) as rows:
            return self._store.add(rows, drafts, head)

    def add_picture(self, source: ImageLike, *, name: str = "") -> Record:
        """Keep a picture that a person holds; it is the latest image afterwards.

        Of files, every format that ``open_picture`` reads is taken, and a file of the same content
        is the same image again. A picture from memory is a new one each time.

        Args:
            source: a path, an open picture file or the content of one, which is kept as it is, or a
                PIL image, array or ``Picture``, which is kept as a PNG file.
            name: to show; kept only when it is short and plain. "" takes that of the file, if any.

        Raises:
            ImageError: not a picture, damaged, or more than ``limits`` allow.
            WorkspaceError: the disk is full or fails; nothing was kept.
        """
        limits = replace(self.limits, formats=tuple(FORMATS))
        return self.choose(self._import(incoming(source, name=name, limits=limits), limits).handle)

    # -- out

    def record(self, handle: str) -> Record:
        """Return the record of a handle.

        Raises:
            UnknownHandleError: there is no such item; the newest ones are named.
        """
        with self._store.reads() as rows:
            return look_up(rows, handle, kind_of(handle))

    def resolve(self, reference: str, kind: Kind = "image") -> Record:
        """Return what somebody means who is not trusted.

        Args:
            reference: a handle; "latest", which is the latest image, or the newest mask that
                belongs to it; or, for images, the name of a file below a root. A file that is new
                here is kept, and is the latest image then; one that came in before changes nothing.
            kind: what it has to be.

        Raises:
            UnknownHandleError: nothing of that kind is called so; the newest ones are named.
            OutsideWorkspaceError: the name of a file that leads out of the roots, or to a link.
            ImageError: the file is not a picture, or more than ``limits`` allow.
            WorkspaceError: the disk is full or fails.
        """
        if kind == "image" and reference != LATEST and kind_of(reference) is None:
            return self._resolve_file(reference)
        with self._store.reads() as rows:
            found = latest(rows, kind) if reference == LATEST else None
            return found or look_up(rows, reference, kind)

    def bytes_of(self, record: Record, part: str = PICTURE) -> bytes:
        """Return the content of a part of an item, as it was kept.

        Raises:
            InvalidInputError: the item has no such part.
            WorkspaceError: the file has gone, or somebody changed it.
        """
        if part not in record.files:
            raise InvalidInputError(
                f"{record.handle} has no part {part!r}; it has {', '.join(record.files)}"
            )
        return items.read_part(self._store.items, record, part)

    def picture(self, record: Record) -> Picture:
        """Return the decoded picture of an item; of an import, what ``open_picture`` read.

        Raises:
            WorkspaceError: the file has gone, or somebody changed it.
        """
        content = io.BytesIO(self.bytes_of(record))
        return decode_picture(content, name=record.handle, max_pixels=record.width * record.height)

    def list(self, *, limit: int = 20, kind: Kind | None = "image") -> Records:
        """Return the newest items of a kind, or of both, newest first."""
        with self._store.reads() as rows:
            return rows.newest(kind, limit)

    def count(self, kind: Kind | None = "image") -> int:
        """Return how many items of a kind there are, or of both."""
        with self._store.reads() as rows:
            return rows.count(kind)

    def made_from(self, handle: str, *, limit: int = 20) -> Records:
        """Return the newest images that were made from an image, newest first."""
        with self._store.reads() as rows:
            return rows.made_from(handle, limit)

    def files(self) -> tuple[Rooted, ...]:
        """Return the picture files that may be named, newest first; see ``files_below``."""
        return files_below(self.roots, but=self.folder)

    # -- which image is the latest

    def latest(self) -> Record | None:
        """Return the latest image; None in an empty workspace."""
        with self._store.reads() as rows:
            return rows.latest()

    def undo(self, *, all_of_it: bool = False) -> Undone:
        """Return the image that the latest one was made from, which is the latest afterwards.

        Which one was the latest is found out in the same step, so that nobody can come between.

        Args:
            all_of_it: go back to the first image of the line at once.

        Raises:
            NothingToUndoError: the latest image was made from no other, or there is none.
        """
        with self._store.changes() as rows:
            current = rows.latest()
            if current is None:
                raise NothingToUndoError("nothing to undo: there is no image yet")
            if current.parent is None:
                raise NothingToUndoError(
                    f"nothing to undo: {current.handle} was not made from another image"
                )
            before = look_up(rows, current.root if all_of_it else current.parent, "image")
            rows.move(before.handle, UNDO, now())
            return Undone(before, current.handle)

    def redo(self) -> Undone:
        """Return the image that was the latest before it was undone, which it is again afterwards.

        Raises:
            NothingToUndoError: nothing was undone since an image was made or chosen.
        """
        with self._store.changes() as rows:
            current, again = rows.latest(), undone(rows)
            if current is None or again is None:
                raise NothingToUndoError(
                    "nothing to redo: nothing was undone since a picture was made or chosen"
                )
            rows.move(again, REDO, now())
            return Undone(look_up(rows, again, "image"), current.handle)

    def choose(self, handle: str) -> Record:
        """Return an image, which is the latest afterwards; what is made next branches off from it.

        Raises:
            UnknownHandleError: there is no such image.
        """
        with self._store.changes() as rows:
            chosen = look_up(rows, handle, "image")
            if rows.latest() != chosen:
                rows.move(handle, CHOOSE, now())
            return chosen

    def history(self, *, limit: int = 20) -> Steps:
        """Return the last changes of which image is the latest, newest first."""
        with self._store.reads() as rows:
            return rows.steps(limit)

    # -- how

    @property
    def _store(self) -> Store:
        return Store(self.folder, self.room)

    def _resolve_file(self, reference: str) -> Record:
        content = read_below(self.roots, reference, self.limits)
        if content is None:
            names = [file.name for file in self.files()]
            with self._store.reads() as rows:
                raise unknown(rows, reference, "image", files=names)
        came = Incoming(content, quote_name(reference), tidy_name(reference), FILE)
        return self._import(came, self.limits)

    def _import(self, came: Incoming, limits: FileLimits) -> Record:
        sha256 = digest(came.content) if came.source == FILE else ""
        with self._store.reads() as rows:
            there = rows.imported(sha256)
        if there is not None:
            return there
        draft = came.draft(self.new_handle("image"), limits.decode(came.content, came.shown))
        with self._store.changes([draft.handle]) as rows:
            # another process may have been faster
            return rows.imported(sha256) or self._store.add(rows, [draft], draft.handle)[0]


def _made(folder: Path | str | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="textseg-"))
    path = Path(folder)
    if os.path.lexists(path) and not path.is_dir():
        raise InvalidInputError("a workspace is a folder, and there is something else of its name")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
