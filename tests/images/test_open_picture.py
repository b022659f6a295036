"""What comes in through the border: every kind of pixel, at its own size and upright."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from textseg.images import (
    Picture,
    open_picture,
    pad_to_multiple,
    png_bytes,
    to_rgb,
    to_tensor,
    to_uint8,
)

HEIGHT, WIDTH = 5, 8  # never square: transposed axes must show


def ramp(channels: int = 3) -> np.ndarray:
    count = HEIGHT * WIDTH * channels
    values = np.linspace(0, 255, count).round().astype(np.uint8)
    return values.reshape(HEIGHT, WIDTH, channels)


def test_path_string_and_path_object_give_the_stored_pixels(tmp_path: Path) -> None:
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp()).save(path)
    for source in (path, str(path)):
        picture = open_picture(source)
        assert picture.size == (HEIGHT, WIDTH)
        assert picture.rgb.dtype == np.float32
        assert picture.alpha is None
        assert picture.mode == "RGB"
        assert picture.notes == ()
        np.testing.assert_array_equal(to_uint8(picture.rgb), ramp())


def test_picture_passes_through_unchanged() -> None:
    picture = open_picture(ramp())
    assert open_picture(picture) is picture


def test_picture_that_was_let_in_is_not_judged_again() -> None:
    picture = open_picture(ramp())
    assert open_picture(picture, max_pixels=1) is picture


def test_files_that_are_open_or_in_memory_give_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp()).save(path)
    content = path.read_bytes()
    at_its_end = io.BytesIO()
    at_its_end.write(content)
    with path.open("rb") as file:
        for source in (content, bytearray(content), io.BytesIO(content), at_its_end, file):
            np.testing.assert_array_equal(to_uint8(open_picture(source).rgb), ramp())
        assert not file.closed


def test_stream_that_cannot_go_back_is_read(tmp_path: Path) -> None:
    class Answer(io.RawIOBase):
        """As a web server's comes: it can be read once."""

        def read(self, size: int = -1) -> bytes:
            return content

    content = png_bytes(ramp())
    np.testing.assert_array_equal(to_uint8(open_picture(Answer()).rgb), ramp())


def test_pil_image_is_read_and_left_as_it_was() -> None:
    image = Image.fromarray(ramp())
    image.info["note"] = "kept"
    picture = open_picture(image)
    assert not picture.rgb.flags.writeable
    np.testing.assert_array_equal(np.asarray(image), ramp())
    assert image.info == {"note": "kept"}


@pytest.mark.parametrize("suffix", ["png", "webp", "gif", "bmp", "tiff", "ppm"])
def test_lossless_grey_survives_every_format(tmp_path: Path, suffix: str) -> None:
    grey = ramp(1)[..., 0]
    path = tmp_path / f"grey.{suffix}"
    Image.fromarray(grey).save(path, **({"lossless": True} if suffix == "webp" else {}))
    picture = open_picture(path)
    assert picture.notes == ()
    np.testing.assert_array_equal(to_uint8(picture.rgb), np.repeat(grey[..., None], 3, 2))


def test_jpeg_and_avif_are_read_at_their_size(tmp_path: Path) -> None:
    smooth = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    for suffix in ("jpg", "avif"):
        path = tmp_path / f"smooth.{suffix}"
        Image.fromarray(smooth).save(path, quality=95)
        rgb = open_picture(path).rgb
        assert rgb.shape == (16, 24, 3)
        np.testing.assert_allclose(rgb, smooth / 255, atol=0.03)


def test_photo_of_a_phone_with_a_preview_in_it_gives_the_photo(tmp_path: Path) -> None:
    photo, preview = Image.new("RGB", (24, 16), "red"), Image.new("RGB", (12, 8), "blue")
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "photo.jpg"
    photo.save(path, format="MPO", save_all=True, append_images=[preview], exif=exif)
    picture = open_picture(path)
    assert (picture.size, picture.format) == ((24, 16), "MPO")
    np.testing.assert_allclose(picture.rgb[12, 8], (1, 0, 0), atol=0.02)
    assert picture.notes == ("the first of 2 frames is used",)


def test_jpeg_2000_is_read_without_loss(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 80, 3), np.uint8)
    for suffix in ("jp2", "j2k"):
        Image.fromarray(pixels).save(tmp_path / f"picture.{suffix}")
        picture = open_picture(tmp_path / f"picture.{suffix}")
        np.testing.assert_array_equal(to_uint8(picture.rgb), pixels)
        assert picture.notes == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (50, 20_000)])
def test_narrow_pictures_come_in_and_are_padded(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "narrow.png")
    picture = open_picture(tmp_path / "narrow.png")
    np.testing.assert_array_equal(to_uint8(picture.rgb), pixels)
    padded, padding = pad_to_multiple(to_tensor(picture.rgb), 64)
    assert padded.shape[-2:] == tuple(-(-side // 64) * 64 for side in size)
    np.testing.assert_array_equal(to_rgb(padding.crop(padded)), picture.rgb)


# -- long texts in PNG files


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


LONG = bytes(2_000_000)
TEXTS = {
    "zTXt": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG)),
    "iTXt": chunk(b"iTXt", b"workflow\0\1\0en\0\0" + zlib.compress(LONG)),
    "iTXt as it is": chunk(b"iTXt", b"workflow\0\0\0en\0\0" + LONG),
    "tEXt": chunk(b"tEXt", b"workflow\0" + LONG),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("kind", TEXTS)
def test_png_with_a_long_text_is_read_without_it(kind: str, place: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(ramp(), 1))).save(stream, "PNG", exif=exif)
    plain = stream.getvalue()
    at = 8 + 25 if place == "before" else len(plain) - 12  # behind the head, or before the end
    picture = open_picture(plain[:at] + TEXTS[kind] + plain[at:])
    np.testing.assert_array_equal(to_uint8(picture.rgb), ramp())
    assert picture.notes == ()


def test_png_with_a_long_profile_is_read_and_that_is_said() -> None:
    plain, profile = png_bytes(ramp()), chunk(b"iCCP", b"name\0\0" + zlib.compress(LONG))
    picture = open_picture(plain[:33] + profile + plain[33:])
    np.testing.assert_array_equal(to_uint8(picture.rgb), ramp())
    assert picture.icc_profile is None
    assert picture.notes == ("its colour profile is too long and was left out",)


# -- orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_tag_is_applied_to_the_pixels(tmp_path: Path, orientation: int) -> None:
    upright = ramp()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    picture = open_picture(path)
    assert picture.size == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(to_uint8(picture.rgb), upright)


def test_orientation_reaches_transparency_and_sixteen_bits_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.rot90(ramp(4), 1)
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / "rgba.png", exif=exif)
    picture = open_picture(tmp_path / "rgba.png")
    assert picture.alpha is not None
    np.testing.assert_array_equal(to_uint8(picture.alpha), ramp(4)[..., 3])

    deep = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 1600
    Image.fromarray(np.ascontiguousarray(np.rot90(deep, 1))).save(tmp_path / "deep.tiff", exif=exif)
    np.testing.assert_allclose(open_picture(tmp_path / "deep.tiff").rgb[..., 0], deep / 65535)


# -- colour modes


def test_sixteen_bit_grey_is_scaled_by_its_own_range(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 32768], [65535, 1000, 40000]], np.uint16)
    for suffix in ("png", "tiff", "pgm"):
        Image.fromarray(deep).save(tmp_path / f"deep.{suffix}")
        picture = open_picture(tmp_path / f"deep.{suffix}")
        np.testing.assert_allclose(picture.rgb[..., 1], deep / 65535, atol=1e-7)
        assert picture.mode.startswith("I")


def test_big_endian_sixteen_bits_are_not_swapped() -> None:
    deep = np.array([[0, 256, 65535]], ">u2")
    image = Image.frombytes("I;16B", (3, 1), deep.tobytes())
    np.testing.assert_allclose(open_picture(image).rgb[0, :, 0], deep[0] / 65535, atol=1e-7)


def test_one_bit_picture_is_black_and_white() -> None:
    bits = ramp(1)[..., 0] > 99
    picture = open_picture(Image.fromarray(bits))
    np.testing.assert_array_equal(picture.rgb[..., 0], bits.astype(np.float32))
    assert picture.mode == "1"


def test_float_image_in_range_is_taken_as_it_is() -> None:
    values = ramp(1)[..., 0].astype(np.float32) / 255
    np.testing.assert_array_equal(open_picture(Image.fromarray(values)).rgb[..., 2], values)


def test_alpha_is_kept_apart_and_the_colours_under_it_stay(tmp_path: Path) -> None:
    pixels = ramp(4)
    pixels[0, 0] = (250, 10, 20, 0)
    Image.fromarray(pixels).save(tmp_path / "rgba.png")
    picture = open_picture(tmp_path / "rgba.png")
    assert picture.alpha is not None
    np.testing.assert_array_equal(to_uint8(picture.rgb), pixels[..., :3])
    np.testing.assert_array_equal(to_uint8(picture.alpha), pixels[..., 3])


def test_visible_lays_transparent_pixels_over_white() -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0, :, 3] = 255
    seen = open_picture(pixels).visible()
    np.testing.assert_array_equal(seen[0], 0)
    np.testing.assert_array_equal(seen[1], 1)


def test_visible_of_an_opaque_picture_is_its_colours() -> None:
    picture = open_picture(ramp())
    np.testing.assert_array_equal(picture.visible(), picture.rgb)


def test_grey_with_alpha_gives_both() -> None:
    image = Image.merge("LA", [Image.new("L", (3, 2), 51), Image.new("L", (3, 2), 102)])
    picture = open_picture(image)
    assert picture.alpha is not None
    np.testing.assert_allclose(picture.rgb, 0.2)
    np.testing.assert_allclose(picture.alpha, 0.4)


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    image = Image.new("P", (4, 3), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (0, 0, 2, 3))
    image.save(tmp_path / "palette.png", transparency=1)
    picture = open_picture(tmp_path / "palette.png")
    assert picture.mode == "P"
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha[:, :2], 0)
    np.testing.assert_array_equal(picture.alpha[:, 2:], 1)
    np.testing.assert_array_equal(picture.rgb[0, 3], (1, 0, 0))


def test_palette_without_transparency_has_no_alpha() -> None:
    image = Image.fromarray(ramp()).quantize(16)
    picture = open_picture(image)
    assert picture.alpha is None
    np.testing.assert_array_equal(to_uint8(picture.rgb), np.asarray(image.convert("RGB")))


def test_cmyk_jpeg_has_the_right_colours(tmp_path: Path) -> None:
    Image.new("CMYK", (6, 4), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=95)
    picture = open_picture(tmp_path / "red.jpg")
    assert picture.mode == "CMYK"
    np.testing.assert_allclose(picture.rgb[1, 1], (1, 0, 0), atol=0.03)


def test_profile_is_kept_for_rgb_only(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(ramp()).save(tmp_path / "rgb.png", icc_profile=profile)
    assert open_picture(tmp_path / "rgb.png").icc_profile == profile

    foreign = profile[:16] + b"CMYK" + profile[20:]
    Image.new("CMYK", (6, 4)).save(tmp_path / "cmyk.jpg", icc_profile=foreign)
    assert open_picture(tmp_path / "cmyk.jpg").icc_profile is None


# -- arrays


@pytest.mark.parametrize(
    ("pixels", "mode"),
    [
        (ramp(), "RGB"),
        (ramp() / 255, "RGB"),
        ((ramp() / 255).astype(np.float32), "RGB"),
        (ramp().astype(np.uint16) * 257, "RGB;16"),
    ],
    ids=["uint8", "float64", "float32", "uint16"],
)
def test_colour_arrays_of_every_type_mean_the_same(pixels: np.ndarray, mode: str) -> None:
    picture = open_picture(pixels)
    assert picture.mode == mode
    np.testing.assert_allclose(picture.rgb, ramp() / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("pixels", "mode"),
    [
        (np.eye(3, 4, dtype=bool), "1"),
        (np.eye(3, 4, dtype=np.uint8) * 255, "L"),
        (np.eye(3, 4, dtype=np.uint16) * 65535, "I;16"),
        (np.eye(3, 4), "L"),
    ],
    ids=["bool", "uint8", "uint16", "float"],
)
def test_grey_arrays_become_three_equal_channels(pixels: np.ndarray, mode: str) -> None:
    picture = open_picture(pixels)
    assert picture.mode == mode
    for channel in range(3):
        np.testing.assert_array_equal(picture.rgb[..., channel], np.eye(3, 4))


def test_array_with_one_channel_is_grey() -> None:
    picture = open_picture(ramp(1))
    np.testing.assert_array_equal(to_uint8(picture.rgb), ramp(1).repeat(3, 2))
    assert picture.mode == "L"


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # numpy's, at every matrix
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_subclasses_of_arrays_are_the_same_picture(tmp_path: Path, dtype: type) -> None:
    grey = (np.linspace(0, 1, 40).reshape(5, 8) * (255 if dtype == np.uint8 else 1)).astype(dtype)
    grey = grey if dtype != np.uint16 else np.linspace(0, 65535, 40).reshape(5, 8).astype(dtype)
    mapped = np.memmap(tmp_path / "pixels", dtype=dtype, mode="w+", shape=grey.shape)
    mapped[:] = grey
    expected = open_picture(grey)
    for same in (
        mapped,
        np.matrix(grey),
        np.ma.masked_array(grey),
        np.ma.masked_array(grey, False),
    ):
        picture = open_picture(same)
        assert type(picture.rgb) is np.ndarray
        np.testing.assert_array_equal(picture.rgb, expected.rgb)
        assert picture.rgb.max() == 1


def test_array_is_copied_not_shared() -> None:
    pixels = ramp().astype(np.float32) / 255
    before = pixels.copy()
    picture = open_picture(pixels)
    pixels[:] = 0
    np.testing.assert_array_equal(picture.rgb, before)


def test_rounding_beyond_the_range_is_clipped() -> None:
    picture = open_picture(np.array([[-1e-6, 1 + 1e-6]]))
    np.testing.assert_array_equal(picture.rgb[0, :, 0], (0, 1))


# -- what is said about a picture


def test_first_frame_of_an_animation_is_used_and_said(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    picture = open_picture(tmp_path / "moving.gif")
    np.testing.assert_array_equal(picture.rgb[0, 0], (1, 0, 0))
    assert picture.notes == ("the first of 3 frames is used",)


def test_frame_that_the_caller_chose_is_used_and_said(tmp_path: Path) -> None:
    frames = [Image.new("L", (6, 4), grey) for grey in (0, 255)]
    frames[0].save(tmp_path / "pages.tiff", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "pages.tiff") as image:
        image.seek(1)
        picture = open_picture(image)
    assert picture.rgb.min() == 1
    assert picture.notes == ("number 2 of 2 frames is used",)


def test_wrong_suffix_is_read_and_noted(tmp_path: Path) -> None:
    Image.fromarray(ramp()).save(tmp_path / "drawing.jpg", format="PNG")
    picture = open_picture(tmp_path / "drawing.jpg")
    np.testing.assert_array_equal(to_uint8(picture.rgb), ramp())
    assert picture.notes == ("drawing.jpg holds PNG data in spite of its suffix",)


def test_picture_without_suffix_needs_no_note(tmp_path: Path) -> None:
    Image.fromarray(ramp()).save(tmp_path / "drawing", format="PNG")
    assert open_picture(tmp_path / "drawing").notes == ()


def test_decoder_warnings_become_notes_and_do_not_leak(tmp_path: Path) -> None:
    entry = struct.pack("<HHII", 305, 2, 400, 10**6)  # 400 bytes of text, far behind the end
    exif = b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, 1) + entry + bytes(4)
    path = tmp_path / "exif.jpg"
    Image.fromarray(ramp()).save(path, exif=exif)
    picture = open_picture(path)
    assert picture.size == (HEIGHT, WIDTH)
    assert len(picture.notes) == 1  # in Pillow's words, which differ from version to version


def test_pictures_are_compared_by_identity() -> None:
    one, other = open_picture(ramp()), open_picture(ramp())
    assert isinstance(one, Picture)
    assert one != other
