"""What lies below the roots: the names that somebody who is not trusted may be told."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from textseg.images import FORMATS
from textseg.workspace.names import is_tidy
from textseg.workspace.roots import AGENT_FORMATS

MOST_SEEN: Final = 10_000  # entries of all folders together
DEEPEST: Final = 8  # folders below a root

_SUFFIXES: Final = tuple(suffix for name in AGENT_FORMATS for suffix in FORMATS[name])


@dataclass(frozen=True)
class Rooted:
    """A picture file below a root: its name relative to it, its size in bytes, when it changed."""

    name: str
    bytes: int
    changed: float


def files_below(roots: Sequence[Path], *, but: Path | None = None) -> tuple[Rooted, ...]:
    """Return the picture files that ``read_below`` would read, by their endings, newest first.

    Nothing is opened and no link followed. Left out are names that are long or odd, which somebody
    may have written to be read by an assistant, hidden ones, and what lies beyond ``MOST_SEEN``
    entries or ``DEEPEST`` folders.

    Args:
        roots: from ``check_roots``; of a name below several the first one counts.
        but: a folder that is left out.
    """
    found: dict[str, Rooted] = {}
    left = MOST_SEEN
    for root in roots:
        for folder, names, status in _walk(root, but):
            left -= len(names)
            for name in names:
                shown = "/".join((*folder, name))
                if left >= 0 and shown not in found and (file := _file(shown, name, status)):
                    found[shown] = file
            if left < 0:
                break
    return tuple(sorted(found.values(), key=lambda file: (-file.changed, file.name)))


class _Status:
    """Looks at the entries of a folder, without following links."""

    def __init__(self, path: str, number: int | None) -> None:
        self._path, self._number = path, number

    def __call__(self, name: str) -> os.stat_result:
        if self._number is None:
            return os.lstat(os.path.join(self._path, name))
        return os.stat(name, dir_fd=self._number, follow_symlinks=False)


def _walk(root: Path, but: Path | None) -> Iterator[tuple[tuple[str, ...], list[str], _Status]]:
    """Yield the folders below a root as names, what files are in each, and how to look at them."""
    for path, folders, names, number in _folders(root):
        below = Path(path).relative_to(root).parts
        folders[:] = sorted(
            folder
            for folder in folders
            if is_tidy(folder) and len(below) < DEEPEST and Path(path, folder) != but
        )
        yield below, sorted(names), _Status(path, number)


def _folders(root: Path) -> Iterator[tuple[str, list[str], list[str], int | None]]:
    """Yield each folder from the root down, with an open number of it where the system has them."""
    if hasattr(os, "fwalk"):
        yield from os.fwalk(root)
    else:
        yield from ((path, folders, names, None) for path, folders, names in os.walk(root))


def _file(shown: str, name: str, status: _Status) -> Rooted | None:
    if not (is_tidy(name) and name.lower().endswith(_SUFFIXES)):
        return None
    try:
        facts = status(name)
    except OSError:  # gone since
        return None
    plain = stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 and facts.st_size > 0
    return Rooted(shown, facts.st_size, facts.st_mtime) if plain else None
