"""Pictures from open files: the same decoder, with what may be decoded set by the caller."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from textseg.errors import ImageError
from textseg.images import check_file, decode_picture, open_picture

PIXELS = np.random.default_rng(5).integers(0, 256, (5, 8, 3), np.uint8)


def encoded(format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, format=format, **options)
    return stream.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF"])
def test_stream_gives_what_the_file_gives(tmp_path: Path, format: str) -> None:
    exif = {"exif": turned()} if format in ("PNG", "JPEG", "WEBP", "TIFF") else {}
    content = encoded(format, **exif)
    (tmp_path / "picture").write_bytes(content)
    stream = io.BytesIO(content)
    from_stream = decode_picture(stream, name="the picture")
    from_file = open_picture(tmp_path / "picture")
    np.testing.assert_array_equal(from_stream.rgb, from_file.rgb)
    assert from_stream.size == ((8, 5) if exif else (5, 8))
    assert (from_stream.mode, from_stream.notes) == (from_file.mode, from_file.notes)
    assert from_stream.format == from_file.format == format
    assert not stream.closed


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_picture_without_a_file_has_no_format() -> None:
    assert open_picture(PIXELS).format is None
    assert open_picture(Image.fromarray(PIXELS)).format is None


@pytest.mark.parametrize("format", ["GIF", "TIFF", "BMP"])
def test_format_that_is_not_asked_for_is_not_decoded(format: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_picture(io.BytesIO(encoded(format)), name="it", formats=("PNG", "JPEG"))
    assert str(caught.value) == "it: not a picture that can be read; readable formats: PNG, JPEG"


def test_several_jpegs_in_one_file_count_as_jpeg() -> None:
    stream = io.BytesIO()
    frame = Image.fromarray(PIXELS)
    frame.save(stream, format="MPO", save_all=True, append_images=[frame])
    stream.seek(0)
    picture = decode_picture(stream, name="it", formats=("JPEG",))
    assert picture.format == "MPO"
    assert picture.notes == ("the first of 2 frames is used",)


def test_errors_call_the_picture_by_the_name_that_was_given() -> None:
    with pytest.raises(ImageError, match=r"^'x': not a picture"):
        decode_picture(io.BytesIO(b"letter"), name="'x'")
    with pytest.raises(ImageError, match=r"^'x': 8 x 5 = 40 pixels, more than the limit of 39"):
        decode_picture(io.BytesIO(encoded("PNG")), name="'x'", max_pixels=39)
    with pytest.raises(ImageError, match=r"^'x': damaged"):
        decode_picture(io.BytesIO(encoded("PNG")[:80]), name="'x'")


def test_checked_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picture").write_bytes(b"anything")
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was opened"))
    check_file(tmp_path / "picture")
    with pytest.raises(ImageError, match="no such file"):
        check_file(tmp_path / "nowhere")
