"""More than 8 bits a channel: what a file has, what Pillow would drop of it, and how it is kept.

Of 16-bit colours Pillow unpacks the upper byte of each number. Told that the bytes come in the
other order, it unpacks the lower one: a file that is read twice is read whole.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from textseg.errors import ImageError

HEAD: Final = 1 << 16  # bytes at the beginning of a file in which it says how deep it is
DARK: Final = 1 / 8  # of full scale: what stays below has fewer bits than its numbers
_BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC, _PLANES = 258, 259, 262, 284  # TIFF tags
_NOT_COMPRESSED, _WHITE_IS_ZERO, _SEPARATE = 1, 0, 2  # values of the latter three

_FOREIGN: Final = "B" if sys.byteorder == "little" else "L"
_SWAPPED: Final = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"), ("N", _FOREIGN))
}


def stored_bits(image: Image.Image, head: bytes = b"") -> int:
    """Return how many bits a channel has in the file that an image was opened from.

    Args:
        image: opened, but not decoded yet; of any other, 8 where nothing is known.
        head: the beginning of the file.
    """
    if image.format == "TIFF":
        return int(max(_tags(image).get(_BITS_PER_SAMPLE, (8,))))
    if image.format == "JPEG2000":  # ITU-T T.800, A.5.1: the first component's, less 1
        start = head.find(b"\xff\x4f\xff\x51")
        return (head[start + 42] & 0x7F) + 1 if 0 <= start < len(head) - 42 else 8
    if image.format == "AVIF":  # AV1 in ISOBMFF, 2.3.3: high_bitdepth, twelve_bit
        start = head.find(b"av1C")
        flags = head[start + 6] if 0 <= start < len(head) - 6 else 0
        return 8 + 2 * bool(flags & 0x40) + 2 * bool(flags & 0x20)
    told = _decoder_arguments(next(iter(getattr(image, "tile", ())), None))
    if image.format == "PPM" and isinstance(told[-1], int):
        return told[-1].bit_length()
    return 16 if ";16" in str(told[0]) else 8


def check_layout(image: Image.Image, name: str) -> None:
    """Raise ``ImageError`` for a TIFF file whose numbers Pillow would take apart."""
    apart = _tags(image).get(_PLANES) == _SEPARATE and len(image.getbands()) > 1
    compressed = _tags(image).get(_COMPRESSION, _NOT_COMPRESSED) != _NOT_COMPRESSED
    if apart and stored_bits(image) > 8 and not compressed:
        raise ImageError(
            f"{name}: a TIFF file of {stored_bits(image)} bits that keeps its channels apart, "
            "which cannot be read",
            hint="save it with the channels together, or compressed",
        )


def gives_lower_bytes(image: ImageFile.ImageFile) -> bool:
    """Make an opened image give the lower bytes of its 16-bit colours; false where it cannot."""
    stored = [_decoder_arguments(tile) for tile in image.tile]
    apart = _tags(image).get(_PLANES) == _SEPARATE  # unpacked without asking for the order
    known = {str(told[0]) for told in stored} <= _SWAPPED.keys()
    if apart or not known or "transparency" in image.info:
        return False
    image.tile = [
        tile._replace(args=(_SWAPPED[told[0]], *told[1:]))
        for tile, told in zip(image.tile, stored, strict=True)
    ]
    return bool(stored)


def grey_levels(image: Image.Image) -> tuple[int, int]:
    """Return which numbers of a grey picture of more than 8 bits are black and white."""
    tags = _tags(image)
    top = 4095 if tags.get(_BITS_PER_SAMPLE) == (12,) else 65535
    return (top, 0) if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else (0, top)


def depth_notes(rgb: NDArray[np.float32]) -> tuple[str, ...]:
    """Return a remark on pixels of 16 bits that seem to have fewer, which makes them dark."""
    most = float(rgb.max())
    if not 0 < most < DARK:
        return ()
    bits = round(most * 65535).bit_length()
    return (
        f"its brightest pixel is at {most:.1%} of full scale, so it looks black: if its numbers "
        f"have {bits} bits instead of 16, multiply them by {2 ** (16 - bits)} first",
    )


def _tags(image: Image.Image) -> Mapping[int, Any]:  # Any: TIFF tags have values of many types
    return image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}


def _decoder_arguments(
    tile: ImageFile._Tile | None,
) -> tuple[Any, ...]:  # Any: each decoder has its own
    """Return what the decoder of a part of a file is told, first of all how pixels are stored."""
    told = None if tile is None else tile.args
    return told if isinstance(told, tuple) and told else (told,)
