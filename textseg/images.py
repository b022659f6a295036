"""The border for pictures: path, PIL image or array in; float32 RGB (H, W, 3) in [0, 1] inside.

Only this module knows image files, PIL modes, integer pixels and PIL's (width, height). Everything
that is wrong with a picture is found here, once, before any slow work: ``ImageError``.
"""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from textseg.errors import ImageError
from textseg.files import write_files

if TYPE_CHECKING:
    from torch import Tensor

MAX_PIXELS = 40_000_000

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

_ROUNDING = 1e-4  # how far float pixels may lie outside [0, 1] and still be taken as rounding

# warnings.catch_warnings changes process-wide state, so two pictures are not decoded at once.
_DECODING = threading.Lock()

Array = NDArray[Any]  # pixels of any integer or float type, told apart at run time


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture at its own size, upright.

    Attributes:
        rgb: (H, W, 3) float32 in [0, 1], the stored colours, also where the picture is transparent.
        alpha: (H, W) float32 in [0, 1], 1 = opaque; None when the picture has no transparency.
        mode: the PIL mode it had ("L", "RGB", "CMYK", "I;16" ...); of an array, the one that fits.
        notes: remarks for people about what was done on the way in, e.g. "first of 12 frames".
        icc_profile: the colour profile of ``rgb``, None without one; pixels are not converted.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    mode: str
    notes: tuple[str, ...] = ()
    icc_profile: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    def visible(self) -> NDArray[np.float32]:
        """Return (H, W, 3) float32 as a viewer shows it: over white where it is transparent."""
        if self.alpha is None:
            return self.rgb.copy()
        alpha = self.alpha[..., None]
        return self.rgb * alpha + (1 - alpha)


ImageLike = str | os.PathLike[str] | Image.Image | NDArray[Any] | Picture


def open_picture(source: ImageLike, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Return ``source`` as float32 RGB at its own size, upright; ``source`` itself is not changed.

    Args:
        source: a path, a PIL image, a ``Picture``, or an array: (H, W), (H, W, 3) or (H, W, 4) of
            uint8, uint16, bool, or floats in [0, 1].
        max_pixels: refuse pictures with more pixels (width x height) than this; a ``Picture`` was
            judged when it was made and passes.

    Raises:
        ImageError: missing, not a picture, damaged, empty, too large, or pixel values out of range.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        return _from_pil(source, "the PIL image", max_pixels)
    if isinstance(source, str | os.PathLike):
        return _from_path(source, max_pixels)
    raise ImageError(
        f"a picture is a path, a PIL image or a numpy array, not {type(source).__name__}",
        hint="for a tensor (3, H, W): tensor.permute(1, 2, 0).numpy()",
    )


def to_tensor(rgb: NDArray[np.float32]) -> Tensor:
    """Return (H, W, 3) as a new float32 tensor (1, 3, H, W)."""
    import torch

    return torch.tensor(rgb, dtype=torch.float32).permute(2, 0, 1)[None].contiguous()


def to_rgb(tensor: Tensor) -> NDArray[np.float32]:
    """Return (1, 3, H, W) or (3, H, W) as (H, W, 3) float32, clipped to [0, 1], on the CPU."""
    image = tensor.detach().reshape(tensor.shape[-3:]).permute(1, 2, 0).float().cpu().numpy()
    return np.asarray(image, np.float32).clip(0, 1)


def to_uint8(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return values in [0, 1], any shape, as 0 ... 255, rounded to the nearest."""
    return (values.clip(0, 1) * 255).round().astype(np.uint8)


def to_uint16(values: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """Return values in [0, 1], any shape, as 0 ... 65535, rounded to the nearest."""
    return (values.astype(np.float64).clip(0, 1) * 65535).round().astype(np.uint16)


@dataclass(frozen=True)
class Padding:
    """What was added below and to the right of an image.

    Attributes:
        size: (H, W) before.
        padded: (H, W) after.
    """

    size: tuple[int, int]
    padded: tuple[int, int]

    def crop(self, tensor: Tensor) -> Tensor:
        """Return (..., h, w) without the padding.

        The tensor may be at the padded size or at a latent size, which is that size divided by a
        stride; of a latent tensor every cell is kept that covers a pixel of the image, if in part.

        Raises:
            ValueError: the last two sides are not the padded size divided by one whole number.
        """
        height, width = tensor.shape[-2:]
        stride = self.padded[0] // max(height, 1)
        if (height * stride, width * stride) != self.padded:
            raise ValueError(f"cannot crop {height} x {width}: the padded image is {self.padded}")
        rows, cols = (-(-side // stride) for side in self.size)
        return tensor[..., :rows, :cols]


def pad_to_multiple(image: Tensor, multiple: int) -> tuple[Tensor, Padding]:
    """Return (..., H, W) mirrored below and to the right up to a multiple of ``multiple``, and how.

    Any size works: a side shorter than its padding is mirrored repeatedly, a single row repeated.
    """
    height, width = image.shape[-2:]
    padded = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
    rows, cols = _mirrored(height, padded[0]), _mirrored(width, padded[1])
    return image[..., rows, :][..., cols], Padding(size=(height, width), padded=padded)


def png_bytes(image: Array | Image.Image) -> bytes:
    """Return the content of a PNG file.

    Args:
        image: a PIL image, or an array: (H, W) of bool, uint8 or uint16 (which gives a 16-bit grey
            file), or (H, W, 3 or 4) of uint8.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(np.where(image, np.uint8(255), 0) if image.dtype == bool else image)
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def write_png_atomic(path: Path, image: Array | Image.Image, *, force: bool = False) -> None:
    """Write a PNG file whole or not at all; ``image`` as in ``png_bytes``.

    Raises:
        OutputExistsError: the file exists and ``force`` is false.
    """
    path = Path(path)
    write_files(path.parent, [(path.name, png_bytes(image))], force=force)


# -- paths


def _from_path(source: str | os.PathLike[str], max_pixels: int) -> Picture:
    path = Path(source)
    _check_file(path)
    notes: list[str] = []
    with ExitStack() as stack:
        with _readable(str(path), notes):
            # A stream, because a TIFF file that Pillow maps into memory loses its orientation.
            stream = stack.enter_context(path.open("rb"))
            image = Image.open(stream, formats=[name for name in FORMATS if name != "MPO"])
        notes += _suffix_notes(path, str(image.format))
        picture = _from_pil(image, str(path), max_pixels)
    return replace(picture, notes=(*notes, *picture.notes))


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        hint = "download it first" if str(path).startswith(("http:/", "https:/")) else ""
        raise ImageError(f"{path}: no such file", hint=hint) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImageError(f"{str(path)!r}: cannot be opened ({_reason(error)})") from None
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{path}: is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{path}: is not a regular file")
    if status.st_size == 0:
        raise ImageError(f"{path}: the file is empty")


def _suffix_notes(path: Path, found: str) -> list[str]:
    if not path.suffix or path.suffix.lower() in FORMATS[found]:
        return []
    return [f"{path.name} holds {found} data in spite of its suffix"]


# -- PIL images


def _from_pil(image: Image.Image, name: str, max_pixels: int) -> Picture:
    _check_size((image.height, image.width), name, max_pixels)
    notes: list[str] = []
    with _readable(name, notes):
        notes += _frame_notes(image)
        mode = image.mode
        upright = ImageOps.exif_transpose(image)
        rgb, alpha = _planes(upright, name)
    return Picture(rgb, alpha, mode, tuple(notes), _profile(image))


def _frame_notes(image: Image.Image) -> list[str]:
    frames = getattr(image, "n_frames", 1)
    if frames <= 1:
        return []
    current = image.tell()
    which = "the first" if current == 0 else f"number {current + 1}"
    return [f"{which} of {frames} frames is used"]


def _planes(
    image: Image.Image, name: str
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    if image.mode.startswith("I"):
        return _grey(_sixteen_bit(np.asarray(image), name)), None
    if image.mode == "F":
        return _grey(_unit_range(np.asarray(image), name)), None
    if image.mode not in _COLOUR_MODES:
        raise ImageError(
            f"{name}: colour mode {image.mode} is not supported", hint="convert it to RGB"
        )
    if not image.has_transparency_data:
        return _fraction(np.asarray(image.convert("RGB")), 255), None
    pixels = _fraction(np.asarray(image.convert("RGBA")), 255)
    return np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])


def _sixteen_bit(pixels: Array, name: str) -> NDArray[np.float32]:
    # 16-bit files come as "I;16" or, from some decoders, as 32-bit "I"
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > 65535:
        raise ImageError(
            f"{name}: integer pixels from {low} to {high} have no known scale",
            hint="pass an array of floats in [0, 1]",
        )
    return _fraction(pixels, 65535)


def _profile(image: Image.Image) -> bytes | None:
    # A profile belongs to the stored colours: a CMYK or grey one says nothing about our RGB.
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None


@contextmanager
def _readable(name: str, notes: list[str]) -> Iterator[None]:
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
                hint=f"readable formats: {', '.join(FORMATS)}",
            ) from None
        except Image.DecompressionBombError:
            raise ImageError(
                f"{name}: taken for a decompression bomb: more pixels than Pillow agrees to decode",
                hint="shrink it; or raise PIL.Image.MAX_IMAGE_PIXELS if you trust the file",
            ) from None
        except PermissionError as error:
            raise ImageError(f"{name}: cannot be opened ({_reason(error)})") from None
        except Exception as error:  # a decoder meeting a damaged file raises nearly anything
            raise ImageError(f"{name}: damaged or cut short ({_reason(error)})") from error
    # Size is judged by max_pixels, so Pillow's own remark on it says nothing new.
    about_size = Image.DecompressionBombWarning
    notes += [str(w.message) for w in caught if not issubclass(w.category, about_size)]


# -- arrays


def _from_array(pixels: Array, max_pixels: int) -> Picture:
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and channels not in (3, 4)):
        raise ImageError(
            f"an array has shape (H, W), (H, W, 3) or (H, W, 4), not {pixels.shape}",
            hint="channels come last: array.transpose(1, 2, 0)" if pixels.ndim == 3 else "",
        )
    _check_size((pixels.shape[0], pixels.shape[1]), "the array", max_pixels)
    values = _scaled(pixels)
    if pixels.ndim == 2:
        return Picture(_grey(values), None, _ARRAY_MODES.get(pixels.dtype.name, "L"))
    rgb = np.ascontiguousarray(values[..., :3])
    if channels == 3:
        return Picture(rgb, None, "RGB")
    return Picture(rgb, np.ascontiguousarray(values[..., 3]), "RGBA")


_ARRAY_MODES = {"bool": "1", "uint16": "I;16"}


def _scaled(pixels: Array) -> NDArray[np.float32]:
    """Return pixels of a known type as new float32 in [0, 1]."""
    if pixels.dtype == bool:
        return pixels.astype(np.float32)
    if pixels.dtype in (np.uint8, np.uint16):
        return _fraction(pixels, np.iinfo(pixels.dtype).max)
    if np.issubdtype(pixels.dtype, np.floating):
        return _unit_range(pixels, "the array")
    raise ImageError(
        f"pixels are uint8, uint16, bool or floats in [0, 1], not {pixels.dtype}",
        hint="values from 0 to 255: array.astype(numpy.uint8)",
    )


def _unit_range(pixels: Array, name: str) -> NDArray[np.float32]:
    if not np.isfinite(pixels).all():
        raise ImageError(f"{name}: some pixels are NaN or infinite")
    low, high = float(pixels.min()), float(pixels.max())
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        scale = high if high <= 1 else next((top for top in (255, 65535) if high <= top), None)
        raise ImageError(
            f"{name}: float pixels must lie in [0, 1], these reach from {low:.4g} to {high:.4g}",
            hint=f"divide by {scale}" if low >= 0 and scale else "",
        )
    return np.clip(pixels, 0, 1).astype(np.float32)


# -- shared


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    height, width = size
    if height == 0 or width == 0:
        raise ImageError(f"{name}: has no pixels ({width} x {height})")
    if height * width > max_pixels:
        raise ImageError(
            f"{name}: {width} x {height} = {height * width:,} pixels, more than the limit of "
            f"{max_pixels:,}",
            hint="shrink it, or raise max_pixels",
        )


def _grey(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(values[..., None], 3, axis=2)


def _fraction(pixels: Array, top: int) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(top)


def _mirrored(length: int, padded: int) -> list[int]:
    period = max(2 * (length - 1), 1)
    return [min(i % period, period - i % period) if length > 1 else 0 for i in range(padded)]


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]
