"""The files of a workspace: written once, read back whole, found again without the index."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Set
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from textseg.errors import WorkspaceError
from textseg.workspace.records import (
    Draft,
    FileFacts,
    Record,
    Sidecar,
    digest,
    handle_in,
    sidecar_name,
)

UNCLAIMED: Final = "unclaimed"

# Windows has neither, and no links that a user makes without being asked.
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)


def make_folder(folder: Path) -> None:
    """Make a private folder when it is missing.

    Raises:
        WorkspaceError: something else has its name, if only a link to a folder.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise WorkspaceError(f"{folder.name} in the workspace is not a plain folder")


def write_item(folder: Path, draft: Draft, sidecar: Sidecar) -> None:
    """Write the files of a draft; its JSON file is the last one, so where it is whole, all are."""
    for _, facts, content in draft.files():
        _write(folder / facts.name, content)
    text = sidecar.model_dump_json(indent=2) + "\n"
    _write(folder / sidecar_name(draft.handle), text.encode())


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make sure that the names of new files are on the disk, where a system lets us."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_part(folder: Path, record: Record, part: str) -> bytes:
    """Return the content of a part as it was written.

    Raises:
        WorkspaceError: the file has gone, or is not what was written.
    """
    facts = record.files[part]
    what = f"the part {part!r} of {record.handle}"
    try:
        with os.fdopen(
            os.open(folder / facts.name, os.O_RDONLY | _NO_LINK | _BINARY), "rb"
        ) as file:
            content = file.read(facts.bytes + 1)
    except OSError as error:
        raise WorkspaceError(f"{what} cannot be read ({error.strerror})") from None
    if digest(content) != facts.sha256:
        raise WorkspaceError(f"{what} is damaged", hint="use another picture, or make it again")
    return content


def remove_items(folder: Path, handles: Set[str]) -> None:
    """Remove what there is of these items."""
    for name, handle in _files(folder):
        if handle in handles:
            (folder / name).unlink(missing_ok=True)


def remove_leftovers(folder: Path, known: Set[str]) -> None:
    """Remove the files of items that are not ``known``; files that are not ours are left alone."""
    remove_items(folder, {handle for _, handle in _files(folder)} - known)


def set_aside(folder: Path, known: Set[str], aside: Path) -> None:
    """Move the files of items that are not ``known`` into another folder."""
    for name, handle in _files(folder):
        if handle not in known:
            make_folder(aside)
            os.rename(folder / name, aside / name)


def read_sidecars(folder: Path) -> list[Sidecar]:
    """Return the JSON files of all items that are whole, oldest first.

    What was kept in one call belongs together: if a part of it is missing, nothing of it is whole.
    """
    names = [name for name, handle in _files(folder) if name == sidecar_name(handle)]
    found = {
        sidecar.record.handle: sidecar
        for sidecar in (_sidecar(folder / name) for name in names)
        if sidecar is not None and _files_there(folder, sidecar.record.files.values())
    }
    whole = [sidecar for sidecar in found.values() if found.keys() >= set(sidecar.together)]
    return sorted(whole, key=lambda one: (one.position, one.record.created, one.record.handle))


def _sidecar(path: Path) -> Sidecar | None:
    try:
        sidecar = Sidecar.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
    handle = sidecar.record.handle
    return sidecar if path.name == sidecar_name(handle) and handle in sidecar.together else None


def _files_there(folder: Path, files: Iterable[FileFacts]) -> bool:
    try:
        found = [(os.lstat(folder / facts.name), facts.bytes) for facts in files]
    except FileNotFoundError:
        return False
    return all(stat.S_ISREG(status.st_mode) and status.st_size == size for status, size in found)


def _files(folder: Path) -> list[tuple[str, str]]:
    """Return name and handle of each file of an item."""
    names = sorted(entry.name for entry in os.scandir(folder))
    return [(name, handle) for name in names if (handle := handle_in(name)) is not None]
