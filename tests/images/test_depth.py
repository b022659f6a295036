"""More than 8 bits a channel: kept, or said."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from textseg.errors import ImageError
from textseg.images import decode_picture, open_picture
from textseg.images.depth import stored_bits

COLOURS = np.random.default_rng(0).integers(0, 65536, (5, 8, 4)).astype(np.uint16)
CHANNELS = {3: 2, 4: 6, 2: 4}  # how a PNG header calls them


def png(pixels: np.ndarray, *, extra: bytes = b"") -> bytes:
    """Return a PNG file of 16 bits a channel, which Pillow cannot write."""
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, CHANNELS[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    extra = ["unassalpha"] if pixels.shape[-1] == 4 else None
    tifffile.imwrite(stream, pixels, photometric="rgb", extrasamples=extra, **options)
    return stream.getvalue()


FILES = {
    "png": png,
    "tiff": tiff,
    "tiff of Motorola": lambda pixels: tiff(pixels, byteorder=">"),
    "tiff deflated": lambda pixels: tiff(pixels, compression="zlib", predictor=True),
    "tiff in tiles": lambda pixels: tiff(pixels, tile=(16, 16)),
}


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", FILES)
def test_all_bits_of_deep_colours_come_in(tmp_path: Path, kind: str, channels: int) -> None:
    pixels = COLOURS[..., :channels]
    (tmp_path / "deep").write_bytes(FILES[kind](pixels))
    picture = open_picture(tmp_path / "deep")
    np.testing.assert_allclose(picture.rgb * 65535, pixels[..., :3], atol=0.01)
    assert (picture.mode, picture.notes) == ("RGB;16" if channels == 3 else "RGBA;16", ())
    if channels == 4:
        assert picture.alpha is not None
        np.testing.assert_allclose(picture.alpha * 65535, pixels[..., 3], atol=0.01)


def test_all_bits_of_the_first_page_come_in() -> None:
    stream = io.BytesIO()
    pages = COLOURS[None, ..., :3].repeat(2, 0)
    tifffile.imwrite(stream, pages, photometric="rgb", compression="zlib")
    picture = open_picture(stream)
    np.testing.assert_allclose(picture.rgb * 65535, pages[0], atol=0.01)
    assert picture.notes == ("the first of 2 frames is used",)


def test_deep_colours_are_turned_upright() -> None:
    turned = np.rot90(COLOURS[..., :3], 1)
    content = tiff(turned, extratags=[(274, "H", 1, 6, True)])
    picture = open_picture(content)
    np.testing.assert_allclose(picture.rgb * 65535, COLOURS[..., :3], atol=0.01)


@pytest.mark.parametrize(
    ("content", "bits"),
    [
        (png(COLOURS[..., :2]), 16),  # grey and opacity
        (png(COLOURS[..., :3], extra=chunk(b"tRNS", bytes(6))), 16),
        (b"P6 8 5 65535\n" + COLOURS[..., :3].astype(">u2").tobytes(), 16),
        (b"P6 8 5 1023\n" + (COLOURS[..., :3] >> 6).astype(">u2").tobytes(), 10),
    ],
    ids=["grey and alpha", "transparent colour", "ppm", "ppm of 10 bits"],
)
def test_bits_that_are_lost_are_said(content: bytes, bits: int) -> None:
    assert open_picture(content).notes == (f"of its {bits} bits a channel, 8 are read",)


def test_deep_picture_that_a_caller_opened_is_noticed_too() -> None:
    with Image.open(io.BytesIO(png(COLOURS[..., :3]))) as image:
        assert open_picture(image).notes == ("of its 16 bits a channel, 8 are read",)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF", "JPEG2000"])
def test_ordinary_files_have_no_such_remark(format: str) -> None:
    stream = io.BytesIO()
    Image.fromarray((COLOURS[..., :3] >> 8).astype(np.uint8)).save(stream, format=format)
    picture = decode_picture(stream, name="it")
    assert picture.notes == ()
    assert not picture.mode.endswith(";16")


@pytest.mark.parametrize(
    ("format", "mark", "at", "value", "bits"),
    [
        ("JPEG2000", b"\xff\x4f\xff\x51", 42, 11, 12),
        ("AVIF", b"av1C", 6, 0x40, 10),
        ("AVIF", b"av1C", 6, 0x60, 12),
    ],
)
def test_depth_stands_in_the_head_of_a_file(
    format: str, mark: bytes, at: int, value: int, bits: int
) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (80, 60)).save(stream, format=format)
    head = bytearray(stream.getvalue())
    image = Image.open(stream)
    assert stored_bits(image, bytes(head)) == 8
    head[head.find(mark) + at] = value
    assert stored_bits(image, bytes(head)) == bits
    assert stored_bits(image, bytes(head[:20])) == 8


# -- grey of fewer bits than its numbers


@pytest.mark.parametrize(
    ("top", "said"), [(4095, "12 bits .* by 16 "), (1023, "10 bits .* by 64 ")]
)
def test_grey_that_looks_black_is_told_how_to_be_scaled(
    tmp_path: Path, top: int, said: str
) -> None:
    dark = np.linspace(0, top, 40).astype(np.uint16).reshape(5, 8)
    Image.fromarray(dark).save(tmp_path / "dark.png")
    for source in (tmp_path / "dark.png", dark, dark[..., None].repeat(3, 2)):
        (note,) = open_picture(source).notes
        assert f"{top / 65535:.1%} of full scale" in note
        assert re.search(said, note)
        assert open_picture(source).rgb.max() == pytest.approx(top / 65535)


def test_black_and_bright_grey_have_no_such_remark() -> None:
    assert open_picture(np.zeros((5, 8), np.uint16)).notes == ()
    assert open_picture(np.full((5, 8), 16383, np.uint16)).notes == ()
    assert open_picture(np.full((5, 8), 9, np.uint8)).notes == ()


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_deep_grey_in_which_zero_is_white_is_turned_round(compression: str | None) -> None:
    stream = io.BytesIO()
    grey = np.linspace(0, 65535, 40).astype(np.uint16).reshape(5, 8)
    tifffile.imwrite(stream, grey, photometric="miniswhite", compression=compression)
    np.testing.assert_allclose(open_picture(stream).rgb[..., 0], 1 - grey / 65535, atol=1e-6)


def test_twelve_bits_that_are_packed_have_their_own_full_scale() -> None:
    values = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in [*values, (279, 3)])
    start = 8 + 2 + len(entries) + 4
    pixels_at = struct.pack("<HHI", 273, 4, 1)
    entries = entries.replace(
        pixels_at + struct.pack("<I", 8), pixels_at + struct.pack("<I", start)
    )
    content = b"II*\0" + struct.pack("<IH", 8, 9) + entries + bytes(4) + b"\xff\xf8\x00"
    picture = open_picture(content)
    np.testing.assert_allclose(picture.rgb[0, :, 0], (1, 2048 / 4095), atol=1e-6)


def test_deep_tiff_with_its_channels_apart_is_refused_and_not_misread() -> None:
    stream, apart = io.BytesIO(), np.moveaxis(COLOURS[..., :3], 2, 0)
    tifffile.imwrite(stream, apart, photometric="rgb", planarconfig="separate")
    with Image.open(stream) as image:
        for source in (stream, image):
            with pytest.raises(ImageError, match="keeps its channels apart"):
                open_picture(source)
    packed = io.BytesIO()
    tifffile.imwrite(packed, apart, photometric="rgb", planarconfig="separate", compression="zlib")
    picture = open_picture(packed)
    np.testing.assert_allclose(picture.rgb * 255, COLOURS[..., :3] >> 8, atol=1e-4)
    assert picture.notes == ("of its 16 bits a channel, 8 are read",)
