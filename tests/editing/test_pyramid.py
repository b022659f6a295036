"""Pictures that are mixed band by band."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.editing.helpers import Exact, box, method_with
from textseg.editing.pyramid import blend_bands
from textseg.scene import Scene

SIZE = (71, 102)
REGION = box(SIZE, 6, 8, 66, 94).astype(np.float32)


def noise(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((*SIZE, 3), np.float32)


def test_a_picture_mixed_with_itself_comes_back() -> None:
    before = noise(0)
    np.testing.assert_allclose(blend_bands(before, before, REGION), before, atol=1e-5)


def test_with_a_full_mask_the_other_picture_comes_back() -> None:
    after = noise(1)
    assert blend_bands(noise(0), after, np.ones(SIZE, np.float32)) is after


def test_a_region_that_is_too_thin_to_be_shrunk_is_left_alone() -> None:
    after, thin = noise(1), box(SIZE, 6, 8, 12, 94).astype(np.float32)
    assert blend_bands(noise(0), after, thin) is after


def test_of_two_even_pictures_the_change_sets_in_slowly_and_inside() -> None:
    """An edge of the light is spread over the coarsest band, and hardly reaches the outline."""
    dark, light = (np.full((*SIZE, 3), value, np.float32) for value in (0.2, 0.8))
    found = blend_bands(dark, light, REGION)[..., 0]
    middle = found[36]
    steps = np.abs(np.diff(middle))
    assert steps.max() < 0.6 / 6
    np.testing.assert_allclose(found[36, 46:56], 0.8, atol=0.02)
    assert np.abs(found - 0.2)[REGION == 0].max() < 0.01


def test_detail_changes_within_pixels() -> None:
    """Stripes of one pixel, of the same mean on both sides."""
    even = np.full((*SIZE, 3), 0.5, np.float32)
    striped = even + 0.4 * np.resize([1, -1], SIZE[1])[:, None].astype(np.float32)
    found = np.abs(blend_bands(even, striped, REGION)[36, :, 0] - 0.5)
    np.testing.assert_allclose(found[46:56], 0.4, atol=1e-3)
    np.testing.assert_allclose(found[:8], 0, atol=1e-3)
    assert np.ptp(found[8:32]) > 0.39
    assert ((found > 0.02) & (found < 0.38)).sum() <= 4


@pytest.mark.parametrize("blend", ["alpha", "pyramid"])
def test_outside_the_mask_every_pixel_of_an_edit_stays(blend: str) -> None:
    model, rgb = Exact(rate=0.3), noise(0)
    mask = REGION * np.linspace(0.2, 1, SIZE[1], dtype=np.float32)
    method = method_with("blended", steps=2)
    found = Scene.open(rgb, model).edit(
        "tree", "house", method=method, mask=mask, source="tree", blend=blend
    )
    outside = mask == 0
    assert np.array_equal(found.picture.rgb[outside], found.before.rgb[outside])
    assert not np.array_equal(found.picture.rgb[~outside], found.before.rgb[~outside])


def test_an_edit_is_mixed_that_way_where_it_is_asked_for() -> None:
    model, rgb = Exact(rate=0.3), noise(0)
    scene, method = Scene.open(rgb, model), method_with("blended", steps=2)
    options = {"method": method, "mask": REGION, "source": "tree"}
    plain, mixed = (
        scene.edit("tree", "house", blend=blend, **options) for blend in ("alpha", "pyramid")
    )
    expected = blend_bands(plain.before.rgb, plain.raw, REGION)
    np.testing.assert_array_equal(mixed.raw, expected)
    inside = REGION > 0
    np.testing.assert_allclose(mixed.picture.rgb[inside], expected[inside], atol=1e-6)
