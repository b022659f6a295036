from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import textseg
from tests.editing.helpers import box
from textseg.editing.result import constrain, resized
from textseg.errors import ImageError, InvalidInputError

SIZE = (36, 52)
MASK = box(SIZE, 6, 10, 24, 34)
RNG = np.random.default_rng(3)
BEFORE = RNG.integers(0, 256, (*SIZE, 4), np.uint8)
AFTER = RNG.integers(0, 256, (*SIZE, 3), np.uint8)

KINDS: dict[str, Any] = {
    "RGB": Image.fromarray(BEFORE[..., :3]),
    "RGBA": Image.fromarray(BEFORE),
    "L": Image.fromarray(BEFORE[..., 0]),
    "P": Image.fromarray(BEFORE[..., :3]).quantize(16),
    "I;16": Image.fromarray(RNG.integers(0, 65536, SIZE, np.uint16)),
    "array": BEFORE[..., :3],
}


def smooth(height: int, width: int) -> np.ndarray:
    rows, cols = np.mgrid[0:height, 0:width]
    ramps = (rows + 0.5) / height, (cols + 0.5) / width, np.full((height, width), 0.5)
    return np.stack(ramps, -1).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_another_editors_picture_shows_inside_the_mask_only(kind: str) -> None:
    original = textseg.images.open_picture(KINDS[kind])
    found = constrain(KINDS[kind], AFTER, MASK)
    assert found.rgb[~MASK].tobytes() == original.rgb[~MASK].tobytes()
    np.testing.assert_allclose(found.rgb[MASK] * 255, AFTER[MASK], atol=1e-3)
    assert found.mode == original.mode
    assert (found.alpha is None) == (original.alpha is None)
    if original.alpha is not None:
        assert np.array_equal(found.alpha, original.alpha)
    assert np.array_equal(found.pixels()[~MASK], original.pixels()[~MASK])


def test_it_is_a_public_name() -> None:
    assert textseg.constrain is constrain


def test_files_are_read_and_left_alone(tmp_path: Path) -> None:
    before, after = tmp_path / "before.png", tmp_path / "after.jpg"
    Image.fromarray(BEFORE).save(before)
    Image.fromarray(AFTER).save(after)
    kept = before.read_bytes(), after.read_bytes()
    found = constrain(before, after, MASK)
    assert np.array_equal(found.pixels()[~MASK], BEFORE[~MASK])
    assert (before.read_bytes(), after.read_bytes()) == kept


def test_a_soft_mask_mixes_and_is_exact_at_zero() -> None:
    mask = np.linspace(0, 1, SIZE[1], dtype=np.float32)[None].repeat(SIZE[0], 0)
    found = constrain(BEFORE[..., :3], AFTER, mask)
    before, after = BEFORE[..., :3] / 255, AFTER / 255
    expected = mask[..., None] * after + (1 - mask[..., None]) * before
    np.testing.assert_allclose(found.rgb, expected, atol=1e-6)
    assert np.array_equal(found.pixels()[:, 0], BEFORE[:, 0, :3])


@pytest.mark.parametrize(("value", "shown"), [(0, BEFORE[..., :3]), (1, AFTER)])
def test_an_empty_mask_gives_the_first_picture_and_a_full_one_the_second(
    value: int, shown: np.ndarray
) -> None:
    found = constrain(BEFORE[..., :3], AFTER, np.full(SIZE, value, np.float32))
    assert np.array_equal(found.pixels(), shown)


def test_nothing_that_was_passed_in_changes() -> None:
    given = BEFORE.copy(), AFTER.copy(), MASK.astype(np.float32)
    kept = [part.copy() for part in given]
    for part in given:
        part.flags.writeable = False
    constrain(*given)
    assert all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True))


def test_what_an_editor_left_transparent_is_laid_over_white() -> None:
    after = np.zeros((*SIZE, 4), np.uint8)
    found = constrain(BEFORE[..., :3], after, MASK)
    assert (found.rgb[MASK] == 1).all()


def test_what_was_moved_and_tinted_is_brought_back_when_asked() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 90, 3))
    before = (0.5 + ndimage.gaussian_filter(noise, (2, 2, 0))).clip(0.1, 0.9)
    after = np.roll(before, (2, -3), (0, 1)) * 0.95
    mask = box((60, 90), 20, 30, 40, 60)
    plain, found = (constrain(before, after, mask, register=each) for each in (False, True))
    assert found.rgb[~mask].tobytes() == plain.rgb[~mask].tobytes()
    moved, left = (np.abs(each.rgb - before)[mask].mean() for each in (plain, found))
    assert left < moved / 20
    assert "moved -3.0 right and +2.0 down" in found.notes[-1]


@pytest.mark.parametrize("scale", [2, 0.5, 1.5])
def test_a_picture_of_another_scale_is_laid_over_when_asked(scale: float) -> None:
    size = round(SIZE[0] * scale), round(SIZE[1] * scale)
    before, after = np.zeros((*SIZE, 3), np.float32), smooth(*size)
    with pytest.raises(InvalidInputError, match=rf"is {size[1]} x {size[0]}.*resize=True"):
        constrain(before, after, MASK)
    found = constrain(before, after, MASK, resize=True)
    np.testing.assert_allclose(found.rgb[MASK], smooth(*SIZE)[MASK], atol=0.02)
    assert not found.rgb[~MASK].any()


def test_a_rounding_of_one_pixel_is_no_other_frame() -> None:
    found = constrain(np.zeros((*SIZE, 3), np.float32), smooth(73, 104), MASK, resize=True)
    np.testing.assert_allclose(found.rgb[MASK], smooth(*SIZE)[MASK], atol=0.02)


@pytest.mark.parametrize("size", [(52, 36), (36, 60), (40, 52), (72, 72), (36, 50)])
@pytest.mark.parametrize("resize", [False, True])
def test_a_picture_that_was_cropped_or_stretched_is_refused(
    size: tuple[int, int], resize: bool
) -> None:
    with pytest.raises(InvalidInputError, match=r"other proportions.*bring it to the original"):
        constrain(BEFORE, smooth(*size), MASK, resize=resize)


def test_a_mask_of_another_size_is_resized_only_when_asked() -> None:
    small = box((18, 26), 3, 5, 12, 17)
    with pytest.raises(InvalidInputError, match="26 x 18 pixels, the picture 52 x 36"):
        constrain(BEFORE, AFTER, small)
    found = constrain(BEFORE, AFTER, small, resize=True)
    far = ~box(SIZE, 4, 8, 26, 36)
    assert np.array_equal(found.pixels()[far], BEFORE[far])
    assert np.array_equal(found.pixels()[14, 20, :3], AFTER[14, 20])


def test_bad_masks_and_pictures_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="NaN"):
        constrain(BEFORE, AFTER, np.full(SIZE, np.nan))
    with pytest.raises(InvalidInputError, match="a mask has shape"):
        constrain(BEFORE, AFTER, np.zeros((*SIZE, 2)))
    with pytest.raises(ImageError, match="no such file"):
        constrain("gone.png", AFTER, MASK)
    with pytest.raises(ImageError, match="a picture is"):
        constrain(BEFORE, None, MASK)  # type: ignore[arg-type]  # that is the point


def test_scaling_keeps_colours_in_range_and_places_where_they_are() -> None:
    sharp = np.zeros((20, 30, 3), np.float32)
    sharp[:, 15:] = 1
    found = resized(sharp, (40, 60))
    assert found.shape == (40, 60, 3)
    assert (found.min(), found.max()) == (0, 1)
    assert (found[:, :27] < 0.05).all()
    assert (found[:, 33:] > 0.95).all()
