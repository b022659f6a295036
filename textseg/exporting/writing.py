"""What the writers of all formats share: folders made whole, lists in JSON, links to pictures."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from numpy.typing import NDArray

from textseg.errors import OutputExistsError
from textseg.exporting.labels import Labels, PictureLabels
from textseg.files import naming_target, usable_folder
from textseg.images import png_bytes

UPRIGHT = (
    "masks and sizes are those of the pictures as they are displayed, upright by their EXIF data"
)


class Writer(Protocol):
    """Writes labels in one format."""

    def __call__(
        self, labels: Labels, pictures: Iterable[PictureLabels], folder: Path
    ) -> list[str]:
        """Write the labels and return what has to be said about them.

        Args:
            labels: what there is.
            pictures: to be taken once, in order; those without a size could not be read.
            folder: an empty one.

        Returns:
            Remarks for people: what is where, and what this format cannot say.
        """


class JsonList:
    """A list in a JSON file that grows while it is written; one item on a line."""

    def __init__(self, stream: IO[str], head: str = "[", tail: str = "]") -> None:
        """Begin the list with ``head``; ``tail`` ends it."""
        self._stream, self._before, self._tail = stream, head, tail

    def add(self, item: Mapping[str, object]) -> None:
        """Write one more item."""
        text = json.dumps(item, ensure_ascii=False, allow_nan=False)
        self._stream.write(f"{self._before}\n{text}")
        self._before = ","

    def close(self) -> None:
        """End the list."""
        self._stream.write(f"{'' if self._before == ',' else self._before}\n{self._tail}")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``folder`` at the end; where that fails nothing is left.

    Raises:
        OutputExistsError: there is something in ``folder``.
        InvalidInputError: nothing can be written there.
        OSError: the disk is full ...
    """
    usable_folder(folder)
    if folder.exists() and any(folder.iterdir()):
        raise OutputExistsError(f"{folder} is not empty", hint="choose another folder")
    made = [above for above in folder.parents if not above.exists()]
    try:
        with naming_target(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".textseg-", dir=folder.parent) as beside:
                new = Path(beside, "new")
                new.mkdir()
                yield new
                if folder.exists():
                    folder.rmdir()  # not every system moves over an empty one
                os.replace(new, folder)
    except BaseException:
        with suppress(OSError):
            for above in made:
                above.rmdir()
        raise


def text_file(path: Path) -> IO[str]:
    """Return a new file for text, open; the folders above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="\n")


def write_json(path: Path, facts: Mapping[str, object]) -> None:
    """Write a small file of JSON."""
    with text_file(path) as stream:
        stream.write(json.dumps(facts, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def write_png(path: Path, pixels: NDArray[Any]) -> None:  # Any: as `png_bytes` takes them
    """Write a PNG file; the folders above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(pixels))


def link_pictures(labels: Labels, link: Path) -> str:
    """Make a link to the folder of the pictures and return what is to be said about it."""
    if labels.root is None:
        return f"the pictures belong into {link.name}/: nobody knows where they are"
    try:
        link.symlink_to(labels.root.resolve(), target_is_directory=True)
    except OSError:
        return f"the pictures belong into {link.name}/: copy or link {labels.root} to there"
    return f"{link.name}/ is a link to {labels.root}"


def counted(number: int, what: str) -> str:
    """Return "1 picture" or "2 pictures"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
