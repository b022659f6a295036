"""The border for pictures: path, PIL image or array in; float32 RGB (H, W, 3) in [0, 1] inside.

Only this package knows image files, PIL modes, integer pixels and PIL's (width, height). Everything
that is wrong with a picture is found here, once, before any slow work: ``ImageError``.
"""

from __future__ import annotations

from textseg.checking import MAX_PIXELS
from textseg.images.decoding import (
    FORMATS,
    ImageLike,
    check_file,
    decode_picture,
    file_content,
    open_picture,
)
from textseg.images.opening import opened
from textseg.images.pixels import (
    LARGE,
    QUICK,
    USUAL,
    Picture,
    freeze,
    plain_array,
    png_bytes,
    png_level,
    to_uint8,
    to_uint16,
    unit_range,
)
from textseg.images.tensors import (
    Padding,
    new_tensor,
    pad_to_multiple,
    size_words,
    to_rgb,
    to_tensor,
)

__all__ = [
    "FORMATS",
    "LARGE",
    "MAX_PIXELS",
    "QUICK",
    "USUAL",
    "ImageLike",
    "Padding",
    "Picture",
    "check_file",
    "decode_picture",
    "file_content",
    "freeze",
    "new_tensor",
    "open_picture",
    "opened",
    "pad_to_multiple",
    "plain_array",
    "png_bytes",
    "png_level",
    "size_words",
    "to_rgb",
    "to_tensor",
    "to_uint8",
    "to_uint16",
    "unit_range",
]
