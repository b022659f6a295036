"""What a picture says about itself that may go along into a picture made from it."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from textseg.errors import ImageError
from textseg.images import FORMATS, opened

_EXIF, _GPS = 0x8769, 0x8825  # groups of tags

# Tags that say something about the picture and stay true of the new file. The others describe how
# the old file was laid out, which way up it was, and its previews, which show what it was before.
_KEPT = {
    "ImageDescription": 0x010E,
    "Make": 0x010F,
    "Model": 0x0110,
    "XResolution": 0x011A,
    "YResolution": 0x011B,
    "ResolutionUnit": 0x0128,
    "Software": 0x0131,
    "DateTime": 0x0132,
    "Artist": 0x013B,
    "HostComputer": 0x013C,
    "Rating": 0x4746,
    "RatingPercent": 0x4749,
    "Copyright": 0x8298,
    "XPTitle": 0x9C9B,
    "XPComment": 0x9C9C,
    "XPAuthor": 0x9C9D,
    "XPKeywords": 0x9C9E,
    "XPSubject": 0x9C9F,
}
_DROPPED = {
    "MakerNote": 0x927C,  # in the maker's own format, often with a preview
    "PixelXDimension": 0xA002,
    "PixelYDimension": 0xA003,
    "InteroperabilityIFD": 0xA005,
}


def source_metadata(path: str | os.PathLike[str]) -> bytes | None:
    """Return the metadata of a picture file that can be kept, as EXIF data; None without any.

    That is camera, dates, author, copyright, texts and GPS position. Not among it are orientation,
    because pixels are upright here, previews of the picture as it was, and XMP.

    Raises:
        ImageError: the file cannot be opened, or its EXIF data is damaged.
    """
    formats = [name for name in FORMATS if name != "MPO"]  # the JPEG decoder finds out
    try:
        with Path(path).open("rb") as stream, opened(stream, formats) as image:
            return _kept(image.getexif())
    except Exception as error:  # a decoder meeting a damaged file raises nearly anything
        raise ImageError(
            f"{path}: its metadata cannot be read ({error})", hint="write without it"
        ) from error


def _kept(found: Image.Exif) -> bytes | None:
    kept = Image.Exif()
    for tag in set(_KEPT.values()).intersection(found):
        kept[tag] = found[tag]
    exif = {tag: v for tag, v in found.get_ifd(_EXIF).items() if tag not in _DROPPED.values()}
    gps = dict(found.get_ifd(_GPS))
    for group, tags in ((_EXIF, exif), (_GPS, gps)):
        if tags:
            kept[group] = tags
    return kept.tobytes() if len(kept) else None
