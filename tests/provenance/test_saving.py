"""Pictures as files: exact pixels, the label, the profile, and nothing that was not asked for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.provenance.containers import IPTC, XMP, Parts, parts, stated, tiff_tags
from textseg import __version__
from textseg.errors import ImageError, InvalidInputError, OutputExistsError
from textseg.images import open_picture, to_uint8
from textseg.provenance import EDITED, GENERATED, Label, read_label, source_metadata
from textseg.saving import (
    FileFormat,
    Pixels,
    check_writable,
    format_of,
    keeps_pixels,
    loss_note,
    picture_bytes,
    save_picture,
)

FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
LOSSLESS: tuple[FileFormat, ...] = ("PNG", "TIFF", "WEBP")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, ARTIST, EXIF, GPS = 0x0112, 0x013B, 0x8769, 0x8825


def noise(*shape: int) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, shape, np.uint8)


def decoded(content: bytes) -> Pixels:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture on its side, with a person's name, a place, a preview and a maker's data."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[ARTIST], exif[0x0100] = 6, "Ada Lovelace", 47
    exif[EXIF] = {0x9003: "2026:05:01 12:00:00", 0x927C: b"SECRET-MAKER", 0xA002: 47}
    exif[GPS] = {1: "N", 2: (51.0, 30.0, 7.0)}
    path = tmp_path / "photo.jpg"
    Image.fromarray(noise(31, 47, 3)).save(path, exif=exif, icc_profile=PROFILE, comment=b"hello")
    return path


def written(format: FileFormat, *, metadata: bytes | None = None) -> Parts:
    return parts(
        picture_bytes(
            noise(31, 47, 3), format, label=EDITED, icc_profile=PROFILE, metadata=metadata
        )
    )


# -- pixels


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_file_decodes_to_exactly_the_pixels(format: FileFormat, channels: int) -> None:
    pixels = noise(31, 47, channels)
    if channels == 4:
        pixels[:9, :, 3] = 0  # colours under full transparency are pixels as well
    found = decoded(picture_bytes(pixels, format, label=EDITED, icc_profile=PROFILE))
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_is_exact_in_8_and_16_bits(format: FileFormat, dtype: type) -> None:
    pixels = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (31, 47), dtype, True)
    found = decoded(picture_bytes(pixels, format, label=None))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, pixels)


def test_webp_stores_grey_as_three_equal_channels() -> None:
    pixels = noise(31, 47)
    found = decoded(picture_bytes(pixels, "WEBP", label=None))
    np.testing.assert_array_equal(found, np.dstack([pixels] * 3))


@pytest.mark.parametrize("format", FORMATS)
def test_keeps_pixels_says_what_happens(format: FileFormat) -> None:
    pixels = noise(31, 47, 3)
    found = decoded(picture_bytes(pixels, format, label=EDITED))
    assert np.array_equal(found, pixels) is keeps_pixels(format)
    assert (loss_note(format) is None) is keeps_pixels(format)


def test_loss_note_names_the_format_and_the_way_out() -> None:
    note = loss_note("JPEG") or ""
    assert "JPEG" in note
    assert "PNG" in note


def test_jpeg_comes_close_in_colour_edges_too() -> None:
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[:, ::2] = (255, 0, 0)  # stripes of one pixel, which halved chroma would smear
    found = decoded(picture_bytes(pixels, "JPEG", label=EDITED)).astype(int)
    assert np.abs(found - pixels).max() < 20


# -- the label


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("label", [GENERATED, EDITED])
def test_label_is_in_the_file(format: FileFormat, label: Label) -> None:
    packet = parts(picture_bytes(noise(31, 47, 3), format, label=label)).xmp
    uri = f"http://cv.iptc.org/newscodes/digitalsourcetype/{label.source_type}"
    assert stated(packet, IPTC, "DigitalSourceType") == uri
    assert stated(packet, XMP, "CreatorTool") == f"textseg {__version__}"


@pytest.mark.parametrize("format", FORMATS)
def test_no_label_is_written_when_none_is_wanted(format: FileFormat) -> None:
    content = picture_bytes(noise(31, 47, 3), format, label=None)
    assert parts(content).xmp == b""
    assert b"textseg" not in content


def test_no_text_but_the_term_and_the_program_is_in_a_label() -> None:
    assert b"description" not in parts(picture_bytes(noise(31, 47, 3), "PNG", label=EDITED)).xmp


@pytest.mark.parametrize("format", FORMATS)
def test_label_survives_profile_and_metadata_beside_it(format: FileFormat, photo: Path) -> None:
    found = written(format, metadata=source_metadata(photo))
    assert stated(found.xmp, IPTC, "DigitalSourceType") == EDITED.uri
    assert found.icc == PROFILE
    assert tiff_tags(found.exif)[ARTIST] == b"Ada Lovelace\0"


# -- profile and metadata


@pytest.mark.parametrize("format", FORMATS)
def test_profile_is_kept_byte_for_byte(format: FileFormat) -> None:
    assert written(format).icc == PROFILE


@pytest.mark.parametrize("format", FORMATS)
def test_edited_photo_carries_nothing_personal(
    format: FileFormat, photo: Path, tmp_path: Path
) -> None:
    picture = open_picture(photo)
    path = tmp_path / f"edited{photo.suffix if format == 'JPEG' else f'.{format.lower()}'}"
    save_picture(path, to_uint8(picture.rgb), label=EDITED, icc_profile=picture.icc_profile)
    content = path.read_bytes()
    found = parts(content)
    assert found.icc == PROFILE
    if format == "TIFF":
        assert not {ORIENTATION, ARTIST, EXIF, GPS} & set(tiff_tags(content))
    else:
        assert found.exif == b""
    for trace in (b"Lovelace", b"SECRET", b"hello", b"2026:05"):
        assert trace not in content


@pytest.mark.parametrize("format", FORMATS)
def test_kept_metadata_has_everything_but_orientation_and_previews(
    format: FileFormat, photo: Path
) -> None:
    data = written(format, metadata=source_metadata(photo)).exif
    assert tiff_tags(data)[ARTIST] == b"Ada Lovelace\0"
    assert ORIENTATION not in tiff_tags(data)
    assert list(tiff_tags(data, EXIF)) == [0x9003]
    assert tiff_tags(data, GPS)[1] == b"N\0"
    assert b"SECRET" not in data


@pytest.mark.parametrize("format", FORMATS)
def test_written_picture_opens_upright_with_metadata(
    format: FileFormat, photo: Path, tmp_path: Path
) -> None:
    picture = open_picture(photo)
    assert picture.size == (47, 31)
    path = tmp_path / f"edited.{format.lower()}"
    pixels = to_uint8(picture.rgb)
    save_picture(path, pixels, label=EDITED, metadata=source_metadata(photo))
    again = open_picture(path)
    assert again.size == (47, 31)
    assert np.abs(to_uint8(again.rgb).astype(int) - pixels).mean() < 5


def test_metadata_of_a_tiff_source_leaves_its_layout_behind(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ARTIST], exif[ORIENTATION] = "Ada Lovelace", 3
    Image.fromarray(noise(31, 47, 3)).save(tmp_path / "a.tif", exif=exif)
    metadata = source_metadata(tmp_path / "a.tif")
    assert metadata is not None
    assert list(tiff_tags(metadata)) == [ARTIST]


def test_source_without_metadata_has_none_to_keep(tmp_path: Path) -> None:
    Image.fromarray(noise(31, 47, 3)).save(tmp_path / "plain.png")
    assert source_metadata(tmp_path / "plain.png") is None


def test_damaged_metadata_is_an_error_about_that_file(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    Image.fromarray(noise(31, 47, 3)).save(path, exif=b"Exif\0\0nothing of the kind")
    with pytest.raises(ImageError, match=r"odd\.png: its metadata cannot be read"):
        source_metadata(path)


# -- files


def test_saving_replaces_nothing_unasked(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    assert save_picture(path, noise(31, 47, 3), label=EDITED) == path
    before = path.read_bytes()
    with pytest.raises(OutputExistsError):
        save_picture(path, noise(20, 30, 3), label=EDITED)
    assert path.read_bytes() == before
    save_picture(path, noise(20, 30, 3), label=GENERATED, force=True)
    assert open_picture(path).size == (20, 30)
    assert read_label(path) == GENERATED


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.png", "PNG"),
        ("a.JPG", "JPEG"),
        ("a.jpeg", "JPEG"),
        ("a.WebP", "WEBP"),
        ("a.tif", "TIFF"),
    ],
)
def test_suffix_decides_on_the_format(name: str, format: FileFormat) -> None:
    assert format_of(name) == format


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.bak", ".png"])
def test_unknown_suffix_lists_the_writable_ones(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"\.png, \.jpg, \.jpeg, \.webp, \.tif, \.tiff"):
        format_of(name)


# -- refusals


def refusal(pixels: object, format: FileFormat = "PNG", **options: object) -> str:
    with pytest.raises(InvalidInputError) as caught:
        picture_bytes(pixels, format, **{"label": EDITED} | options)  # type: ignore[arg-type]
    return str(caught.value)


def test_jpeg_refuses_transparency_and_says_where_it_can_go() -> None:
    assert "no transparency" in refusal(noise(31, 47, 4), "JPEG")
    with pytest.raises(InvalidInputError, match=r"write \.png, \.webp or \.tif"):
        check_writable("JPEG", size=(31, 47), transparent=True)


@pytest.mark.parametrize(("format", "side"), [("JPEG", 65_501), ("WEBP", 16_384)])
def test_formats_refuse_sides_beyond_their_limit(format: FileFormat, side: int) -> None:
    assert f"{side} x 2" in refusal(np.zeros((2, side, 3), np.uint8), format)
    assert picture_bytes(np.zeros((2, side - 1, 3), np.uint8), format, label=EDITED)


@pytest.mark.parametrize("format", FORMATS)
def test_colours_of_16_bits_are_refused_with_what_can_be_kept(format: FileFormat) -> None:
    message = refusal(noise(31, 47, 3).astype(np.uint16), format)
    assert f"{format} cannot keep colours of 16 bits" in message
    assert "reduce to 8 bits" in message


def test_floats_are_refused_with_the_conversion() -> None:
    assert "to_uint8" in refusal(np.zeros((31, 47, 3), np.float32))


@pytest.mark.parametrize("shape", [(31, 47, 2), (31, 47, 1, 3), (31,), (0, 47, 3)])
def test_odd_shapes_are_refused(shape: tuple[int, ...]) -> None:
    assert str(shape) in refusal(np.zeros(shape, np.uint8))


def test_profile_of_another_colour_space_is_refused() -> None:
    assert "colour profile" in refusal(noise(31, 47), icc_profile=PROFILE)


def test_metadata_too_large_for_a_format_is_refused() -> None:
    exif = Image.Exif()
    exif[ARTIST] = "x" * 70_000
    message = refusal(noise(31, 47, 3), "JPEG", metadata=exif.tobytes())
    assert "cannot write this picture as JPEG" in message
