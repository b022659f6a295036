"""A picture as numbers: what it consists of, which arrays it can come from, PNG files."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.errors import ImageError
from textseg.images.depth import depth_notes

LIMIT_ADVICE = (
    "shrink it, or raise max_pixels (on the command line --max-pixels, for panels and tools "
    "Setup(max_pixels=...))"
)

LARGE = 2**20  # pixels from which on files are made fast rather than small
QUICK, USUAL = 1, 6  # of zlib: a third of the time for a quarter more bytes, and its own default

_ROUNDING = 1e-4  # how far float pixels may lie outside [0, 1] and still be taken as rounding

Array = NDArray[Any]  # pixels of any integer or float type, told apart at run time


def freeze(record: Any) -> None:
    """Make the arrays of a frozen dataclass read-only; for its ``__post_init__``.

    Results and scenes share them, so that a change of one would change what the others say. An
    array that somebody could still write to is copied: it may be a caller's, and stays his.

    Args:
        record: the dataclass; Any, since its fields are found by their values.
    """
    for part in fields(record):
        values = getattr(record, part.name)
        if isinstance(values, np.ndarray):
            object.__setattr__(record, part.name, _frozen(values))


def _frozen(values: Array) -> Array:
    if not values.flags.writeable:
        return values
    kept = values.copy()
    kept.flags.writeable = False
    return kept


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture at its own size, upright; its arrays are read-only.

    Attributes:
        rgb: (H, W, 3) float32 in [0, 1], the stored colours, also where the picture is transparent.
        alpha: (H, W) float32 in [0, 1], 1 = opaque; None when the picture has no transparency.
        mode: the PIL mode it had ("L", "RGB", "CMYK", "I;16" ...); of an array, the one that fits.
            With ";16" behind it, colours of 16 bits ("RGB;16"), for which PIL has none.
        notes: remarks for people about what was done on the way in, e.g. "first of 12 frames".
        icc_profile: the colour profile of ``rgb``, None without one; pixels are not converted.
        format: Pillow's name for that of the file it was decoded from; None without a file.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    mode: str
    notes: tuple[str, ...] = ()
    icc_profile: bytes | None = None
    format: str | None = None

    def __post_init__(self) -> None:
        """Let nobody change the pixels."""
        freeze(self)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @property
    def image(self) -> Image.Image:
        """The picture as a PIL image of 8 bits, RGB or RGBA; a notebook shows it."""
        return Image.fromarray(self.pixels())

    def pixels(self) -> NDArray[np.uint8]:
        """Return the stored colours as (H, W, 3), or (H, W, 4) where it has transparency."""
        rgb = to_uint8(self.rgb)
        if self.alpha is None:
            return rgb
        return np.concatenate([rgb, to_uint8(self.alpha)[..., None]], 2)

    def visible(self) -> NDArray[np.float32]:
        """Return (H, W, 3) float32 as a viewer shows it: over white where it is transparent.

        It is read-only.
        """
        if self.alpha is None:
            return self.rgb
        alpha = self.alpha[..., None]
        return _frozen(self.rgb * alpha + (1 - alpha))

    def _repr_png_(self) -> bytes:
        return png_bytes(self.image)


def to_uint8(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return values in [0, 1], any shape, as 0 ... 255, rounded to the nearest."""
    scaled = values.clip(0, 1)
    scaled *= 255
    return scaled.round(out=scaled).astype(np.uint8)


def to_uint16(values: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """Return values in [0, 1], any shape, as 0 ... 65535, rounded to the nearest."""
    scaled = values.astype(np.float64)
    scaled.clip(0, 1, out=scaled)
    scaled *= 65535
    return scaled.round(out=scaled).astype(np.uint16)


def png_bytes(image: Array | Image.Image) -> bytes:
    """Return the content of a PNG file.

    Args:
        image: a PIL image, or an array: (H, W) of bool, uint8 or uint16 (which gives a 16-bit grey
            file), or (H, W, 3 or 4) of uint8.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(np.where(image, np.uint8(255), 0) if image.dtype == bool else image)
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=png_level(image.size))
    return stream.getvalue()


def png_level(size: tuple[int, int]) -> int:
    """Return how hard zlib is to try at a PNG file of so many pixels; the pixels stay the same."""
    return QUICK if size[0] * size[1] > LARGE else USUAL


def from_array(pixels: Array, max_pixels: int) -> Picture:
    """Return the picture that an array holds; which ones do is said at ``open_picture``.

    Raises:
        ImageError: another shape or type, masked pixels, too large, or values out of range.
    """
    pixels = plain_array(pixels, "the array")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and channels not in (3, 4)):
        raise ImageError(
            f"an array has shape (H, W), (H, W, 3) or (H, W, 4), not {pixels.shape}",
            hint=_shape_advice(pixels.shape),
        )
    check_size((pixels.shape[0], pixels.shape[1]), "the array", max_pixels)
    values = _scaled(pixels)
    deep = pixels.dtype == np.uint16
    if pixels.ndim == 2:
        rgb, alpha, mode = grey(values), None, _GREY_MODES.get(pixels.dtype.name, "L")
    else:
        rgb, alpha = split(values)
        mode = ("RGB" if channels == 3 else "RGBA") + (";16" if deep else "")
    return Picture(rgb, alpha, mode, depth_notes(rgb) if deep else ())


def plain_array(array: Array, name: str) -> Array:
    """Return an array without what a subclass of it would compute otherwise; not copied.

    Raises:
        ImageError: some of it is masked: what stands there is not meant to be seen.
    """
    masked = int(np.sum(array.mask)) if isinstance(array, np.ma.MaskedArray) else 0
    if masked:
        raise ImageError(
            f"{name}: {masked:,} of its {array.size:,} values are masked, and have no value",
            hint="give them one first, e.g. array.filled(0)",
        )
    return np.asarray(array)


def _shape_advice(shape: tuple[int, ...]) -> str:
    if len(shape) == 4 or (len(shape) == 3 and shape[0] == 1):
        return "give one picture: array[0]"
    channels_first = len(shape) == 3 and shape[0] in (3, 4)
    return "channels come last: array.transpose(1, 2, 0)" if channels_first else ""


_GREY_MODES = {"bool": "1", "uint16": "I;16"}


def _scaled(pixels: Array) -> NDArray[np.float32]:
    """Return pixels of a known type as new float32 in [0, 1]."""
    if pixels.dtype == bool:
        return pixels.astype(np.float32)
    if pixels.dtype in (np.uint8, np.uint16):
        return fraction(pixels, np.iinfo(pixels.dtype).max)
    if np.issubdtype(pixels.dtype, np.floating):
        return unit_range(pixels, "the array")
    raise ImageError(
        f"pixels are uint8, uint16, bool or floats in [0, 1], not {pixels.dtype}",
        hint="values from 0 to 255: array.astype(numpy.uint8)",
    )


def unit_range(pixels: Array, name: str) -> NDArray[np.float32]:
    """Return floats as new float32 in [0, 1].

    Raises:
        ImageError: they lie outside by more than rounding explains, or are not finite.
    """
    if not np.isfinite(pixels).all():
        raise ImageError(f"{name}: some pixels are NaN or infinite")
    low, high = float(pixels.min()), float(pixels.max())
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ImageError(
            f"{name}: float pixels must lie in [0, 1], these reach from {low:.4g} to {high:.4g}",
            hint=_range_advice(low, high),
        )
    return np.clip(pixels, 0, 1).astype(np.float32)


def _range_advice(low: float, high: float) -> str:
    if low < -_ROUNDING:
        symmetric = low >= -1 - _ROUNDING and high <= 1 + _ROUNDING
        return "if they are meant to lie in [-1, 1]: (array + 1) / 2" if symmetric else ""
    if high < 2:
        return "cut off what is beyond: array.clip(0, 1)"
    scale = next((top for top in (255, 65535) if high <= top), None)
    return f"divide by {scale}" if scale else ""


def check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Raise ``ImageError`` when a picture of this height and width is empty or too large."""
    height, width = size
    if height == 0 or width == 0:
        raise ImageError(f"{name}: has no pixels ({width} x {height})")
    if height * width > max_pixels:
        raise ImageError(
            f"{name}: {width} x {height} = {height * width:,} pixels, more than the limit of "
            f"{max_pixels:,}",
            hint=LIMIT_ADVICE,
        )


def grey(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (H, W) as three equal channels, (H, W, 3)."""
    return np.repeat(values[..., None], 3, axis=2)


def split(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return colours (H, W, 3) and opacity (H, W) of (H, W, 4); of (H, W, 3) colours and None."""
    rgb = np.ascontiguousarray(values[..., :3])
    return rgb, np.ascontiguousarray(values[..., 3]) if values.shape[2] == 4 else None


def fraction(pixels: Array, top: int) -> NDArray[np.float32]:
    """Return integers as new float32, ``top`` as 1."""
    values = pixels.astype(np.float32)
    values /= np.float32(top)
    return values
