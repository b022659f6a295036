"""A reader of picture files that shares nothing with the writer: bytes and struct alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from xml.dom import minidom

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
XMP = "http://ns.adobe.com/xap/1.0/"


@dataclass(frozen=True)
class Parts:
    """What a file holds besides pixels; empty where there is nothing of the kind."""

    xmp: bytes = b""
    icc: bytes = b""
    exif: bytes = b""
    names: tuple[str, ...] = ()


def parts(content: bytes) -> Parts:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return of_png(content)
    if content.startswith(b"\xff\xd8"):
        return of_jpeg(content)
    if content.startswith(b"RIFF"):
        return of_webp(content)
    return of_tiff(content)


def of_png(content: bytes) -> Parts:
    chunks = list(png_chunks(content))
    found = dict(chunks)
    assert [name for name, _ in chunks].count("iTXt") <= 1
    keyword = b"XML:com.adobe.xmp\0\0\0\0\0"  # not compressed, no language, no translated keyword
    text = found.get("iTXt", b"")
    assert not text or text.startswith(keyword)
    profile = found.get("iCCP", b"").partition(b"\0")[2]
    return Parts(
        xmp=text[len(keyword) :],
        icc=zlib.decompress(profile[1:]) if profile else b"",
        exif=found.get("eXIf", b""),
        names=tuple(name for name, _ in chunks),
    )


def png_chunks(content: bytes) -> Iterator[tuple[str, bytes]]:
    at = 8
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", content, at + 8 + size)[0] == zlib.crc32(name + data)
        yield name.decode(), data
        at += 12 + size


def of_jpeg(content: bytes) -> Parts:
    prefixes = {"xmp": b"http://ns.adobe.com/xap/1.0/\0", "exif": b"Exif\0\0"}
    prefixes["icc"] = b"ICC_PROFILE\0\1\1"
    segments = list(jpeg_segments(content))
    found = {
        name: data.removeprefix(prefix)
        for name, prefix in prefixes.items()
        for _, data in segments
        if data.startswith(prefix)
    }
    return Parts(**found, names=tuple(name for name, _ in segments))  # type: ignore[arg-type]  # bytes


def jpeg_segments(content: bytes) -> Iterator[tuple[str, bytes]]:
    at = 2
    while content[at + 1] != 0xDA:  # start of scan: pixels from here on
        assert content[at] == 0xFF
        (size,) = struct.unpack_from(">H", content, at + 2)
        yield f"{content[at + 1]:02X}", content[at + 4 : at + 2 + size]
        at += 2 + size


def of_webp(content: bytes) -> Parts:
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    found, at = {}, 12
    while at < len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        found[name.decode()] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    if "XMP " in found:
        assert found["VP8X"][0] & 0b100  # without this flag readers need not look for it
    empty = b""
    return Parts(
        xmp=found.get("XMP ", empty),
        icc=found.get("ICCP", empty),
        exif=found.get("EXIF", empty),
        names=tuple(found),
    )


def of_tiff(content: bytes) -> Parts:
    tags = tiff_tags(content)
    return Parts(
        xmp=tags.get(700, b""),
        icc=tags.get(34675, b""),
        exif=content,
        names=tuple(str(tag) for tag in tags),
    )


def tiff_tags(content: bytes, pointer: int | None = None) -> dict[int, bytes]:
    """Return the first directory of TIFF or EXIF data, or of the group that a tag points to."""
    content = content.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}[content[:2]]
    (at,) = struct.unpack_from(f"{order}I", content, 4)
    if pointer is not None:
        (at,) = struct.unpack(f"{order}I", tiff_tags(content)[pointer])
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 13: 4}
    found = {}
    for entry in range(struct.unpack_from(f"{order}H", content, at)[0]):
        where = at + 2 + 12 * entry
        tag, kind, count = struct.unpack_from(f"{order}HHI", content, where)
        size = sizes[kind] * count
        start = where + 8
        if size > 4:
            (start,) = struct.unpack_from(f"{order}I", content, where + 8)
        found[tag] = content[start : start + size]
    return found


def stated(packet: bytes, namespace: str, name: str) -> str:
    """Return the text of the one element of this name in an XMP packet."""
    document = minidom.parseString(packet)
    (element,) = document.getElementsByTagNameNS(namespace, name)
    return "".join(node.data for node in element.childNodes if node.nodeType == node.TEXT_NODE)
