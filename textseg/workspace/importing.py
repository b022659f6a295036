"""Pictures that come in: their bytes are kept as they are, what they say about themselves is not.

Names of files and texts within them may be written by strangers to be read by an assistant. A
record has a name only when it is short and plain, and nothing of a file's metadata.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from textseg.errors import ImageError
from textseg.images import (
    FORMATS,
    ImageLike,
    Picture,
    check_file,
    file_content,
    open_picture,
    to_uint8,
    to_uint16,
)
from textseg.saving import picture_bytes
from textseg.workspace.names import tidy_name
from textseg.workspace.records import FILE, IMPORT, MEMORY, NAME, PICTURE, SOURCE, Draft
from textseg.workspace.roots import FileLimits


@dataclass(frozen=True)
class Incoming:
    """A picture file's content, and what to say about where it came from.

    Attributes:
        content: of the file.
        shown: what errors call it.
        name: tidied; "" where there is none to be kept.
        source: whether there is such a file, or a picture in memory was written as one.
    """

    content: bytes
    shown: str
    name: str
    source: Literal["file", "memory"]

    def draft(self, handle: str, picture: Picture) -> Draft:
        """Return what to keep; ``picture`` is the decoded content."""
        suffix = FORMATS[str(picture.format)][0].removeprefix(".")
        return Draft(
            handle=handle,
            kind="image",
            operation=IMPORT,
            size=picture.size,
            parts={PICTURE: (suffix, self.content)},
            arguments={SOURCE: self.source} | ({NAME: self.name} if self.name else {}),
        )


def incoming(source: ImageLike, *, name: str, limits: FileLimits) -> Incoming:
    """Return a picture that a person holds as the content of a file.

    Args:
        source: a path, an open file or the content of one, which stays as it is; or whatever else
            ``open_picture`` takes, which becomes a PNG file.
        name: what people call it; "" takes the name of the file, if there is one.
        limits: ``max_bytes`` of files, and ``max_pixels`` of everything else.

    Raises:
        ImageError: there is no such file, or it has too many bytes; not a picture.
        InvalidInputError: colours of 16 bits in memory, which no file that is written here keeps.
    """
    if isinstance(source, str | os.PathLike):
        path = check_file(source)
        return Incoming(_content(path, limits), str(path), tidy_name(name or path.name), FILE)
    content = file_content(source)
    if content is not None:
        return Incoming(content, "the picture", tidy_name(name), FILE)
    picture = open_picture(source, max_pixels=limits.max_pixels)
    content = picture_bytes(_pixels(picture), "PNG", label=None, icc_profile=picture.icc_profile)
    return Incoming(content, "the picture", tidy_name(name), MEMORY)


def _content(path: Path, limits: FileLimits) -> bytes:
    try:
        with path.open("rb") as file:
            limits.check_bytes(os.fstat(file.fileno()).st_size, str(path))
            return file.read(limits.max_bytes + 1)
    except OSError as error:
        raise ImageError(f"{path}: cannot be opened ({error.strerror})") from None


def _pixels(picture: Picture) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the pixels as a PNG file keeps them: 16 bits for what has them, otherwise 8."""
    kept = to_uint16 if picture.mode.endswith(";16") else to_uint8
    if picture.alpha is not None:
        return kept(np.concatenate([picture.rgb, picture.alpha[..., None]], 2))
    if picture.mode.startswith(("I", "F")):
        return to_uint16(picture.rgb[..., 0])
    return kept(picture.rgb[..., 0] if picture.mode in ("1", "L") else picture.rgb)
