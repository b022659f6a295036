"""Writing files so that a call leaves all of them or none, and never replaces one unasked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from textseg.errors import InvalidInputError, OutputExistsError, TextsegError


def refuse_existing(paths: Iterable[Path], *, force: bool) -> None:
    """Raise when one of ``paths`` is taken, so that a caller can do so before the slow part.

    Args:
        paths: the files that are going to be written.
        force: let files be replaced; a folder in the way is refused all the same.

    Raises:
        OutputExistsError: a file is there and ``force`` is false; the message names the first ones.
        InvalidInputError: a folder is there.
    """
    taken = [path for path in paths if os.path.lexists(path)]
    for path in taken:
        if path.is_dir():
            raise InvalidInputError(f"cannot write {path}: it is a folder")
    if taken and not force:
        more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        raise OutputExistsError(
            f"{taken[0]}{more} would be overwritten", hint="choose another folder or force it"
        )


def usable_folder(folder: Path) -> None:
    """Raise when nothing can be written into ``folder``, whether it exists already or not.

    Raises:
        InvalidInputError: it, or the nearest thing above it that exists, is a file or protected.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise InvalidInputError(f"cannot write into {folder}: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InvalidInputError(f"cannot write into {folder}: no permission in {there}")


@contextmanager
def told_as(what: str | os.PathLike[str]) -> Iterator[None]:
    """Have errors of the operating system name what was to be written, as people know it.

    Many name nothing (a full disk shows only at the last byte), or a file on the way there.
    """
    try:
        yield
    except TextsegError:
        raise  # some are errors of the operating system as well
    except OSError as error:
        error.filename, error.filename2 = os.fspath(what), None
        raise


def write_files(
    folder: Path, files: Iterable[tuple[str, bytes]], *, force: bool = False
) -> list[Path]:
    """Write named contents into one folder and return their paths: all of them, or none.

    Everything is written beside the goal first and then moved. When anything goes wrong on the way,
    an interrupt included, what was there before is there again and the new files are not.

    Args:
        folder: made when missing.
        files: file names without folders, and what to put there; consumed one at a time.
        force: replace files that exist.

    Raises:
        OutputExistsError: a file exists and ``force`` is false.
        InvalidInputError: a folder stands where a file should go.
        OSError: the disk is full, the folder is write-protected ...
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".textseg-", dir=folder) as staging:
            new, old = Path(staging, "new"), Path(staging, "old")
            new.mkdir()
            old.mkdir()
            names = _stage(new, files)
            return _move_in(folder, names, new, old, force=force)
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _stage(new: Path, files: Iterable[tuple[str, bytes]]) -> list[str]:
    names = []
    for name, content in files:
        assert Path(name).name == name, "file names, not paths"
        (new / name).write_bytes(content)
        names.append(name)
    return names


def _move_in(folder: Path, names: list[str], new: Path, old: Path, *, force: bool) -> list[Path]:
    targets = [folder / name for name in names]
    refuse_existing(targets, force=force)
    try:
        for target in targets:
            if os.path.lexists(target):
                shutil.copy2(target, old / target.name, follow_symlinks=False)
            os.replace(new / target.name, target)
    except BaseException:
        _undo(targets, new, old)
        raise
    return targets


def _undo(targets: list[Path], new: Path, old: Path) -> None:
    for target in targets:
        if os.path.lexists(new / target.name):
            continue  # not moved yet, so what stands there is not ours
        if os.path.lexists(old / target.name):
            os.replace(old / target.name, target)
        else:
            target.unlink(missing_ok=True)
