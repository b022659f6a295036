"""A folder of labels, picture by picture, as the writers of all formats read it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from textseg.errors import InvalidInputError
from textseg.files import fitting
from textseg.labelling.rows import LabelRow, part_files, read_part, rows_from, some_part_files

JOB = "job.json"
LONGEST_ENDING = ".geojson"  # of the files that are named after a picture


@dataclass(frozen=True)
class PictureLabels:
    """All that is known of one picture.

    Attributes:
        id: of the picture.
        path: as the rows have it.
        rows: one for each query; those that could not be asked say so.
    """

    id: str
    path: str
    rows: tuple[LabelRow, ...]

    @property
    def size(self) -> tuple[int, int] | None:
        """(H, W) as the picture is displayed; ``None``: it could not be read."""
        sizes = ((row.height, row.width) for row in self.rows if row.error is None)
        height, width = next(sizes, (None, None))
        return None if height is None or width is None else (height, width)

    @property
    def found(self) -> list[LabelRow]:
        """The rows with a mask that has pixels."""
        return [row for row in self.rows if row.area]

    @property
    def absent(self) -> list[str]:
        """The queries that are not in the picture."""
        return [row.query for row in self.rows if row.present is False]

    @property
    def undecided(self) -> list[str]:
        """The queries without an answer, as of words that the model does not know."""
        decided = {*self.absent, *(row.query for row in self.found)}
        return [row.query for row in self.rows if row.error is None and row.query not in decided]

    @property
    def is_inside(self) -> bool:
        """Whether the picture lies below the folder that its path counts from."""
        path = PurePosixPath(self.path)
        return not path.is_absolute() and ".." not in path.parts


@dataclass(frozen=True)
class Labels:
    """What is in a folder of labels, but for the rows.

    Attributes:
        folder: with the files of rows.
        root: what the paths of the pictures count from; ``None``: nobody knows, or it is gone.
        queries: in the order in which they come; a class of a format is the place of one here.
        split: ids of pictures with rows in more than one file.
        pictures: how many there are.
        shared: names of files, in small letters, that more than one picture would get.
    """

    folder: Path
    root: Path | None
    queries: tuple[str, ...]
    pictures: int
    split: frozenset[str] = field(repr=False)
    shared: frozenset[str] = field(repr=False)

    def stream(self) -> Iterator[PictureLabels]:
        """Yield the pictures, in the order of the files and of their rows, each once.

        No more is held in memory than one file, and the pictures that are in several.
        """
        waiting: dict[str, list[LabelRow]] = {}
        for path in part_files(self.folder):
            here: dict[str, list[LabelRow]] = {}
            for row in rows_from(read_part(path)):
                (waiting if row.id in self.split else here).setdefault(row.id, []).append(row)
            yield from map(_picture, here.values())
        yield from map(_picture, waiting.values())

    def name_of(self, picture: PictureLabels) -> PurePosixPath:
        """Return the path of a file for a picture, without suffix: always below its folder.

        Where two pictures differ in suffix or case only, their names have their ids in them.
        """
        name = _plain_name(picture.path)
        if _alike(name) not in self.shared:
            return name
        plain = re.sub(r"[^\w-]", "-", picture.id)
        return name.with_name(f"{name.name}-{plain}")


def open_labels(folder: Path, pictures: Path | None = None) -> Labels:
    """Return what is in a folder of labels, which is looked through once.

    Args:
        folder: as ``textseg label`` writes it.
        pictures: what the paths of the pictures count from; ``None``: what the labels say, where
            that is still there.

    Raises:
        InvalidInputError: there are no labels, or no such folder of pictures.
        WorkspaceError: a file cannot be read.
        MissingExtraError: a library that labels need is not installed.
    """
    if pictures is not None and not pictures.is_dir():
        raise InvalidInputError(f"there is no folder {pictures}")
    queries: dict[str, None] = {}
    paths: dict[str, str] = {}
    files: Counter[str] = Counter()
    for part in some_part_files(folder):
        columns = read_part(part, ["id", "path", "query"]).to_pydict()
        queries.update(dict.fromkeys(columns["query"]))
        here = dict(zip(columns["id"], columns["path"], strict=True))
        paths.update(here)
        files.update(here.keys())
    names = Counter(_alike(_plain_name(path)) for path in paths.values())
    return Labels(
        folder,
        pictures or _root(folder),
        tuple(queries),
        pictures=len(paths),
        split=frozenset(key for key, times in files.items() if times > 1),
        shared=frozenset(name for name, times in names.items() if times > 1),
    )


def _picture(rows: list[LabelRow]) -> PictureLabels:
    """Return the picture of these rows; of two for a query the first that has an answer counts."""
    rows = sorted(rows, key=lambda row: row.error is not None)
    first = {row.query: row for row in reversed(rows)}
    return PictureLabels(rows[0].id, rows[0].path, tuple(reversed(first.values())))


def _plain_name(path: str) -> PurePosixPath:
    """Return a path without its suffix, and without what would lead out of a folder."""
    whole = PurePosixPath(path)
    plain = whole.with_suffix("") if whole.name else whole
    parts = [part for part in plain.parts if part not in (whole.anchor, "..")]
    return PurePosixPath(*(fitting(part, [LONGEST_ENDING]) for part in parts))


def _alike(name: PurePosixPath) -> str:
    """Return what is the same for names that some disks take for the same."""
    return str(name).casefold()


def _root(folder: Path) -> Path | None:
    """Return the folder of pictures that a job was begun with, where it is still there."""
    job = folder / JOB
    if not job.is_file():
        return None
    try:
        root = Path(json.loads(job.read_bytes())["root"])
    except (ValueError, KeyError, TypeError):
        return None
    return root if root.is_dir() else None
