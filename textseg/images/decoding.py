"""Picture files and PIL images, decoded within limits."""

from __future__ import annotations

import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from textseg.checking import MAX_PIXELS
from textseg.errors import ImageError, printable
from textseg.images.depth import (
    HEAD,
    check_layout,
    depth_notes,
    gives_lower_bytes,
    grey_levels,
    stored_bits,
)
from textseg.images.opening import opened
from textseg.images.pixels import (
    Array,
    Picture,
    check_size,
    fraction,
    from_array,
    grey,
    split,
    unit_range,
)

# What may be decoded, with the suffixes such files usually have. A decoder that is not listed is
# never tried: Pillow has some that run other programs (EPS) or are little tested.
FORMATS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),  # several JPEGs in one; the JPEG decoder finds out
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".jpc", ".j2c"),
}

# Modes that Pillow converts to RGB faithfully; 16-bit and float ones are scaled here.
_COLOUR_MODES = frozenset(
    ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
)

# warnings.catch_warnings changes process-wide state, so two pictures are not decoded at once.
_DECODING = threading.Lock()

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LONGEST = 300  # characters of a path that an error repeats

ImageLike = (
    str | os.PathLike[str] | bytes | bytearray | BinaryIO | Image.Image | NDArray[Any] | Picture
)


def open_picture(source: ImageLike, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Return ``source`` as float32 RGB at its own size, upright; ``source`` itself is not changed.

    Args:
        source: a path, the content of a file, an open binary file (which is read from its start),
            a PIL image, a ``Picture``, or an array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of
            uint8, uint16, bool, or floats in [0, 1].
        max_pixels: refuse pictures with more pixels (width x height) than this; a ``Picture`` was
            judged when it was made and passes.

    Raises:
        ImageError: missing, not a picture, damaged, empty, too large, or pixel values out of range.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        return _from_pil(source, "the PIL image", max_pixels)
    if isinstance(source, str | os.PathLike):
        return _from_path(source, max_pixels)
    content = file_content(source)
    if content is not None:
        return decode_picture(io.BytesIO(content), name="the picture", max_pixels=max_pixels)
    raise ImageError(
        f"a picture is a path, an open file, a PIL image or a numpy array, not "
        f"{type(source).__name__}",
        hint="for a tensor (3, H, W): tensor.permute(1, 2, 0).numpy()",
    )


def file_content(source: object) -> bytes | None:
    """Return what is in a file that is open, or in memory already; None for any other source.

    Raises:
        ImageError: there is nothing in it, or it is open as text.
    """
    read = getattr(source, "read", None)
    if callable(read):
        if getattr(source, "seekable", bool)():
            source.seek(0)  # type: ignore[attr-defined]  # who says so has it
        content = read()
    else:
        content = source
    if not isinstance(content, bytes | bytearray):
        if content is source:
            return None
        raise ImageError("the picture is open as text", hint='open the file with mode "rb"')
    if not content:
        raise ImageError("the picture: the file is empty")
    return bytes(content)


def decode_picture(
    stream: BinaryIO,
    *,
    name: str,
    formats: Sequence[str] = tuple(FORMATS),
    max_pixels: int = MAX_PIXELS,
) -> Picture:
    """Return the picture in an open file or in ``io.BytesIO(content)``, of several the first.

    Args:
        stream: binary, seekable, at its beginning; it is left open.
        name: what errors call it.
        formats: names from ``FORMATS``; the decoders of others are not tried. JPEG takes MPO along.
        max_pixels: refuse pictures with more pixels than this, before they are decoded.

    Raises:
        ImageError: not a picture of these formats, damaged, empty or too large.
    """
    notes: list[str] = []
    with _readable(name, notes, formats):
        image = _undecoded(stream, formats, name, max_pixels)
        stream.seek(0)
        bits = stored_bits(image, stream.read(HEAD))
        lower = _undecoded(stream, formats, name, max_pixels) if bits == 16 else None
    picture = _from_pil(image, name, max_pixels, bits=bits, lower=lower)
    return replace(picture, notes=(*notes, *picture.notes), format=image.format)


def _undecoded(
    stream: BinaryIO, formats: Sequence[str], name: str, max_pixels: int
) -> ImageFile.ImageFile:
    # A stream, because a TIFF file that Pillow maps into memory loses its orientation.
    image = opened(stream, [known for known in formats if known != "MPO"])
    check_size((image.height, image.width), name, max_pixels)
    if image.format == "TIFF":
        # Where it takes the memory itself, Pillow judges the size once more.
        image.im = Image.new(image.mode, getattr(image, "_tile_size", image.size), None).im
    return image


# -- paths


def _from_path(source: str | os.PathLike[str], max_pixels: int) -> Picture:
    path = check_file(source)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ImageError(f"{path}: cannot be opened ({_reason(error)})") from None
    with stream:
        picture = decode_picture(stream, name=str(path), max_pixels=max_pixels)
    return replace(picture, notes=(*_suffix_notes(path, picture), *picture.notes))


def check_file(source: str | os.PathLike[str]) -> Path:
    """Return the path of a regular file which is not empty; it is not opened.

    Raises:
        ImageError: there is no such file.
    """
    name, path = os.fspath(source), Path(source)
    if not name:
        raise ImageError("the path of the picture is empty", hint="name a file")
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError(f"{_shown(name)}: no such file", hint=_advice(name)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = f"cannot be opened ({_reason(error)})"
        raise ImageError(f"{_shown(name)!r}: {reason}", hint=_advice(name)) from None
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{path}: is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{path}: is not a regular file")
    if status.st_size == 0:
        raise ImageError(f"{path}: the file is empty")
    return path


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:40]}... ({len(name):,} characters)"


def _advice(name: str) -> str:
    """Return what to do about a text that was taken for a path and leads to nothing."""
    if _ADDRESS.match(name):
        return "give the path of a file here: nothing is fetched, so download it first"
    if len(name) > _LONGEST or name.startswith("data:"):
        return "if it is a picture in base64, pass base64.b64decode(text)"
    return ""


def _suffix_notes(path: Path, picture: Picture) -> list[str]:
    found = str(picture.format)
    if not path.suffix or path.suffix.lower() in FORMATS[found]:
        return []
    return [f"{printable(path.name)} holds {found} data in spite of its suffix"]


# -- PIL images


def _from_pil(
    image: Image.Image,
    name: str,
    max_pixels: int,
    *,
    bits: int = 0,
    lower: ImageFile.ImageFile | None = None,
) -> Picture:
    """Return the picture of an image.

    Args:
        image: decoded or not.
        name: what errors call it.
        max_pixels: refuse more.
        bits: of a channel in its file; 0 asks the image.
        lower: the same image, not decoded yet, to be asked for the lower 8 of 16 bits.
    """
    check_size((image.height, image.width), name, max_pixels)
    notes: list[str] = []
    with _readable(name, notes):
        check_layout(image, name)
        notes += _frame_notes(image)
        mode, bits = image.mode, bits or stored_bits(image)
        if mode not in ("RGB", "RGBA") or lower is None or not gives_lower_bytes(lower):
            lower = None
        if bits > 8 and mode in _COLOUR_MODES and lower is None:
            notes.append(f"of its {bits} bits a channel, 8 are read")
        upright = ImageOps.exif_transpose(image)
        low = None if lower is None else np.asarray(ImageOps.exif_transpose(lower))
        rgb, alpha = _planes(upright, name, levels=grey_levels(image), low=low)
    if lower is not None or mode.startswith("I"):
        notes += depth_notes(rgb)
    deep = "" if lower is None else ";16"
    rgb.setflags(write=False)  # nobody else has it, so that it need not be copied to be kept
    return Picture(rgb, alpha, mode + deep, tuple(notes), _profile(image))


def _frame_notes(image: Image.Image) -> list[str]:
    frames = getattr(image, "n_frames", 1)
    if frames <= 1:
        return []
    current = image.tell()
    which = "the first" if current == 0 else f"number {current + 1}"
    return [f"{which} of {frames} frames is used"]


def _planes(
    image: Image.Image, name: str, *, levels: tuple[int, int], low: Array | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    if image.mode.startswith("I"):
        return grey(_sixteen_bit(np.asarray(image), name, *levels)), None
    if image.mode == "F":
        return grey(unit_range(np.asarray(image), name)), None
    if image.mode not in _COLOUR_MODES:
        raise ImageError(
            f"{name}: colour mode {image.mode} is not supported", hint="convert it to RGB"
        )
    pixels = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    if low is None:
        return split(fraction(pixels, 255))
    return split(fraction(pixels.astype(np.uint16) << 8 | low, 65535))


def _sixteen_bit(pixels: Array, name: str, black: int, white: int) -> NDArray[np.float32]:
    # 16-bit files come as "I;16" or, from some decoders, as 32-bit "I"
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > max(black, white):
        raise ImageError(
            f"{name}: integer pixels from {low} to {high} have no known scale",
            hint="pass an array of floats in [0, 1]",
        )
    values = fraction(pixels, max(black, white))
    return 1 - values if black > white else values


def _profile(image: Image.Image) -> bytes | None:
    # A profile belongs to the stored colours: a CMYK or grey one says nothing about our RGB.
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None


@contextmanager
def _readable(
    name: str, notes: list[str], formats: Sequence[str] = tuple(FORMATS)
) -> Iterator[None]:
    """Turn what decoders raise into ``ImageError`` and what they warn about into notes."""
    with _DECODING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except (ImageError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise ImageError(
                f"{name}: not a picture that can be read",
                hint=f"readable formats: {', '.join(formats)}",
            ) from None
        except Image.DecompressionBombError:
            raise ImageError(
                f"{name}: more pixels than Pillow decodes of such a file",
                hint="shrink it, or save it as PNG, JPEG or TIFF",
            ) from None
        except Exception as error:  # a decoder meeting a damaged file raises nearly anything
            raise ImageError(f"{name}: damaged or cut short ({_reason(error)})") from error
    # Size is judged by max_pixels, so Pillow's own remark on it says nothing new.
    about_size = Image.DecompressionBombWarning
    notes += [str(w.message) for w in caught if not issubclass(w.category, about_size)]


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]
