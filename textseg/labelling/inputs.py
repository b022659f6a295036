"""Which pictures are meant: a folder, a list, a table or a pattern, each picture with an id.

An id is made of the path within the folder that was named, so that it stays the same wherever that
folder lies. In a list or a table a path counts from the folder that the list lies in.
"""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textseg.errors import ImageError, InvalidInputError
from textseg.images import FORMATS
from textseg.labelling.digests import digest
from textseg.labelling.rows import arrow

SUFFIXES = frozenset(suffix for usual in FORMATS.values() for suffix in usual)
LISTS, TABLES = (".txt", ".lst"), (".csv", ".parquet")
PATH, ID = "path", "id"  # columns of a table, or of a batch

PictureSource = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True, order=True)
class JobPicture:
    """A picture of a job: its id, and its path from the root of the job."""

    id: str
    path: str


@dataclass(frozen=True)
class Listing:
    """The pictures of a job in the order of their ids, each once.

    Attributes:
        root: what their paths start from.
        pictures: what there is.
    """

    root: Path
    pictures: tuple[JobPicture, ...]


def list_pictures(source: PictureSource) -> Listing:
    """Return the pictures that are meant.

    Args:
        source: a folder, with all that is below it; a pattern such as "photos/*.jpg", "**" for any
            folders; a text file with a path on each line; a CSV or Parquet table with a column
            ``path`` and perhaps one ``id``; a picture; or the paths themselves.

    Raises:
        ImageError: there is no such thing, or no picture in it.
        InvalidInputError: a table without paths, or with one id for two of them.
    """
    if not isinstance(source, str | os.PathLike):
        return _listing(Path.cwd(), ((None, os.fspath(path)) for path in source), "the list")
    name, path = os.fspath(source), Path(source).expanduser()
    if path.is_dir():
        return _listing(path.resolve(), ((None, each) for each in _below(path)), name)
    if path.is_file():
        return _listing(path.resolve().parent, _told(path), name)
    if glob.has_magic(name):
        root = _steady(path)
        found = (each for each in glob.iglob(str(path), recursive=True) if Path(each).is_file())
        return _listing(
            root.resolve(), ((None, os.path.relpath(each, root)) for each in found), name
        )
    raise ImageError(
        f"{name}: no such file or folder",
        hint="name a folder, a list, a table or a pattern of pictures",
    )


def read_queries(path: Path) -> list[str]:
    """Return the queries in a text file, one on each line; raises ``InvalidInputError``."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is no text in UTF-8: {error}") from error
    return [line for line in lines if line.strip()]


def _below(folder: Path) -> Iterator[str]:
    """Yield the paths of the files in a folder that look like pictures, hidden ones left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield os.path.relpath(os.path.join(place, name), folder)


def _told(path: Path) -> Iterator[tuple[str | None, str]]:
    """Yield id and path of what a file tells about; a file that is no list is a picture itself."""
    suffix = path.suffix.lower()
    if suffix in LISTS:
        yield from ((None, line) for line in read_queries(path))
    elif suffix in TABLES:
        yield from _rows(path)
    else:
        yield None, path.name


def _rows(path: Path) -> Iterator[tuple[str | None, str]]:
    """Yield id and path of each row of a table."""
    if path.suffix.lower() == ".parquet":
        arrow()
        from pyarrow import parquet

        with path.open("rb") as stream:
            table = parquet.ParquetFile(stream, pre_buffer=False)  # as in `read_part`
            wanted = [name for name in (ID, PATH) if name in table.schema_arrow.names]
            rows = table.read(wanted, use_threads=False).to_pylist()
    else:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.DictReader(text))
    if rows and PATH not in rows[0]:
        raise InvalidInputError(f"{path} has no column {PATH!r}")
    for row in rows:
        yield (None if row.get(ID) is None else str(row[ID])), str(row[PATH])


def _steady(pattern: Path) -> Path:
    """Return the folder of a pattern that comes before its first wildcard."""
    steady = [part for part in pattern.parents if not glob.has_magic(str(part))]
    return steady[0] if steady else Path()


def _listing(root: Path, told: Iterable[tuple[str | None, str]], name: str) -> Listing:
    found: dict[str, str] = {}
    for given, path in told:
        plain = Path(path).as_posix()
        key = digest([os.fsencode(plain)]) if given is None else given
        if found.setdefault(key, plain) != plain:
            raise InvalidInputError(
                f"{name} has the id {key!r} for {found[key]} and for {plain}",
                hint="an id stands for one picture",
            )
    if not found:
        raise ImageError(
            f"{name}: there are no pictures in it",
            hint=f"looked for: {', '.join(sorted(SUFFIXES))}",
        )
    return Listing(root, tuple(sorted(JobPicture(*each) for each in found.items())))
