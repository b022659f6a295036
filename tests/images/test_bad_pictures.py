"""What does not come in, and what is said about it."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from textseg.errors import ImageError
from textseg.images import open_picture


def png(width: int = 40, height: int = 30) -> bytes:
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """Return a tiny file whose header promises a picture of any size."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def tiff_claiming(width: int, height: int) -> bytes:
    """Return a tiny file whose header promises an uncompressed grey picture of any size."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def message(source: object, **settings: int) -> str:
    with pytest.raises(ImageError) as caught:
        open_picture(source, **settings)  # type: ignore[arg-type]  # wrong on purpose
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.png"
    assert message(path) == f"{path}: no such file"


def test_file_below_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "no such file" in message(tmp_path / "file" / "picture.png")


def test_address_in_the_web_is_not_fetched() -> None:
    said = message("https://example.org/picture.png")
    assert said.startswith("https://example.org/picture.png: no such file")
    assert "download it first" in said


def test_empty_path_is_said_to_be_empty() -> None:
    assert message("") == "the path of the picture is empty; name a file"


@pytest.mark.parametrize("text", ["QUJD" * 2000, "data:image/png;base64," + "QUJD" * 2000])
def test_text_in_base64_is_not_repeated_and_told_how_to_be_read(text: str) -> None:
    said = message(text)
    assert "base64.b64decode(text)" in said
    assert len(said) < 250


def test_folder_is_refused(tmp_path: Path) -> None:
    assert message(tmp_path) == f"{tmp_path}: is a folder, not a picture"


def test_name_with_a_nul_is_refused() -> None:
    assert "cannot be opened" in message("pic\0ture.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a regular file" in message(tmp_path / "pipe.png")


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    assert message(tmp_path / "empty.png").endswith("the file is empty")


def test_text_named_png_is_refused_with_the_readable_formats(tmp_path: Path) -> None:
    (tmp_path / "letter.png").write_text("Dear reader, this is a letter.")
    said = message(tmp_path / "letter.png")
    assert "not a picture" in said
    assert "PNG, JPEG" in said


def test_format_outside_the_list_is_never_decoded(tmp_path: Path) -> None:
    path = tmp_path / "drawing.eps"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    assert "not a picture" in message(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tiff", "bmp", "avif"])
def test_truncated_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    pixels = np.random.default_rng(3).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = message(path)
    assert "damaged or cut short" in said or "not a picture" in said


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bomb.{suffix}"
    content = png_claiming(100_000, 100_000) if suffix == "png" else tiff_claiming(60_000, 65_000)
    path.write_bytes(content)
    assert "pixels, more than the limit of 40,000,000" in message(path)


def test_limit_of_the_caller_is_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for suffix in ("png", "jpg", "tiff", "bmp", "gif", "avif", "jp2", "ppm"):
        path = tmp_path / f"large.{suffix}"
        Image.new("RGB", (40, 30)).save(path)
        assert open_picture(path, max_pixels=1200).size == (30, 40)
        assert "1,199" in message(path, max_pixels=1199)
    Image.new("RGB", (40, 30)).save(tmp_path / "packed.tiff", compression="tiff_deflate")
    assert open_picture(tmp_path / "packed.tiff").size == (30, 40)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_format_that_pillow_itself_limits_says_which_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.new("RGB", (40, 30)).save(tmp_path / "large.webp")
    assert "save it as PNG, JPEG or TIFF" in message(tmp_path / "large.webp")


def test_huge_picture_is_refused_with_the_limit_and_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png_claiming(10_000, 9_000))  # above the size at which Pillow warns
    said = message(path)
    assert "10000 x 9000 = 90,000,000 pixels" in said
    assert "40,000,000" in said
    assert "max_pixels" in said


def test_limit_can_be_changed_and_holds_for_every_kind_of_source(tmp_path: Path) -> None:
    (tmp_path / "small.png").write_bytes(png(8, 5))
    picture = open_picture(tmp_path / "small.png", max_pixels=40)
    assert picture.size == (5, 8)
    sources = [
        tmp_path / "small.png",
        np.zeros((5, 8)),
        Image.new("L", (8, 5)),
    ]
    for source in sources:
        assert "8 x 5 = 40 pixels, more than the limit of 39" in message(source, max_pixels=39)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0, 3), (0, 0, 4)])
def test_array_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    assert "has no pixels" in message(np.zeros(shape, np.uint8))


def test_image_without_pixels_is_refused() -> None:
    assert "has no pixels (0 x 4)" in message(Image.new("RGB", (0, 4)))


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5, 2), (2, 4, 5, 3), (7,), ()])
def test_wrong_shape_is_refused_with_what_came(shape: tuple[int, ...]) -> None:
    assert f"not {shape}" in message(np.zeros(shape, np.uint8))


def test_channels_first_and_batches_are_recognised_in_the_advice() -> None:
    assert "transpose(1, 2, 0)" in message(np.zeros((3, 4, 5), np.uint8))
    assert "array[0]" in message(np.zeros((1, 4, 5), np.uint8))
    assert "array[0]" in message(np.zeros((2, 4, 5, 3), np.uint8))
    assert ";" not in message(np.zeros((7, 5, 2), np.uint8))


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.full((2, 3), 200.0), "divide by 255"),
        (np.full((2, 3), 20000.0), "divide by 65535"),
        (np.full((2, 3), -0.5), "from -0.5 to -0.5; if they are meant to lie in [-1, 1]: (array"),
        (np.full((2, 3), -1.5), "from -1.5 to -1.5"),
        (np.full((2, 3), 1.01), "array.clip(0, 1)"),
        (np.full((2, 3), np.nan), "NaN"),
        (np.full((2, 3), np.inf), "infinite"),
        (np.zeros((2, 3), np.int64), "not int64"),
        (np.zeros((2, 3), complex), "not complex128"),
        (np.full((2, 3), None), "not object"),
    ],
)
def test_unusable_pixel_values_are_refused(pixels: np.ndarray, said: str) -> None:
    assert said in message(pixels)


def test_integer_image_without_a_known_scale_is_refused() -> None:
    image = Image.fromarray(np.array([[0, 70_000]], np.int32))
    assert "from 0 to 70000" in message(image)


def test_colour_space_that_cannot_be_converted_is_named() -> None:
    assert "colour mode LAB" in message(Image.new("LAB", (3, 2)))


@pytest.mark.parametrize("source", [None, 7, torch.zeros(3, 4, 5)])
def test_other_kinds_of_objects_are_refused_by_name(source: object) -> None:
    assert f"not {type(source).__name__}" in message(source)


def test_bytes_that_are_a_name_and_files_of_text_are_no_pictures(tmp_path: Path) -> None:
    assert "not a picture that can be read" in message(b"picture.png")
    assert "the file is empty" in message(io.BytesIO())
    assert 'mode "rb"' in message(io.StringIO("text"))


def test_masked_pixels_have_no_value_and_are_refused_with_the_way_out() -> None:
    pixels = np.ma.masked_array(np.zeros((4, 5, 3), np.uint8), mask=False)
    pixels[1, 2] = np.ma.masked
    assert "3 of its 60 values are masked" in message(pixels)
    assert "array.filled(0)" in message(pixels)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_give_a_picture_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(png(9, 6))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "damaged.png"
    path.write_bytes(content)
    try:
        picture = open_picture(path)
    except ImageError:
        return
    assert np.isfinite(picture.rgb).all()
