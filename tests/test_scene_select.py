from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import textseg
from tests.editing.helpers import Watched, box, method_with
from tests.segmentation.helpers import Recording
from textseg.editing.masks import MaskShape, shape_mask
from textseg.editing.result import Edit
from textseg.errors import InvalidInputError, NotFoundError, QueryError
from textseg.progress import Progress
from textseg.scene import Scene
from textseg.segmentation.mask import Mask
from textseg.segmentation.selecting import select
from textseg.testing import GaussianModel

SIZE = (32, 48)
MODEL = GaussianModel(rate=0.3)
TREE, HOUSE = MODEL.region("tree", *SIZE), MODEL.region("house", *SIZE)


def scene_with(*present: str, model: GaussianModel = MODEL) -> Scene:
    return Scene.open(model.picture(present, *SIZE, seed=1), model)


def changed(scene: Scene, mask: Mask, query: str = "tree", **options: Any) -> Edit:
    given = {"method": method_with("diffedit"), "source": "tree", **options}
    return scene.edit(query, "house", mask=mask, **given)


def painted(inside: np.ndarray, name: str = "") -> Mask:
    return Mask.of(inside, np.zeros((*inside.shape, 3), np.float32), name)


# ---------------------------------------------------------------- select


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("tree", TREE),
        ("tree or house", TREE | HOUSE),
        ("tree and house", TREE & HOUSE),
        ("tree and not house", TREE & ~HOUSE),
        ("not tree", ~TREE),
        ("everything except (tree or house)", ~(TREE | HOUSE)),
    ],
)
def test_an_expression_selects_what_it_says(text: str, inside: np.ndarray) -> None:
    found = scene_with("tree", "house").select(text)
    assert np.array_equal(found.binary(), inside)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("tree but not house", TREE),
        ("house", np.zeros(SIZE, bool)),
        ("everything except house", np.ones(SIZE, bool)),
    ],
)
def test_what_is_not_present_is_nowhere(text: str, inside: np.ndarray) -> None:
    assert np.array_equal(scene_with("tree").select(text).binary(), inside)


@pytest.mark.parametrize("text", ["zebra", "everything except zebra", "tree and not zebra"])
def test_an_expression_with_an_unknown_word_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="does not know 'zebra'"):
        scene_with("tree").select(text)


def test_the_soft_masks_are_those_that_the_phrases_get_alone() -> None:
    scene = scene_with("tree", "house")
    both = scene.select("tree or house", draws=4, seed=3)
    tree, house = (scene.segment(query, draws=4, seed=3) for query in ("tree", "house"))
    np.testing.assert_allclose(both.soft, np.maximum(tree.soft, house.soft), atol=1e-4)
    assert both.name == "tree or house"
    assert both.rgb is scene.rgb
    assert both.least_area == tree.mask.least_area


def test_all_phrases_are_asked_in_one_call_and_each_once() -> None:
    model = Recording(rate=0.3)
    scene = scene_with("tree", "house", model=model)
    seen: list[Progress] = []
    scene.select("house and not (tree or  house) or tree", draws=4, progress=seen.append)
    assert model.evaluations == 4 * (2 + 1)
    assert seen[-1] == Progress("refining", 2, 2)


def test_what_cannot_be_read_is_refused_before_the_slow_part() -> None:
    model = Recording(rate=0.3)
    scene = scene_with("tree", model=model)
    with pytest.raises(QueryError, match="a phrase is missing at character 9"):
        scene.select("tree and")
    assert not model.calls


def test_the_class_is_to_be_had_at_the_top() -> None:
    assert textseg.Mask is Mask


# ---------------------------------------------------------------- edits take masks


def test_a_mask_is_treated_like_the_mask_of_a_query() -> None:
    scene = scene_with("tree", "house")
    usual = MaskShape.of_cells(MODEL.card.edits.replace.grow, MODEL.latent_stride)
    found = changed(scene, scene.select("tree"))
    assert np.array_equal(found.mask, shape_mask(TREE, usual))
    assert np.array_equal(found.mask, changed(scene, scene.segment("tree").mask).mask)
    assert found.segmentation is None
    assert found.evaluations.mask == 0
    assert found.changed_outside == 0
    wide = changed(scene, scene.select("tree"), grow=2, feather=3)
    assert np.array_equal(wide.mask, shape_mask(TREE, MaskShape(grow=2, feather=3)))


def test_a_mask_and_a_segmentation_and_a_query_change_the_same() -> None:
    scene = scene_with("tree", "house")
    asked = scene.segment("tree")
    pictures = [
        changed(scene, mask).picture.rgb
        for mask in (asked.mask, asked, None)  # type: ignore[arg-type]  # all that is accepted
    ]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])


def test_a_mask_is_cut_at_a_half_whatever_the_threshold_of_queries() -> None:
    scene = scene_with("tree")
    soft = np.where(TREE, np.float32(0.6), np.float32(0.4))
    for threshold in (None, 0.1, 0.9):
        found = changed(scene, painted(soft), grow=0, feather=0, threshold=threshold)
        assert np.array_equal(found.mask > 0, TREE)
    weighed = changed(scene, painted(soft), grow=0, feather=0, soft=True)
    np.testing.assert_allclose(weighed.mask, np.where(TREE, 0.6, 0))


def test_an_array_is_still_taken_as_it_is() -> None:
    scene, array = scene_with("tree"), box(SIZE, 4, 6, 20, 30)
    assert np.array_equal(scene.edit("tree", "house", mask=array).mask, array)
    grown = scene.edit("tree", "house", mask=painted(array), grow=2)
    assert grown.mask.astype(bool).sum() > array.sum()


@pytest.mark.parametrize("grow", [None, 0, 3])
def test_an_edit_never_widens_into_what_was_taken_away(grow: float | None) -> None:
    scene = scene_with("tree", "house")
    door = box(SIZE, 8, 10, 12, 16)  # a hole in the tree, which would be filled otherwise
    spared = scene.segment("tree").mask - painted(door, "door")
    found = changed(scene, spared, grow=grow)
    assert found.share > 0
    assert (found.mask[door] == 0).all()
    assert np.array_equal(found.picture.rgb[door], found.before.rgb[door])
    assert changed(scene, scene.segment("tree").mask, grow=grow).mask[door].all()


@pytest.mark.parametrize("grow", [None, 5])
def test_all_but_a_thing_leaves_the_thing_alone(grow: float | None) -> None:
    scene = scene_with("tree", "house")
    rest = select(scene.segment("tree"), invert=True)
    found = changed(scene, rest, grow=grow, feather=0)
    assert np.array_equal(found.mask > 0, ~TREE)
    assert np.array_equal(found.picture.rgb[TREE], found.before.rgb[TREE])


def test_a_picked_region_does_not_widen_into_its_neighbour() -> None:
    left, right = box(SIZE, 8, 10, 20, 20), box(SIZE, 8, 22, 20, 30)
    scene = scene_with("tree")
    found = changed(scene, painted(left | right).pick("left"), grow=6, feather=0)
    assert (found.mask[left] == 1).all()
    assert found.mask[8:20, 20:22].all()
    assert not found.mask[right].any()


@pytest.mark.parametrize(
    ("text", "words", "name"),
    [("house", "", "house"), ("tree", "third", r"tree \(third\)"), ("tree and house", "", "tree")],
)
def test_an_empty_selection_changes_nothing_and_says_so(text: str, words: str, name: str) -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    empty = scene.select(text).pick(words)
    asked = model.evaluations
    with pytest.raises(NotFoundError, match=f"the selection '{name}.* is empty") as caught:
        changed(scene, empty)
    assert caught.value.code == "not_found"
    assert model.evaluations == asked


def test_a_mask_of_another_picture_is_refused() -> None:
    other = painted(np.ones((48, 32), bool))
    for resize in (False, True):
        with pytest.raises(InvalidInputError, match="the mask is of a picture of 32 x 48, this"):
            changed(scene_with("tree"), other, resize_mask=resize)


def test_adding_needs_no_query_where_a_mask_says_where() -> None:
    scene = scene_with("tree")
    where = painted(box(SIZE, 20, 30, 28, 44), "right")
    found = changed(scene, where, query="", grow=0, feather=0, source="")
    assert np.array_equal(found.mask > 0, where.binary())
    assert found.query == ""


def test_the_shortcut_takes_masks_too() -> None:
    scene = scene_with("tree")
    found = textseg.edit(
        MODEL.picture(["tree"], *SIZE, seed=1),
        "tree",
        "house",
        model=MODEL,
        mask=scene.select("tree"),
        method=method_with("diffedit"),
        source="tree",
    )
    assert np.array_equal(found.picture.rgb, changed(scene, scene.select("tree")).picture.rgb)
