"""The index of a workspace: which items there are, and which image is the latest.

An SQLite database with a rollback journal, which works in every folder and leaves nothing beside
it: writing is rare here, and readers wait for milliseconds only. A write-ahead log would need
memory that processes share, which folders on a network do not have, and two more files.

The write transaction is the lock of the whole workspace. Files are written while it is open, and an
item exists when it is committed; what has no row while nobody else writes was left by a process
that died. The operating system drops the lock of such a process.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from textseg.errors import TextsegError, WorkspaceError
from textseg.workspace.records import PICTURE, Kind, LatestChange, Record, is_file_import

PATIENCE: Final = 60.0  # seconds to wait for another process that writes

REBUILD: Final = (
    "move index.sqlite out of the folder; it is made again from the JSON files beside the items"
)

_VERSION: Final = 1
_REMOVED: Final = "removed"  # not in each workspace: programs that know nothing of it can go on
_CALLS: Final = (
    "WITH calls AS (SELECT position, handle, kind, record, "
    "json_extract(record, '$.created') AS made, "
    "json_extract(record, '$.operation') AS operation FROM items)"
)

_SCHEMA: Final = (
    """CREATE TABLE items (
        position INTEGER PRIMARY KEY,
        handle TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        parent TEXT,
        imported TEXT UNIQUE,
        record TEXT NOT NULL
    )""",
    "CREATE INDEX by_kind ON items (kind, position)",
    "CREATE INDEX by_parent ON items (parent, position)",
    """CREATE TABLE heads (
        position INTEGER PRIMARY KEY,
        handle TEXT NOT NULL REFERENCES items (handle),
        operation TEXT NOT NULL,
        created TEXT NOT NULL
    )""",
    f"PRAGMA user_version = {_VERSION}",
)


class Rows:
    """What stands in the index, within one transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Read and write through an open connection."""
        self._database = database
        self.removed: set[str] = set()  # whose files go once that is committed

    def prepare(self) -> bool:
        """Make the tables if there are none; return whether that was so.

        Raises:
            WorkspaceError: a later version of this package made them.
        """
        found = int(str(self._rows("PRAGMA user_version")[0][0]))
        if found > _VERSION:
            raise WorkspaceError(
                f"the workspace is of version {found}, this program knows {_VERSION}",
                hint="use a newer textseg",
            )
        if found == 0:
            for statement in _SCHEMA:
                self._rows(statement)
        return found == 0

    def record(self, handle: str) -> Record | None:
        """Return the record of a handle; None where there is no such item."""
        return self._one("SELECT record FROM items WHERE handle = ?", handle)

    def imported(self, sha256: str) -> Record | None:
        """Return the image that a file of this content became; None if it never came in."""
        return self._one("SELECT record FROM items WHERE imported = ?", sha256)

    def latest(self) -> Record | None:
        """Return the latest image; None before the first one."""
        return self._one(
            "SELECT record FROM heads JOIN items USING (handle) "
            "ORDER BY heads.position DESC LIMIT 1"
        )

    def newest(self, kind: Kind | None, limit: int) -> list[Record]:
        """Return so many items of a kind, or of both, newest first."""
        return self._records(
            "SELECT record FROM items WHERE kind = coalesce(?, kind) "
            "ORDER BY position DESC LIMIT ?",
            kind,
            max(limit, 0),  # below 0 means all
        )

    def newest_mask_of(self, image: str) -> Record | None:
        """Return the newest mask that belongs to an image; None if it has none."""
        return self._one(
            "SELECT record FROM items WHERE parent = ? AND kind = 'mask' "
            "ORDER BY position DESC LIMIT 1",
            image,
        )

    def made_from(self, image: str, limit: int) -> list[Record]:
        """Return so many images that were made from an image, newest first."""
        return self._records(
            "SELECT record FROM items WHERE parent = ? AND kind = 'image' "
            "ORDER BY position DESC LIMIT ?",
            image,
            max(limit, 0),
        )

    def count(self, kind: Kind | None) -> int:
        """Return how many items of a kind there are, or of both."""
        rows = self._rows("SELECT count(*) FROM items WHERE kind = coalesce(?, kind)", kind)
        return int(str(rows[0][0]))

    def handles(self) -> set[str]:
        """Return all handles."""
        return {str(row[0]) for row in self._rows("SELECT handle FROM items")}

    def steps(self, limit: int) -> list[LatestChange]:
        """Return the last changes of which image is the latest, newest first."""
        rows = self._rows(
            "SELECT handle, operation, created FROM heads ORDER BY position DESC LIMIT ?",
            max(limit, 0),
        )
        return [LatestChange(handle=str(h), operation=str(o), created=str(c)) for h, o, c in rows]

    def next_position(self) -> int:
        """Return the position that the next item gets."""
        return int(str(self._rows("SELECT coalesce(max(position), 0) + 1 FROM items")[0][0]))

    def add(self, record: Record) -> None:
        """Add an item, as the newest."""
        self._rows(
            "INSERT INTO items (handle, kind, parent, imported, record) VALUES (?, ?, ?, ?, ?)",
            record.handle,
            record.kind,
            record.parent,
            record.files[PICTURE].sha256 if is_file_import(record) else None,
            record.model_dump_json(),
        )

    def bytes(self) -> int:
        """Return how many bytes the files of all items have."""
        rows = self._rows(
            "SELECT total(json_extract(file.value, '$.bytes')) "
            "FROM items, json_each(items.record, '$.files') AS file"
        )
        return int(float(str(rows[0][0])))

    def oldest_unmentioned(self, operations: Sequence[str], *, before: str) -> list[Record]:
        """Return the masks of the oldest call that kept nothing but masks of these operations.

        It was made ``before`` then, and no record of another call mentions any of them; none where
        there is no such call.
        """
        marks = ", ".join("?" * len(operations))
        found = self._rows(
            f"{_CALLS} SELECT made FROM calls WHERE made < ? AND NOT EXISTS ("
            "SELECT 1 FROM calls AS beside WHERE beside.made = calls.made "
            f"AND (beside.kind <> 'mask' OR beside.operation NOT IN ({marks}))) AND NOT EXISTS ("
            "SELECT 1 FROM calls AS one JOIN calls AS other ON instr(other.record, one.handle) "
            "WHERE one.made = calls.made AND other.made <> one.made) ORDER BY position LIMIT 1",
            before,
            *operations,
        )
        made = str(found[0][0]) if found else ""
        return self._records(
            f"{_CALLS} SELECT record FROM calls WHERE made = ? ORDER BY position", made
        )

    def remove(self, handle: str) -> None:
        """Take an item out, and remember that it was there."""
        self._rows(f"CREATE TABLE IF NOT EXISTS {_REMOVED} (handle TEXT PRIMARY KEY)")
        self._rows(f"INSERT INTO {_REMOVED} (handle) VALUES (?)", handle)
        self._rows("DELETE FROM items WHERE handle = ?", handle)
        self.removed.add(handle)

    def was_removed(self, handle: str) -> bool:
        """Return whether there was an item of this handle that made room for others."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = ?", _REMOVED):
            return False
        return bool(self._rows(f"SELECT 1 FROM {_REMOVED} WHERE handle = ?", handle))

    def move(self, handle: str, operation: str, created: str) -> None:
        """Make an image the latest."""
        self._rows(
            "INSERT INTO heads (handle, operation, created) VALUES (?, ?, ?)",
            handle,
            operation,
            created,
        )

    def _one(self, query: str, *values: str) -> Record | None:
        found = self._records(query, *values)
        return found[0] if found else None

    def _records(self, query: str, *values: str | int | None) -> list[Record]:
        return [Record.model_validate_json(str(row[0])) for row in self._rows(query, *values)]

    def _rows(self, query: str, *values: str | int | None) -> list[tuple[object, ...]]:
        return self._database.execute(query, values).fetchall()


class Index:
    """The database file. Every transaction has its own connection, so that threads share none."""

    def __init__(self, path: Path) -> None:
        """Use the database at this path, which need not exist yet."""
        self._path = path

    def make(self) -> None:
        """Make the file, empty and private, when it is missing."""
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if not stat.S_ISREG(os.lstat(self._path).st_mode):
            raise WorkspaceError(f"{self._path.name} in the workspace is not a plain file")

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Give the rows to read."""
        with closing(self._connect()) as database:
            yield Rows(database)

    @contextmanager
    def changing(self) -> Iterator[Rows]:
        """Give the rows to write, while nobody else does; what was written is there afterwards.

        Nothing of it is there after an exception.
        """
        with closing(self._connect()) as database:  # which rolls back what is not committed
            database.execute("BEGIN IMMEDIATE")
            yield Rows(database)
            database.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: a file that has gone is an error, not a new empty one.
        database = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None
        )
        try:
            # EXTRA: what was committed is still there after a power cut, too.
            database.execute("PRAGMA synchronous = EXTRA")
        except sqlite3.Error:
            database.close()
            raise
        return database


_HINTS: Final = {
    "SQLITE_BUSY": "another process has been writing for a long time; try again",
    "SQLITE_FULL": "make room on the disk",
    "SQLITE_CORRUPT": REBUILD,
    "SQLITE_NOTADB": REBUILD,
    "SQLITE_CANTOPEN": "open the workspace again",
    "SQLITE_READONLY": "give the folder back its permission to write",
}


@contextmanager
def explaining_failures() -> Iterator[None]:
    """Turn what disk and database raise into ``WorkspaceError``, whose message has no path."""
    try:
        yield
    except TextsegError:
        raise  # some are operating system errors as well
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        hint = next((hint for known, hint in _HINTS.items() if name.startswith(known)), "")
        raise WorkspaceError(f"the workspace's index cannot be used ({error})", hint=hint) from None
    except OSError as error:
        hint = "make room on the disk" if error.errno == errno.ENOSPC else ""
        reason = error.strerror or type(error).__name__
        raise WorkspaceError(
            f"the workspace cannot be read or written ({reason})", hint=hint
        ) from None
