from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import ndimage

from tests.editing.helpers import box
from textseg.editing.framing import Framing
from textseg.editing.registering import Registered, Tint, register
from textseg.errors import InvalidInputError, MissingExtraError

SIZE = (96, 144)
MASK = box(SIZE, 30, 40, 66, 90).astype(np.float32)
INSIDE = box(SIZE, 34, 44, 62, 86)
MOVED = Framing(shift=(3.4, -2.3), zoom=(1.03, 0.98))
TINTED = Tint(gain=(0.9, 1.05, 1.0), bias=(0.05, -0.02, 0.03))


def picture(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Clouds of all sizes, so that there is something to see at every level."""
    noise = np.random.default_rng(seed).normal(size=(*size, 3))
    clouds = sum(ndimage.gaussian_filter(noise, (s, s, 0)) * s for s in (1, 2, 4, 8))
    return (0.45 + 0.25 * clouds / clouds.std()).clip(0.1, 0.8).astype(np.float32)


def edited(seed: int = 0) -> np.ndarray:
    """The picture with something else inside the mask."""
    return np.where(MASK[..., None] > 0, picture(seed + 100), picture(seed)).astype(np.float32)


def remade(rgb: np.ndarray, frame: Framing = MOVED, tint: Tint = TINTED) -> np.ndarray:
    """What an editor makes of it that moves, zooms and tints the whole frame."""
    centre = (np.array(SIZE) - 1) / 2
    back = 1 / np.array(frame.zoom)
    offset = centre - back * (centre + frame.shift)
    channels = [
        ndimage.affine_transform(rgb[..., k], back, offset, order=3, mode="nearest")
        for k in range(3)
    ]
    return (np.stack(channels, -1) * tint.gain + tint.bias).clip(0, 1).astype(np.float32)


def error(found: np.ndarray, truth: np.ndarray, where: np.ndarray = INSIDE) -> float:
    return float(np.abs(found - truth)[where].mean())


def found_in(after: np.ndarray, seed: int = 0) -> Registered:
    return register(picture(seed), after, MASK)


@pytest.mark.parametrize("seed", range(3))
def test_what_an_editor_moved_zoomed_and_tinted_comes_back_inside_too(seed: int) -> None:
    came = remade(edited(seed))
    back = found_in(came, seed)
    assert error(back.rgb, edited(seed)) < 0.005 < 0.05 < error(came, edited(seed))
    np.testing.assert_allclose(back.found.frame.shift, MOVED.shift, atol=0.1)
    np.testing.assert_allclose(back.found.frame.zoom, MOVED.zoom, atol=0.002)
    np.testing.assert_allclose(back.found.tint.gain, TINTED.gain, atol=0.01)
    np.testing.assert_allclose(back.found.tint.bias, TINTED.bias, atol=0.005)


def test_what_was_found_is_told_in_words_and_numbers() -> None:
    found = found_in(remade(edited())).found
    assert found.after < 0.015 < 0.1 < found.before
    assert "-2.3 right and +3.4 down" in str(found)
    assert "times 0.90, 1.05, 1.00 and +0.048" in str(found)


def test_a_picture_that_fits_already_stays_bit_for_bit() -> None:
    back = found_in(edited())
    assert back.rgb.tobytes() == edited().tobytes()
    assert str(back.found) == "frame and colours fit as they are"


def test_what_was_changed_outside_as_well_does_not_mislead() -> None:
    spilled = edited()
    spilled[70:95, 100:140] = picture(5)[:25, :40]
    spilled[2:24, 5:35] = (0.3, 0.5, 0.3)
    back = found_in(remade(spilled))
    assert error(back.rgb, spilled) < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_it_never_gets_worse_outside(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.01 * seed, (*SIZE, 3))
    came = (remade(edited(seed)) + noise).clip(0, 1).astype(np.float32)
    back = found_in(came, seed)
    outside = MASK == 0
    assert error(back.rgb, picture(seed), outside) <= error(came, picture(seed), outside)
    assert back.found.after <= back.found.before


def test_a_large_picture_is_compared_smaller_and_moved_back_at_its_own_size() -> None:
    size = (960, 1440)
    mask = MASK.repeat(10, 0).repeat(10, 1)
    before = picture(0, size)
    after = np.roll(before, (12, -20), (0, 1))
    back = register(before, after, mask)
    np.testing.assert_allclose(back.found.frame.shift, (12, -20), atol=0.3)
    assert error(back.rgb, before, mask > 0) < error(after, before, mask > 0) / 5


def test_where_nothing_can_be_seen_only_the_colour_is_brought_back() -> None:
    flat = np.full((*SIZE, 3), 0.4, np.float32)
    back = register(flat, flat + np.float32(0.1), MASK)
    np.testing.assert_allclose(back.rgb, flat, atol=1e-5)
    assert back.found.frame == Framing()


def test_another_picture_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="does not show what the original shows"):
        found_in(picture(7))


def test_too_little_outside_is_refused() -> None:
    mask = np.ones(SIZE, np.float32)
    mask[:2] = 0
    with pytest.raises(InvalidInputError, match=r"0 in 2\.1% of the picture \(288 pixels\)"):
        register(picture(0), edited(), mask)


def test_inputs_may_be_read_only_and_stay_as_they_are() -> None:
    given = picture(0), remade(edited()), MASK.copy()
    kept = [part.copy() for part in given]
    for part in given:
        part.flags.writeable = False
    register(*given)
    assert all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True))


def test_a_frame_is_told_from_its_own_map() -> None:
    again = Framing.of(MOVED.matrix(SIZE), SIZE)
    np.testing.assert_allclose([again.shift, again.zoom], [MOVED.shift, MOVED.zoom], atol=1e-4)


def test_without_opencv_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[register\]'"):
        found_in(remade(edited()))
