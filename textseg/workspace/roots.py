"""Files named by somebody who is not trusted: opened only when they lie below a given folder.

Every component of a name is opened relative to the one before it, without following links, so that
nothing can be swapped between a check and its use. What is not a plain file with a single name (a
pipe, a device, a link of either kind) is refused before it is opened. Nothing is ever fetched.

Where a system cannot open relative to a folder (Windows), the path is resolved and compared
instead. That is weaker: whoever can write below the folder could swap a component in between.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from textseg.errors import ImageError, InvalidInputError, OutsideWorkspaceError
from textseg.images import FORMATS, MAX_PIXELS, Picture, decode_picture

AGENT_FORMATS: Final = ("PNG", "JPEG", "WEBP")

WALKS: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")

# Not blocking: what was swapped for a pipe in the last moment must not be waited for.
_FILE: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER: Final = _FILE | getattr(os, "O_DIRECTORY", 0)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # "https:", "file:", "data:", "C:"
_HOW: Final = "give a name relative to a folder that was opened, such as 'house.png'"

_LONGEST = 60  # characters of a name that an error repeats


@dataclass(frozen=True)
class FileLimits:
    """What a picture file may be, looked at before it is decoded.

    Attributes:
        max_bytes: of the file.
        max_pixels: of the picture.
        formats: names from ``textseg.images.FORMATS``; of several frames the first is used.

    Raises:
        InvalidInputError: a limit below 1, no format, or an unknown one.
    """

    max_bytes: int = 50_000_000
    max_pixels: int = MAX_PIXELS
    formats: tuple[str, ...] = AGENT_FORMATS

    def __post_init__(self) -> None:
        """Check all three."""
        if min(self.max_bytes, self.max_pixels) < 1:
            raise InvalidInputError(
                f"limits are at least 1, got {self.max_bytes} bytes and {self.max_pixels} pixels"
            )
        if not self.formats or not set(self.formats) <= set(FORMATS):
            raise InvalidInputError(
                f"unknown formats {self.formats!r}; known: {', '.join(FORMATS)}"
            )

    def decode(self, content: bytes, name: str) -> Picture:
        """Return the picture in a file's content; ``name`` is what errors call it.

        Raises:
            ImageError: not a picture of these formats, damaged, empty or too large.
        """
        self.check_bytes(len(content), name)
        return decode_picture(
            io.BytesIO(content), name=name, formats=self.formats, max_pixels=self.max_pixels
        )

    def check_bytes(self, count: int, name: str) -> None:
        """Raise ``ImageError`` when a file has too many bytes, or none."""
        if count == 0:
            raise ImageError(f"{name}: the file is empty")
        if count > self.max_bytes:
            raise ImageError(
                f"{name}: more than {self.max_bytes:,} bytes, the most that is allowed",
                hint="make it smaller",
            )


def quote_name(name: str) -> str:
    """Return what was typed as it may stand in a message: quoted, escaped and not too long."""
    return repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")


def check_roots(folders: Sequence[Path | str]) -> tuple[Path, ...]:
    """Return folders below which files may be named, without links in their paths.

    Raises:
        InvalidInputError: one does not exist, or it is so wide that private files lie below it (the
            whole disk, the home folder or one above it).
    """
    return tuple(_checked_root(folder) for folder in folders)


def _checked_root(folder: Path | str) -> Path:
    try:
        root = Path(folder).resolve(strict=True)
        missing = not root.is_dir()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a NUL
        missing = True
    if missing:
        raise InvalidInputError(f"{str(folder)!r} cannot be opened for pictures: no such folder")
    if _is_wide(root):
        raise InvalidInputError(
            f"{str(folder)!r} is too wide to be opened for pictures: private files lie below it",
            hint="name the folder that the pictures are in",
        )
    return root


def _is_wide(root: Path) -> bool:
    home = Path(os.path.expanduser("~"))  # relative where nobody knows it
    return root == root.parent or (home.is_absolute() and home.resolve().is_relative_to(root))


def read_below(roots: Sequence[Path], name: str, limits: FileLimits) -> bytes | None:
    """Return the content of the file of this name below the first root that has one; None if none.

    Args:
        roots: from ``check_roots``.
        name: components with slashes between them, relative to a root.
        limits: only ``max_bytes`` is looked at.

    Raises:
        OutsideWorkspaceError: the name leads elsewhere, or to a link of either kind.
        ImageError: it is not a plain file, it is empty, too long, or cannot be opened.
    """
    parts = components(name)
    for root in roots:
        with _opened(root, parts, quote_name(name)) as file:
            if file is not None:
                limits.check_bytes(os.fstat(file.fileno()).st_size, quote_name(name))
                content = file.read(limits.max_bytes + 1)  # it may have grown since
                limits.check_bytes(len(content), quote_name(name))
                return content
    return None


def components(name: str) -> tuple[str, ...]:
    """Return the parts of a relative name.

    Raises:
        OutsideWorkspaceError: it is empty, absolute, an address, or leads upwards. Other spellings
            of these (percent signs, look-alikes of dots and slashes) have no meaning in a name.
    """
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    refusals = {
        "is no name of a file": not parts,
        "has a NUL in it": "\0" in name,
        "is an absolute path": name.startswith("/"),
        "is a path from a home folder": name.startswith("~"),
        "has a backslash in it": "\\" in name,
        "is an address, and nothing is fetched": _ADDRESS.match(name) is not None,
        "leads out of the folder": ".." in parts,
    }
    for reason, holds in refusals.items():
        if holds:
            raise OutsideWorkspaceError(f"{quote_name(name)} {reason}", hint=_HOW)
    return parts


# -- opening


@contextmanager
def _opened(root: Path, parts: Sequence[str], name: str) -> Iterator[BinaryIO | None]:
    """Give the plain file at the end of ``parts``; None when there is nothing of that name."""
    opener = _open_walking if WALKS else _open_comparing
    try:
        number = opener(root, parts, name)
    except (FileNotFoundError, NotADirectoryError, UnicodeEncodeError):
        yield None
        return
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):  # became a link; cannot exist
            yield None
            return
        raise ImageError(f"{name}: cannot be opened ({error.strerror})") from None
    with os.fdopen(number, "rb") as file:
        _check_file(os.fstat(number), name)  # it may be another one than was looked at before
        yield file


def _open_walking(root: Path, parts: Sequence[str], name: str) -> int:
    here = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            _check_link(os.stat(part, dir_fd=here, follow_symlinks=False), name)
            above, here = here, os.open(part, _FOLDER, dir_fd=here)
            os.close(above)
        _check_file(os.stat(parts[-1], dir_fd=here, follow_symlinks=False), name)
        return os.open(parts[-1], _FILE, dir_fd=here)
    finally:
        os.close(here)


def _open_comparing(root: Path, parts: Sequence[str], name: str) -> int:
    path = root
    for part in parts:
        path /= part
        _check_link(os.lstat(path), name)
    if not Path(os.path.realpath(path)).is_relative_to(root):
        raise OutsideWorkspaceError(f"{name} leads out of the folder", hint=_HOW)
    _check_file(os.lstat(path), name)
    return os.open(path, _FILE)


def _check_link(status: os.stat_result, name: str) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OutsideWorkspaceError(
            f"{name} is a link, or lies behind one; links are not followed", hint=_HOW
        )


def _check_file(status: os.stat_result, name: str) -> None:
    _check_link(status, name)
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{name}: is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{name}: is not a plain file")
    if status.st_nlink > 1:
        raise OutsideWorkspaceError(
            f"{name} is a hard link: the same file has another name, perhaps elsewhere",
            hint="copy it",
        )
