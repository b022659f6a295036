"""Writing files so that a call leaves all of them or none, and never replaces one unasked."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from textseg.errors import InvalidInputError, OutputExistsError, TextsegError, printable

LONGEST_NAME: Final = 255  # bytes; the common file systems agree, Windows counts characters


def fitting(stem: str, endings: Iterable[str]) -> str:
    """Return a stem that any disk takes with each of these endings: the same one where it does.

    One that is too long is cut, and what is no text in it (a file can be called by any bytes) is
    replaced; then a digest of the whole tells it from others that begin alike.
    """
    room = LONGEST_NAME - max(map(_length, endings))
    kept = printable(stem).replace("\ufffd", "_")
    if kept == stem and _length(stem) <= room:
        return stem
    mark = f"-{sha256(stem.encode(errors='surrogatepass')).hexdigest()[:8]}"
    while _length(kept + mark) > room:
        kept = kept[:-1]
    return kept + mark


def refuse_existing(paths: Iterable[Path], *, force: bool) -> None:
    """Raise when one of ``paths`` is taken, so that a caller can do so before the slow part.

    Args:
        paths: the files that are going to be written.
        force: let files be replaced; a folder in the way is refused all the same.

    Raises:
        OutputExistsError: a file is there and ``force`` is false; the message names the first ones.
        InvalidInputError: a folder is there, or no file can have such a name.
    """
    paths = list(paths)
    for path in paths:
        _check_name(path)
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
        InvalidInputError: it, or the nearest thing above it that exists, is a file or protected; or
            no folder can have such a name.
    """
    _check_name(folder)
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise InvalidInputError(f"cannot write into {folder}: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InvalidInputError(f"cannot write into {folder}: no permission in {there}")


@contextmanager
def naming_target(what: str | os.PathLike[str]) -> Iterator[None]:
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
        InvalidInputError: a folder stands where a file should go, or no file can have such a name.
        OSError: the disk is full, the folder is write-protected ...; ``filename`` says which of
            them could not be written.
    """
    _check_name(folder)
    made = [above for above in (folder, *folder.parents) if not above.exists()]
    try:
        with naming_target(folder):
            folder.mkdir(parents=True, exist_ok=True)
            staging = tempfile.TemporaryDirectory(prefix=".textseg-", dir=folder)
        with staging:
            new, old = Path(staging.name, "new"), Path(staging.name, "old")
            with naming_target(folder):
                new.mkdir()
                old.mkdir()
            names = _stage(folder, new, files)
            return _move_in(folder, names, new, old, force=force)
    except BaseException:
        with suppress(OSError):
            for above in made:
                above.rmdir()
        raise


def _check_name(path: Path) -> None:
    """Raise ``InvalidInputError`` for what no file can be called, as far as it can be known."""
    try:
        os.lstat(path)
        return
    except ValueError:  # a NUL, or characters that no name has here
        raise InvalidInputError(f"{str(path)!r} cannot be the name of a file") from None
    except OSError as error:  # it need not be there; but this system may have a limit of its own
        refused = error.errno == errno.ENAMETOOLONG
    longest = max(map(_length, path.parts), default=0)
    if longest > LONGEST_NAME:
        raise InvalidInputError(
            f"cannot write '...{str(path)[-30:]}': a name in it has {longest} bytes, more than the "
            f"{LONGEST_NAME} that disks take",
            hint="choose a shorter one",
        )
    if refused:
        raise InvalidInputError(
            f"cannot write '...{str(path)[-30:]}': the path is too long for this disk",
            hint="choose a shorter one",
        )


def _length(name: str) -> int:
    """Return how much of the longest name this one is."""
    return len(name) if os.name == "nt" else len(name.encode(errors="replace"))


def _stage(folder: Path, new: Path, files: Iterable[tuple[str, bytes]]) -> list[str]:
    names = []
    for name, content in files:
        assert Path(name).name == name, "file names, not paths"
        _check_name(folder / name)
        with naming_target(folder / name):
            (new / name).write_bytes(content)
        names.append(name)
    return names


def _move_in(folder: Path, names: list[str], new: Path, old: Path, *, force: bool) -> list[Path]:
    targets = [folder / name for name in names]
    refuse_existing(targets, force=force)
    try:
        for target in targets:
            with naming_target(target):
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
