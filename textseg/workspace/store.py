"""Index and files together: how a workspace is read, changed, and put right after a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from textseg.errors import InvalidInputError, UnknownHandleError
from textseg.workspace import items
from textseg.workspace.index import Index, Rows, explaining_failures
from textseg.workspace.names import meant_names
from textseg.workspace.records import Draft, Kind, Record, Sidecar, kind_of, name_of, record_of
from textseg.workspace.room import make_room
from textseg.workspace.roots import quote_name

CHOOSE: Final = "choose"  # an image that was there already
UNDO: Final = "undo"
REDO: Final = "redo"

_NAMED = 5  # handles that an error names
_SEARCHED = 100  # items whose names may be near
_REMEMBERED = 1000  # changes of which image is the latest


@dataclass(frozen=True)
class Store:
    """The folder of a workspace, and how many bytes its files should have; None: any number."""

    folder: Path
    room: int | None = None

    @property
    def items(self) -> Path:
        """The folder of the items' files."""
        return self.folder / "items"

    @property
    def _index(self) -> Index:
        return Index(self.folder / "index.sqlite")

    @contextmanager
    def reads(self) -> Iterator[Rows]:
        """Give the rows to read."""
        with explaining_failures(), self._index.reading() as rows:
            yield rows

    @contextmanager
    def changes(self, handles: Collection[str] = ()) -> Iterator[Rows]:
        """Give the rows to write; after an exception nothing of these handles is left."""
        with explaining_failures():
            try:
                with self._index.changing() as rows:
                    yield rows
                if rows.removed:
                    items.remove_items(self.items, rows.removed)
            except BaseException:
                self._forget(handles)
                raise

    def _forget(self, handles: Collection[str]) -> None:
        # The index decides: an interrupt may come when everything is committed already. Where it
        # cannot be read, or files not removed, the next opening does it.
        with suppress(OSError, sqlite3.Error), self._index.reading() as rows:
            items.remove_items(self.items, set(handles) - rows.handles())

    def prepare(self) -> None:
        """Make what is missing in the folder, and remove what a process that died has left."""
        items.make_folder(self.items)
        self._index.make()
        with self._index.changing() as rows:
            if rows.prepare():
                self._refill(rows)
            else:
                items.remove_leftovers(self.items, rows.handles())
        items.sync_folder(self.folder)

    def _refill(self, rows: Rows) -> None:
        """Fill an empty index from the JSON files."""
        for sidecar in items.read_sidecars(self.items):
            rows.add(sidecar.record)
            if sidecar.together[-1] == sidecar.record.handle:
                _move(rows, sidecar)
        items.set_aside(self.items, rows.handles(), self.folder / items.UNCLAIMED)

    def add(self, rows: Rows, drafts: Sequence[Draft], head: str | None) -> list[Record]:
        """Write files and rows, and return the records; ``changes`` commits them.

        Raises:
            UnknownHandleError: a parent or ``head`` is not an image.
            InvalidInputError: a draft is not what a record holds, or comes twice.
        """
        sidecars = _sidecars(rows, drafts, head)
        for draft, sidecar in zip(drafts, sidecars, strict=True):
            items.write_item(self.items, draft, sidecar)
            rows.add(sidecar.record)
        items.sync_folder(self.items)
        if sidecars:
            _move(rows, sidecars[-1])
            if self.room is not None:
                make_room(rows, self.room, spare=sidecars[-1].record.created)
        return [sidecar.record for sidecar in sidecars]


def now() -> str:
    """Return the time as it stands in records."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _sidecars(rows: Rows, drafts: Sequence[Draft], head: str | None) -> list[Sidecar]:
    """Return what the JSON files of the drafts say."""
    created, position = now(), rows.next_position()
    made: dict[str, Record] = {}
    for draft in drafts:
        if draft.handle in made:
            raise InvalidInputError(f"{draft.handle} comes twice in one call")
        parent = None if draft.parent is None else _image(rows, draft.parent, made)
        root = draft.handle if parent is None else parent.root
        made[draft.handle] = record_of(draft, root=root, created=created)
    if head is not None:
        _image(rows, head, made)
    return [
        Sidecar(record=record, position=position + count, together=[*made], head=head)
        for count, record in enumerate(made.values())
    ]


def _image(rows: Rows, handle: str, made: Mapping[str, Record]) -> Record:
    found = made.get(handle)
    return found if found is not None and found.kind == "image" else look_up(rows, handle, "image")


def _move(rows: Rows, last: Sidecar) -> None:
    """Make the image the latest that the call of this item, the last one in it, made so."""
    head = None if last.head is None else rows.record(last.head)
    if head is not None:
        operation = head.operation if head.handle in last.together else CHOOSE
        rows.move(head.handle, operation, last.record.created)


def latest(rows: Rows, kind: Kind) -> Record | None:
    """Return the latest image, or the newest mask that belongs to it; None without one."""
    image = rows.latest()
    return rows.newest_mask_of(image.handle) if image and kind == "mask" else image


def look_up(rows: Rows, handle: str, kind: Kind | None) -> Record:
    """Return the record of a handle of this kind.

    Raises:
        UnknownHandleError: there is no such item.
    """
    found = rows.record(handle) if kind is not None and kind_of(handle) == kind else None
    if found is None and rows.was_removed(handle):
        raise UnknownHandleError(
            f"{handle} has made room for newer masks", hint="look for the same again"
        )
    if found is None:
        raise unknown(rows, handle, kind)
    return found


def undone(rows: Rows) -> str | None:
    """Return the handle of the image that was the latest before the last undoing; None without one.

    What was made or chosen since leaves nothing to redo, and what was redone is undone no more.
    """
    steps = rows.steps(_REMEMBERED)
    back = next((at for at, step in enumerate(steps) if step.operation not in (UNDO, REDO)), None)
    left: list[str] = []
    for before, step in pairwise(reversed(steps[: None if back is None else back + 1])):
        if step.operation == UNDO:
            left.append(before.handle)
        elif left:
            left.pop()
    return left[-1] if left else None


def unknown(
    rows: Rows, reference: str, kind: Kind | None, *, files: Sequence[str] = ()
) -> UnknownHandleError:
    """Return the error for what is called so by nobody.

    It names the items and ``files`` whose names are near, else the newest ones.
    """
    noun, records = kind or "item", rows.newest(kind, _SEARCHED)
    known = {name: f"{r.handle} ({name})" for r in reversed(records) if (name := name_of(r))}
    near = meant_names(reference, dict.fromkeys([*files, *known]))[:_NAMED]
    newest = [*(record.handle for record in records[:_NAMED]), *map(repr, files[:_NAMED])]
    hint = f"the newest: {', '.join(newest)}" if newest else f"there is no {noun} yet"
    if near:
        told = (repr(name) if name in files else known[name] for name in near)
        hint = f"did you mean {' or '.join(told)}?"
    return UnknownHandleError(f"there is no {noun} {quote_name(reference)}", hint=hint)
