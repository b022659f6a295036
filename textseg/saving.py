"""Writing pictures that a model made: labelled, with their colour profile, and nothing personal.

What a file format can keep is known here, so that it can be said before the slow part: lossless
formats give back exactly the pixels that went in.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from textseg.errors import InvalidInputError
from textseg.files import refuse_existing, write_files
from textseg.images import png_level, size_words
from textseg.provenance import Credentials, Label, sign

FileFormat = Literal["PNG", "JPEG", "WEBP", "TIFF"]

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

JPEG_QUALITY = 95  # where Pillow's documentation sees the end of what is worth its bytes


@dataclass(frozen=True)
class _Limits:
    suffixes: tuple[str, ...]
    longest_side: int  # pixels
    transparency: bool = True
    deep_grey: bool = False  # 16 bits


WRITABLE: Final[dict[FileFormat, _Limits]] = {
    "PNG": _Limits((".png",), 2**31 - 1, deep_grey=True),
    "JPEG": _Limits((".jpg", ".jpeg"), 65_500, transparency=False),
    "WEBP": _Limits((".webp",), 16_383),
    "TIFF": _Limits((".tif", ".tiff"), 2**31 - 1, deep_grey=True),
}

_ENCODING: Final[dict[FileFormat, dict[str, Any]]] = {  # Any: options of ``Image.save``
    "PNG": {},
    "JPEG": {"quality": JPEG_QUALITY, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},  # exact: colours under transparency as well
    "TIFF": {},  # not compressed: with compression Pillow 13 cannot write the EXIF groups
}

_XMP_TAG = 700  # in TIFF files


def format_of(path: str | os.PathLike[str]) -> FileFormat:
    """Return the format that a file of this name is written in.

    Raises:
        InvalidInputError: the suffix belongs to none; the message lists those that do.
    """
    suffix = Path(path).suffix
    for name, limits in WRITABLE.items():
        if suffix.lower() in limits.suffixes:
            return name
    known = ", ".join(s for limits in WRITABLE.values() for s in limits.suffixes)
    what = f"the suffix {suffix!r}" if suffix else "no suffix"
    raise InvalidInputError(
        f"cannot write {path}: {what} says no known format", hint=f"writable: {known}"
    )


def keeps_pixels(format: FileFormat) -> bool:
    """Return whether a file gives back exactly the pixels that are written."""
    return format != "JPEG"


def loss_note(format: FileFormat) -> str | None:
    """Return a remark for people on what a lossy file does to untouched pixels, None without."""
    if keeps_pixels(format):
        return None
    return (
        f"{format} as written here is lossy: pixels that were not edited come out nearly, not "
        "exactly, as they were; PNG, TIFF and WebP keep them"
    )


def check_writable(format: FileFormat, *, size: tuple[int, int], transparent: bool) -> None:
    """Raise when a picture cannot be written in a format, so that it is known early.

    Args:
        format: from ``format_of``.
        size: height and width in pixels.
        transparent: whether the picture has alpha, if only opaque.

    Raises:
        InvalidInputError: too large, or transparent in JPEG.
    """
    limits = WRITABLE[format]
    if transparent and not limits.transparency:
        raise InvalidInputError(
            f"{format} has no transparency, and the picture has", hint="write .png, .webp or .tif"
        )
    if max(size) > limits.longest_side:
        raise InvalidInputError(
            f"{format} has at most {limits.longest_side:,} pixels a side, the picture is "
            f"{size_words(size)}",
            hint="write .png or .tif",
        )


def picture_bytes(
    pixels: Pixels,
    format: FileFormat,
    *,
    label: Label | None,
    icc_profile: bytes | None = None,
    metadata: bytes | None = None,
) -> bytes:
    """Return the content of a picture file, its label included.

    PNG, TIFF and WebP decode to exactly ``pixels``; WebP stores grey as three equal
    channels, and alpha that is opaque everywhere not at all. JPEG is written
    in quality 95, without subsampling.

    Args:
        pixels: upright; (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA of uint8; PNG and TIFF also
            take (H, W) of uint16. The other 16-bit pictures have to be reduced to 8 bits before.
        format: from ``format_of``.
        label: how the picture came about; None writes no label, which is for a person to decide.
        icc_profile: the colour profile of ``pixels``, written as it is.
        metadata: from ``source_metadata``; None writes none.

    Raises:
        InvalidInputError: the format cannot hold such a picture, or the profile does not fit.
    """
    _check_pixels(pixels, format)
    transparent = pixels.ndim == 3 and pixels.shape[2] == 4
    check_writable(format, size=(pixels.shape[0], pixels.shape[1]), transparent=transparent)
    options = _ENCODING[format] | _metadata(format, label, metadata)
    if format == "PNG":
        options["compress_level"] = png_level((pixels.shape[0], pixels.shape[1]))
    if icc_profile is not None:
        _check_profile(icc_profile, grey=pixels.ndim == 2)
        options["icc_profile"] = icc_profile
    stream = io.BytesIO()
    try:
        Image.fromarray(pixels).save(stream, format=format, **options)
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"cannot write this picture as {format}: {error}") from error
    content = stream.getvalue()
    assert label is None or label.packet() in content, "the label is missing"
    return content


def save_picture(
    path: str | os.PathLike[str],
    pixels: Pixels,
    *,
    label: Label | None,
    icc_profile: bytes | None = None,
    metadata: bytes | None = None,
    credentials: Credentials | None = None,
    source: bytes | None = None,
    force: bool = False,
) -> Path:
    """Write a picture file whole or not at all, and return its path.

    Args:
        path: its suffix decides on the format; the folder is made when missing.
        pixels: as in ``picture_bytes``, and so are the arguments down to ``metadata``.
        label: how the picture came about; None writes no label.
        icc_profile: of the pixels.
        metadata: from ``source_metadata``.
        credentials: who signs the label; None signs nothing.
        source: content of the file that was edited; a signed edit names it.
        force: replace a file that exists.

    Raises:
        OutputExistsError: the file exists and ``force`` is false.
        InvalidInputError: the picture cannot be written so, or the credentials cannot be used.
        MissingExtraError: credentials are given, and c2pa-python is not installed.
    """
    path = Path(path)
    format = format_of(path)
    refuse_existing([path], force=force)
    content = picture_bytes(pixels, format, label=label, icc_profile=icc_profile, metadata=metadata)
    if credentials is not None:
        if label is None:
            raise InvalidInputError("a signature vouches for a label, and there is to be none")
        content = sign(content, label=label, credentials=credentials, source=source)
    return write_files(path.parent, [(path.name, content)], force=force)[0]


def _metadata(format: FileFormat, label: Label | None, metadata: bytes | None) -> dict[str, Any]:
    """Return the options of ``Image.save`` that write label and metadata, which differ."""
    packet = None if label is None else label.packet()
    if format == "TIFF":
        return {"exif": _tiff_tags(packet, metadata)}
    options: dict[str, Any] = {} if metadata is None else {"exif": metadata}
    if packet is not None and format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
    elif packet is not None:
        options["xmp"] = packet
    return options


def _tiff_tags(packet: bytes | None, metadata: bytes | None) -> Image.Exif:
    tags = Image.Exif()
    if metadata is not None:
        tags.load(metadata)
    if packet is not None:
        tags[_XMP_TAG] = packet
    return tags


# -- checks


def _check_pixels(pixels: Pixels, format: FileFormat) -> None:
    grey = pixels.ndim == 2
    if not grey and (pixels.ndim != 3 or pixels.shape[2] not in (3, 4)):
        raise InvalidInputError(
            f"pixels have shape (H, W), (H, W, 3) or (H, W, 4), not {pixels.shape}"
        )
    if pixels.size == 0:
        raise InvalidInputError(f"a picture has pixels, this one is {pixels.shape}")
    if pixels.dtype == np.uint8:
        return
    if pixels.dtype != np.uint16:
        raise InvalidInputError(
            f"pixels are written as uint8 or uint16, not {pixels.dtype}",
            hint="floats in [0, 1]: textseg.images.to_uint8(values)",
        )
    if not (grey and WRITABLE[format].deep_grey):
        kind = "grey" if grey else "colours"
        raise InvalidInputError(
            f"{format} cannot keep {kind} of 16 bits here; PNG and TIFF keep grey of 16 bits, "
            "everything else has 8",
            hint="reduce to 8 bits: (pixels >> 8).astype(numpy.uint8)",
        )


def _check_profile(profile: bytes, *, grey: bool) -> None:
    wanted = b"GRAY" if grey else b"RGB "
    if profile[16:20] != wanted:  # the data colour space in the header (ICC.1:2022, 7.2)
        raise InvalidInputError(
            f"the colour profile is for {profile[16:20]!r}, the pixels are {wanted!r}",
            hint="leave it out, or promote grey pixels to three channels",
        )
