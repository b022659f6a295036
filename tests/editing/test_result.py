from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.editing.helpers import box, method_with
from textseg.editing.result import Edit, Evaluations, composite
from textseg.images import Picture, open_picture
from textseg.scene import Scene
from textseg.testing import GaussianModel

MODEL = GaussianModel(rate=0.3)
SIZE = (32, 48)


@pytest.fixture(scope="module")
def found() -> Edit:
    scene = Scene.open(MODEL.picture(["tree"], *SIZE, seed=1), MODEL)
    return scene.edit(
        "tree", "house", method=method_with("diffedit"), source="a tree", negative="zebra", seed=11
    )


def test_an_edit_says_all_that_decided_it(found: Edit) -> None:
    assert (found.query, found.target) == ("tree", "house")
    assert (found.source_prompt, found.prompt, found.negative) == ("a tree", "a house", "zebra")
    assert (found.name, found.seed, found.size) == ("diffedit", 11, SIZE)
    assert found.method == method_with("diffedit")
    assert found.segmentation is not None
    assert found.segmentation.query == "tree"
    assert found.seconds > 0
    assert found.evaluations.total == sum(
        (found.evaluations.mask, found.evaluations.inversion, found.evaluations.decode)
    )
    assert min(found.evaluations.mask, found.evaluations.inversion, found.evaluations.decode) > 0
    assert found.notes == ("this model does not know 'zebra'",)


def test_an_edit_has_its_figures(found: Edit) -> None:
    assert found.share == pytest.approx((found.mask > 0).mean())
    change = np.abs(found.picture.rgb - found.before.rgb).mean(-1)
    assert found.change_inside == pytest.approx(change[found.mask > 0].mean(), rel=1e-5)
    assert found.change_inside > 0.01
    assert found.changed_outside == 0


def test_an_edit_shows_itself(found: Edit) -> None:
    text = repr(found)
    assert text.startswith("Edit('tree' -> 'house' by diffedit, seed 11, ")
    assert f"{found.share:.1%} of 48 x 32" in text
    shown = found._repr_mimebundle_()
    assert shown["text/plain"] == text
    with Image.open(io.BytesIO(base64.b64decode(shown["image/png"]))) as image:
        enlarged = np.asarray(image)
    comparison = np.asarray(found.comparison())
    assert comparison.shape == (32, 3 * 48 + 2 * 2, 3)
    assert np.array_equal(comparison[:, :48], found.before.pixels())
    assert np.array_equal(comparison[:, -48:], found.picture.pixels())
    assert np.array_equal(comparison[:, 50:98, 0], (found.mask * 255).round())
    assert np.array_equal(enlarged, comparison.repeat(8, 0).repeat(8, 1)), "48 pixels are few"


def test_a_removal_says_so() -> None:
    scene = Scene.open(MODEL.picture(["tree"], *SIZE, seed=1), MODEL)
    found = scene.edit("tree", "", method=method_with("blended"), source="tree")
    assert repr(found).startswith("Edit('tree' removed by blended")


def test_evaluations_add_up() -> None:
    assert Evaluations(2, 3, 5).total == 10
    assert Evaluations().total == 0


def test_a_composite_is_exact_at_both_ends_of_the_mask_and_mixes_between() -> None:
    rng = np.random.default_rng(0)
    before = Picture(rng.random((4, 6, 3), np.float32), rng.random((4, 6), np.float32), "RGBA")
    after = rng.random((4, 6, 3), np.float32)
    mask = np.tile(np.array([0, 0, 0.25, 0.5, 1, 1], np.float32), (4, 1))
    found = composite(before, after, mask)
    assert found.rgb.dtype == np.float32
    assert found.rgb[:, :2].tobytes() == before.rgb[:, :2].tobytes()
    np.testing.assert_allclose(found.rgb[:, 4:], after[:, 4:], atol=1e-7)
    np.testing.assert_allclose(
        found.rgb[:, 2], 0.25 * after[:, 2] + 0.75 * before.rgb[:, 2], atol=1e-6
    )
    assert found.alpha is before.alpha
    assert found.mode == "RGBA"


def test_a_composite_lets_nothing_through_a_zero() -> None:
    before = open_picture(np.full((2, 3, 3), 0.5, np.float32))
    after = np.full((2, 3, 3), np.nan, np.float32)
    found = composite(before, after, np.zeros((2, 3), np.float32))
    assert np.array_equal(found.rgb, before.rgb)


def test_the_stored_pixels_are_those_of_the_file() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    assert np.array_equal(open_picture(Image.fromarray(pixels)).pixels(), pixels)
    assert np.array_equal(open_picture(Image.fromarray(pixels[..., :3])).pixels(), pixels[..., :3])


def test_the_profile_and_mode_of_the_picture_stay_with_it() -> None:
    picture = Picture(np.zeros((8, 12, 3), np.float32), None, "P", ("a note",), b"profile")
    scene = Scene.open(picture, MODEL)
    found = scene.edit(
        "", "tree", method=method_with("sdedit"), mask=box((8, 12), 0, 0, 4, 4), source=""
    )
    assert (found.picture.mode, found.picture.icc_profile) == ("P", b"profile")
    assert "a note" in found.notes
