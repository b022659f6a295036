"""Parts of a job: a few pictures each, whose rows are one file, written whole or not at all.

Which pictures a part has follows from their ids alone, and so does its name. Done twice it is the
same file; what is left of a job is what has no file yet; and nobody has to keep account of it.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from textseg.errors import WorkspaceError
from textseg.files import naming_target
from textseg.labelling.digests import digest
from textseg.labelling.inputs import JobPicture, Listing
from textseg.labelling.rows import LabelRow, arrow, part_files, read_part, rows_from, table_of

FEWEST, MOST = 4, 256  # pictures in a part
MOST_PARTS = 4096  # as long as a part need not be larger than that
MOST_DEATHS = 3  # of workers that have begun with a picture; it is left alone then


@dataclass(frozen=True)
class LabelPart:
    """Some pictures, which one worker asks about, one after another.

    Attributes:
        root: what their paths start from.
        pictures: in the order of their ids.
        again: its file is there already; pictures with an error in it are tried again.
    """

    root: str
    pictures: tuple[JobPicture, ...]
    again: bool = False

    @property
    def name(self) -> str:
        """That of its file."""
        return f"part-{digest(picture.id.encode() for picture in self.pictures)}.parquet"

    def source(self, picture: JobPicture) -> Path:
        """Return where one of its pictures lies."""
        return Path(self.root, picture.path)


@dataclass(frozen=True)
class KnownPictures:
    """Ids of pictures that have rows: all of them, and those where the rows are of an error."""

    ids: frozenset[str]
    failed: frozenset[str]


def form_parts(listing: Listing) -> list[LabelPart]:
    """Return all parts of a job, as many pictures in each as suits their number."""
    pictures, root = listing.pictures, str(listing.root)
    size = max(FEWEST, min(MOST, -(-len(pictures) // MOST_PARTS)))
    starts = range(0, len(pictures), size)
    return [LabelPart(root, pictures[start : start + size]) for start in starts]


def left_of(parts: Iterable[LabelPart], known: KnownPictures) -> list[LabelPart]:
    """Return the parts without the pictures that have rows, those that have any left."""
    left = [
        replace(part, pictures=tuple(each for each in part.pictures if each.id not in known.ids))
        for part in parts
    ]
    return [part for part in left if part.pictures]


def known_pictures(folder: Path) -> KnownPictures:
    """Return which pictures have rows; a file that cannot be read is set aside, as "...broken"."""
    found = []
    for path in part_files(folder):
        try:
            found.append(pictures_in(path))
        except WorkspaceError:
            path.replace(path.with_name(f"{path.name}.broken"))
    return KnownPictures(
        frozenset().union(*(each.ids for each in found)),
        frozenset().union(*(each.failed for each in found)),
    )


def pictures_in(path: Path) -> KnownPictures:
    """Return which pictures have rows in a file; raises ``WorkspaceError``."""
    table = read_part(path, ["id", "error"])
    failed = table.filter(table["error"].is_valid())
    return KnownPictures(frozenset(table["id"].to_pylist()), frozenset(failed["id"].to_pylist()))


def failed_parts(folder: Path, listing: Listing) -> list[LabelPart]:
    """Return the parts with errors in their files, to be tried again."""
    listed = {picture.id: picture for picture in listing.pictures}
    found = []
    for path in part_files(folder):
        table = read_part(path, ["id", "path", "error"])
        if table["error"].null_count < len(table):
            paths = dict(zip(table["id"].to_pylist(), table["path"].to_pylist(), strict=True))
            pictures = [listed.get(key, JobPicture(key, told)) for key, told in paths.items()]
            found.append(LabelPart(str(listing.root), tuple(pictures), again=True))
    return found


def write_part(folder: Path, part: LabelPart, rows: Sequence[LabelRow]) -> None:
    """Write the rows of a part; whoever reads the folder sees all of them or none."""
    arrow()
    from pyarrow import parquet

    stream = io.BytesIO()
    parquet.write_table(table_of(rows), stream, compression="zstd")
    with _aside(folder / part.name, stream.getvalue()) as written:
        written.replace(folder / part.name)


def rows_of_part(folder: Path, part: LabelPart) -> list[LabelRow] | None:
    """Return the rows in the file of a part; ``None`` where there is none that can be read."""
    path = folder / part.name
    try:
        return list(rows_from(read_part(path))) if path.exists() else None
    except WorkspaceError:
        return None


def settle(path: Path, content: bytes) -> bytes:
    """Write a file unless it is there, and return what is in it, whoever has written it."""
    if not path.exists():
        with _aside(path, content) as written:
            try:
                os.link(written, path)
            except FileExistsError:
                pass  # somebody was faster
            except OSError:  # a disk without links
                written.replace(path)
    return path.read_bytes()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in the place of another; whoever reads it sees the one or the other."""
    with _aside(path, content) as written:
        written.replace(path)


class BegunPictures:
    """Which pictures of a part workers have begun with and not finished: where one has died.

    It stands in a hidden file beside the parts, so that a worker of any engine learns of it.
    """

    def __init__(self, folder: Path, part: LabelPart) -> None:
        """Read what is there."""
        self._path = folder / f".{part.name}.begun"

    def deaths(self) -> Counter[str]:
        """Return how many workers have died at each picture."""
        found: Counter[str] = Counter()
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else ()
        for line in lines:
            picture, _, step = line.rpartition(" ")
            found[picture] += {"begun": 1, "done": -1}.get(step, 0)  # 0: a line that was cut off
        return found

    @contextmanager
    def at(self, picture: str) -> Iterator[None]:
        """Note that a picture is begun with, and that it is done, with or without an error."""
        self._note(f"{picture} begun\n")
        try:
            yield
        finally:
            self._note(f"{picture} done\n")

    def forget(self) -> None:
        """Remove the notes, when the part is written."""
        self._path.unlink(missing_ok=True)

    def _note(self, line: str) -> None:
        with self._path.open("a", encoding="utf-8") as notes:
            notes.write(line)


@contextmanager
def _aside(path: Path, content: bytes) -> Iterator[Path]:
    """Write a hidden file beside ``path`` for good, and remove it where it still is at the end."""
    written = path.with_name(f".{path.name}.{uuid4().hex}")
    with naming_target(path):
        try:
            with written.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(
                    stream.fileno()
                )  # a name must not outlive a power cut, and its content not
            yield written
        finally:
            written.unlink(missing_ok=True)
