"""Pictures that an assistant may write: into the one folder that a person opened for it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from textseg.errors import InvalidInputError, OutputExistsError
from textseg.files import usable_folder
from textseg.saving import format_of
from textseg.toolbox.shelf_facts import ExportArguments, ExportResult
from textseg.workspace import Kind, is_tidy
from textseg.workspace.records import PREFIXES

if TYPE_CHECKING:
    from textseg.toolbox.shelf import Shelf


def export_image(shelf: Shelf, folder: Path | None, arguments: ExportArguments) -> ExportResult:
    """Write a picture, labelled as it came about, or a mask, as a new file of a bare name.

    Args:
        shelf: where it is.
        folder: that a person opened; None where nobody did.
        arguments: which picture, and the name.

    Raises:
        InvalidInputError: no folder was opened; the name is no plain one, or of no format.
        OutputExistsError: there is a file of that name; nothing is ever replaced.
        UnknownHandleError: there is no such picture.
    """
    if folder is None:
        raise InvalidInputError(
            "nothing may be exported here", hint="the person opens a folder for that at the start"
        )
    kind: Kind = "mask" if arguments.image.startswith(PREFIXES["mask"]) else "image"
    name, record = _name(arguments.name), shelf.workspace.resolve(arguments.image, kind)
    try:
        shelf.export(record.handle, folder / name)
    except OutputExistsError:  # whose own words name the folder
        raise OutputExistsError(
            f"there is a file called {name!r} already", hint="take another name"
        ) from None
    return ExportResult(image=record.handle, name=name, width=record.width, height=record.height)


def opened_folder(folder: Path | str) -> Path:
    """Return the folder for exports, checked; it is made with the first file.

    Raises:
        InvalidInputError: nothing can be written into it.
    """
    path = Path(folder).absolute()
    usable_folder(path)
    return path


def _name(given: str) -> str:
    """Return the name of the file; one without an ending is that of a PNG file."""
    name = given.strip()
    if not is_tidy(name) or name.endswith("."):
        raise InvalidInputError(
            f"{given!r} is no plain name for a file", hint='give one like "blue house.png"'
        )
    name = name if PurePosixPath(name).suffix else f"{name}.png"
    format_of(Path(name))
    return name
