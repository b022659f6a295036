"""Outside the mask every pixel is the one that was given, whatever the picture and the method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.editing.helpers import METHODS, Exact, Watched, box, method_with
from textseg.editing.result import Edit
from textseg.errors import InvalidInputError, NotFoundError
from textseg.images import open_picture
from textseg.scene import Scene
from textseg.segmentation.mask import Mask
from textseg.testing import GaussianModel, gaussian_card

SIZE = (36, 52)
MASK = box(SIZE, 6, 10, 24, 34)


SMALL_CARD = gaussian_card(native=24)  # larger pictures are scaled down for the model
MODEL = Exact(rate=0.3, latent_stride=4, size_multiple=8)
SMALL = Exact(rate=0.3, latent_stride=2, size_multiple=4, card=SMALL_CARD)

RNG = np.random.default_rng(7)
BYTES = RNG.integers(0, 256, (*SIZE, 4), np.uint8)
DEEP = RNG.integers(0, 65536, SIZE, np.uint16)

PICTURES: dict[str, Any] = {
    "RGB": Image.fromarray(BYTES[..., :3]),
    "RGBA": Image.fromarray(BYTES),
    "L": Image.fromarray(BYTES[..., 0]),
    "LA": Image.fromarray(BYTES[..., :2]),
    "1": Image.fromarray(BYTES[..., 0] > 127),
    "P": Image.fromarray(BYTES[..., :3]).quantize(16),
    "I;16": Image.fromarray(DEEP),
    "uint16 array": DEEP,
    "float array": RNG.random((*SIZE, 3), np.float32),
}


def edited(
    image: Any, name: str, model: GaussianModel = MODEL, mask: Any = MASK, **options: Any
) -> Edit:
    scene = Scene.open(image, model)
    words = {"source": "tree", "seed": 3, **options}
    return scene.edit("tree", "house", method=method_with(name), mask=mask, **words)


def assert_exact_outside(found: Edit, mask: np.ndarray = MASK) -> None:
    outside = mask == 0
    before, after = found.before, found.picture
    assert after.size == before.size
    assert after.rgb[outside].tobytes() == before.rgb[outside].tobytes()
    assert (after.alpha is None) == (before.alpha is None)
    if before.alpha is not None:
        assert np.array_equal(after.alpha, before.alpha)
    assert np.array_equal(after.pixels()[outside], before.pixels()[outside])
    assert found.changed_outside == 0
    assert found.share == pytest.approx((mask > 0).mean())
    assert found.change_inside > 0.01
    assert not np.array_equal(after.rgb[mask > 0], before.rgb[mask > 0])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", PICTURES)
def test_pixels_outside_the_mask_are_those_that_were_given(kind: str, name: str) -> None:
    image = PICTURES[kind]
    found = edited(image, name)
    assert np.array_equal(found.before.rgb, open_picture(image).rgb)
    assert found.picture.mode == open_picture(image).mode
    assert_exact_outside(found)


@pytest.mark.parametrize("name", METHODS)
def test_a_soft_mask_is_exact_where_it_is_exactly_zero(name: str) -> None:
    mask = np.clip(np.linspace(-0.5, 1, SIZE[1]), 0, 1)[None].repeat(SIZE[0], 0)
    mask[:, -2] = 1e-12  # not zero, if next to nothing
    found = edited(PICTURES["RGB"], name, mask=mask)
    assert_exact_outside(found, mask)
    assert np.array_equal(found.mask, mask.astype(np.float32))


@pytest.mark.parametrize("name", METHODS)
def test_pictures_that_are_larger_than_the_model_likes_keep_every_pixel(name: str) -> None:
    found = edited(PICTURES["RGBA"], name, SMALL)
    assert_exact_outside(found)
    assert found.raw.shape == (*SIZE, 3)


@pytest.mark.parametrize("model", [MODEL, SMALL], ids=["native", "larger"])
@pytest.mark.parametrize("name", METHODS)
def test_working_on_a_crop_keeps_every_pixel(name: str, model: GaussianModel) -> None:
    found = edited(PICTURES["RGBA"], name, model, crop=True)
    assert_exact_outside(found)


@pytest.mark.parametrize("corner", [(0, 0), (0, 48), (33, 0), (33, 48)])
def test_a_crop_at_a_corner_stays_within_the_picture(corner: tuple[int, int]) -> None:
    row, col = corner
    mask = box(SIZE, row, col, row + 3, col + 4)
    found = edited(PICTURES["RGB"], "blended", mask=mask, crop=True)
    assert_exact_outside(found, mask)
    untouched = (found.raw == found.before.visible()).all(-1)
    assert untouched.sum() >= mask.size / 2  # the model saw the crop only


def test_a_crop_shows_the_model_small_things_at_their_own_size() -> None:
    model = Watched(rate=0.3, latent_stride=2, size_multiple=4, card=SMALL_CARD)
    mask = box((96, 144), 40, 60, 50, 74)
    rgb = np.random.default_rng(0).random((96, 144, 3)).astype(np.float32)
    scene = Scene.open(rgb, model)
    for target in ("house", "tree"):
        scene.edit("", target, method=method_with("sdedit"), mask=mask, source="", crop=True)
    whole, crop = model.encoded  # the second edit encodes nothing
    assert whole == (20, 32)
    assert 17 <= crop[0] <= 20
    assert 21 <= crop[1] <= 24


@pytest.mark.parametrize("method", [None, "sdedit"])
@pytest.mark.parametrize(
    ("query", "crop", "parts"),
    [("", None, 2), ("", False, 1), ("", True, 2), ("tree", None, 1), ("tree", True, 2)],
)
def test_what_is_added_is_worked_on_larger_unless_told_otherwise(
    query: str, crop: bool | None, parts: int, method: str | None
) -> None:
    model = Watched(rate=0.3, latent_stride=2, size_multiple=4, card=SMALL_CARD)
    rgb = np.random.default_rng(0).random((96, 144, 3)).astype(np.float32)
    mask = box((96, 144), 40, 60, 50, 74)
    Scene.open(rgb, model).edit(query, "house", mask=mask, source="", method=method, crop=crop)
    assert len(model.encoded) == parts


@pytest.mark.parametrize("crop", [True, False])
def test_a_mask_in_which_nothing_may_change_is_an_error_and_no_edit(crop: bool) -> None:
    rgb = np.zeros((*SIZE, 3), np.float32)
    with pytest.raises(InvalidInputError, match="nothing may change"):
        edited(PICTURES["RGBA"], "diffedit", mask=np.zeros(SIZE, bool), crop=crop)
    everything = Mask.of(np.ones(SIZE, bool), rgb)
    spared = replace(everything, spared=np.ones(SIZE, bool))
    for mask in (~everything, spared):
        with pytest.raises(NotFoundError, match="is empty"):
            edited(PICTURES["RGBA"], "diffedit", mask=mask, crop=crop)


@pytest.mark.parametrize(
    ("name", "as_image"), [*((name, False) for name in METHODS), ("blended", True)]
)
def test_ten_edits_in_a_row_leave_untouched_pixels_untouched(name: str, as_image: bool) -> None:
    first = found = None
    touched = np.zeros(SIZE, bool)
    picture: Any = PICTURES["RGBA"]
    for turn in range(10):
        mask = box(SIZE, turn, 3 * turn, turn + 12, 3 * turn + 15)
        touched |= mask
        method = method_with(name, steps=2)
        scene = Scene.open(picture, MODEL)
        target = ("house", "tree")[turn % 2]
        found = scene.edit("", target, method=method, mask=mask, source="", seed=turn)
        first = first or found
        picture = found.image if as_image else found.picture
    assert first is not None
    assert found is not None
    assert 0.3 < touched.mean() < 0.9
    assert found.picture.rgb[~touched].tobytes() == first.before.rgb[~touched].tobytes()
    assert np.array_equal(found.picture.alpha, first.before.alpha)
    assert np.array_equal(np.asarray(found.image)[~touched], BYTES[~touched])
    assert not np.array_equal(np.asarray(found.image)[touched], BYTES[touched])


def test_the_counts_notice_what_they_are_there_for() -> None:
    from dataclasses import replace

    found = edited(PICTURES["RGB"], "blended")
    spoilt = found.picture.rgb.copy()
    spoilt[0, :3] = 1 - spoilt[0, :3].round()
    assert replace(found, picture=replace(found.picture, rgb=spoilt)).changed_outside == 3


def test_the_colours_of_transparent_pixels_are_kept_too() -> None:
    pixels = BYTES.copy()
    pixels[..., 3] = 0
    found = edited(Image.fromarray(pixels), "blended")
    outside = MASK == 0
    assert np.array_equal(np.asarray(found.image)[outside], pixels[outside])
    assert (np.asarray(found.image)[..., 3] == 0).all()
