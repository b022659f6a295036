"""Picture files opened but not yet decoded, under no limits of size but those of the caller.

Pillow's own limits (``Image.MAX_IMAGE_PIXELS``, ``PngImagePlugin.MAX_TEXT_CHUNK``) belong to the
whole process, so they are neither relied on nor changed here.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PROFILE: Final = b"iCCP"
_TEXTS: Final = (b"tEXt", b"zTXt", b"iTXt", _PROFILE)


def opened(stream: BinaryIO, formats: Sequence[str]) -> ImageFile.ImageFile:
    """Return the image in a file as ``Image.open`` does, whatever its size.

    Texts of a PNG file that Pillow finds too long are not in it, and neither is a colour profile,
    of which there is a warning.

    Args:
        stream: binary, seekable; stays open.
        formats: names that Pillow knows; the decoders of others are not tried.

    Raises:
        UnidentifiedImageError: not a picture of these formats.
        Exception: whatever a decoder raises at a damaged file.
    """
    stream.seek(0)
    start = stream.read(16)
    source = _without_long_texts(stream) if start.startswith(_SIGNATURE) else stream
    Image.preinit()
    for name in formats:
        if name not in Image.OPEN:
            Image.init()
        factory, accepts = Image.OPEN[name]
        source.seek(0)
        try:
            # a text instead of true or false says that the decoder is not installed
            if accepts is None or accepts(start) is True:
                return factory(source, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # how decoders say that it is not their format
    raise UnidentifiedImageError("no decoder takes it")


def _without_long_texts(stream: BinaryIO) -> BinaryIO:
    """Return a PNG file without texts that Pillow takes for an attack; itself where none is."""
    parts = list(_chunks(stream))
    short = [part for part in parts if not _too_long(stream, *part)]
    if len(short) == len(parts):
        return stream
    if any(kind == _PROFILE for kind, *_ in parts) > any(kind == _PROFILE for kind, *_ in short):
        warnings.warn("its colour profile is too long and was left out", stacklevel=2)
    kept = io.BytesIO(_SIGNATURE)
    kept.seek(0, io.SEEK_END)
    for _, start, end in short:
        stream.seek(start)
        kept.write(stream.read(end - start))
    return kept


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of each chunk; what follows a damaged one is the last of all."""
    start = len(_SIGNATURE)
    size = stream.seek(0, io.SEEK_END)
    while start < size:
        stream.seek(start)
        head = stream.read(8)
        kind, end = head[4:], size
        if len(head) == 8:
            end = min(start + 12 + struct.unpack(">I", head[:4])[0], size)
        yield kind, start, end
        start = end


def _too_long(stream: BinaryIO, kind: bytes, start: int, end: int) -> bool:
    most = PngImagePlugin.MAX_TEXT_CHUNK
    if kind not in _TEXTS or end - start - 12 > most:
        return kind in _TEXTS
    stream.seek(start + 8)
    packed = _packed(kind, stream.read(end - start - 12))
    inflate = zlib.decompressobj()
    try:
        inflate.decompress(packed, most)
    except zlib.error:
        return False
    return bool(inflate.unconsumed_tail)


def _packed(kind: bytes, content: bytes) -> bytes:
    """Return the compressed part of a text or profile; of one that is not compressed, nothing."""
    _, _, rest = content.partition(b"\0")  # behind the keyword
    if kind == b"iTXt":
        return rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""
    return b"" if kind == b"tEXt" else rest[1:]
