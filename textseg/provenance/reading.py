"""Whether a file says that a model made or changed its picture.

Packets are found by their text, the way that XMP provides for readers which do not know a file
format (ISO 16684-3, packet scanning), so nothing is decoded and every format is read alike. Their
content comes from strangers: it is parsed without entities, within limits, and no text of it is
handed on.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar, cast, get_args
from xml.etree import ElementTree

from textseg.errors import ImageError
from textseg.provenance.labels import IPTC, RDF, VOCABULARY, Label, SourceType

# How the description box of a C2PA manifest store begins in every format: its type is a UUID that
# spells the name of the standard (C2PA specification 2, "Manifest Store"; ISO/IEC 19566-5).
_MANIFESTS: Final = b"jumdc2pa" + bytes.fromhex("00110010800000aa00389b71")

MAX_PACKET = 1_000_000  # bytes
MAX_PACKETS = 16  # a file has one, or a few when it holds pictures within pictures

Found = TypeVar("Found")

_ELEMENTS = (b"x:xmpmeta", b"x:xapmeta", b"rdf:RDF")  # the outermost, in this order
_PROPERTY: Final = f"{{{IPTC}}}DigitalSourceType"


def read_label(path: str | os.PathLike[str]) -> Label | None:
    """Return the label in a picture file, None when there is none that this package would write.

    A label shows that somebody said a model took part; its absence shows nothing, because most
    programs drop it when they save. Other source types (a camera, a person) are None as well, and
    so is anything that cannot be parsed.

    Raises:
        ImageError: the file is missing, or cannot be opened.
    """
    return _read(path, label_in)


def read_credentials(path: str | os.PathLike[str]) -> bool:
    """Return whether a picture file has Content Credentials in it; they are not checked.

    Raises:
        ImageError: the file is missing, or cannot be opened.
    """
    return _read(path, credentials_in)


def credentials_in(content: bytes | mmap.mmap) -> bool:
    """Return whether the content of a picture file has Content Credentials in it."""
    return content.find(_MANIFESTS) >= 0


def label_in(content: bytes | mmap.mmap) -> Label | None:
    """Return the label in the content of a picture file; see ``read_label``."""
    for packet in _packets(content):
        for value in _source_types(packet):
            term = value.strip().replace("https:", "http:", 1).removeprefix(VOCABULARY)
            if term in get_args(SourceType):
                return Label(cast(SourceType, term))
    return None


def _read(path: str | os.PathLike[str], ask: Callable[[bytes | mmap.mmap], Found]) -> Found:
    """Return what a question about the content of a file gives."""
    path = Path(path)
    if not path.is_file():  # a pipe or a device would block, or never end
        raise ImageError(f"{path}: there is no such picture file")
    if path.stat().st_size == 0:  # which cannot be mapped
        return ask(b"")
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return ask(content)
    except OSError as error:
        raise ImageError(f"{path}: cannot be opened ({error.strerror})") from None


def _packets(content: bytes | mmap.mmap) -> Iterator[bytes]:
    for element in _ELEMENTS:
        opening, closing = b"<" + element, b"</" + element + b">"
        start = -1
        for _ in range(MAX_PACKETS):
            start = content.find(opening, start + 1)
            if start < 0:
                break
            end = content.find(closing, start, start + MAX_PACKET)
            if end >= 0:
                yield content[start : end + len(closing)]


def _source_types(packet: bytes) -> Iterator[str]:
    """Return the values that the packet gives the property, however RDF lets it write them."""
    # The text begins at its outermost element: no DOCTYPE gets in, and so no entity is declared.
    try:
        root = ElementTree.fromstring(packet.decode("utf-8", "replace"))
    except ElementTree.ParseError:
        return
    # Descriptions further in speak of other things, such as the sources of a montage.
    for description in root.iterfind(f"./{{{RDF}}}Description"):
        yield from _values(description)
    for description in root.iterfind(f"./{{{RDF}}}RDF/{{{RDF}}}Description"):
        yield from _values(description)


def _values(description: ElementTree.Element) -> Iterator[str]:
    yield description.get(_PROPERTY, "")
    for element in description.iterfind(_PROPERTY):
        yield element.get(f"{{{RDF}}}resource", "")
        yield from (part.text or "" for part in element.iter())
