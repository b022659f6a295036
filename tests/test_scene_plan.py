"""An edit is planned before it is made: what is seen is what is done."""

from __future__ import annotations

import io
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.editing.helpers import Exact, Watched, box, method_with
from textseg.diffusion.card import Presence
from textseg.editing.external import external
from textseg.editing.masks import MaskShape, shape_mask
from textseg.errors import InvalidInputError, NotFoundError
from textseg.scene import Scene
from textseg.segmentation.result import Segmentation
from textseg.testing import gaussian_card

SIZE = (32, 48)
MODEL = Exact(rate=0.3)
MASK = box(SIZE, 4, 6, 20, 30)


def scene_with(*present: str, model: Exact | Watched = MODEL) -> Scene:
    return Scene.open(model.picture(present, *SIZE, seed=1), model)


def test_carrying_out_a_plan_is_the_edit() -> None:
    options = {"method": method_with("flowedit"), "source": "tree", "seed": 3}
    direct = scene_with("tree", "house").edit("tree", "house", **options)
    scene = scene_with("tree", "house")
    plan = scene.plan("tree", "house", **options)
    made = scene.carry_out(plan)
    np.testing.assert_array_equal(made.picture.rgb, direct.picture.rgb)
    np.testing.assert_array_equal(made.mask, plan.region)
    assert made.evaluations == direct.evaluations
    assert (made.prompt, made.source_prompt, made.seed) == ("house", "tree", 3)


def test_a_plan_makes_nothing_and_says_what_it_would_do() -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    plan = scene.plan("tree", "old tree", source="a tree on grass", grow=0)
    assert ("", "an old tree on grass") not in model.calls
    assert (plan.kind, plan.attempts) == ("alter", model.card.attempts.count)
    assert (plan.words.source, plan.words.target) == ("a tree on grass", "an old tree on grass")
    assert isinstance(plan.segmentation, Segmentation)
    np.testing.assert_array_equal(plan.region > 0, plan.segmentation.binary())
    shown = repr(plan)
    assert "alter: another look of the same thing" in shown
    assert f"place: {plan.share:.1%} of the picture, where 'tree' was found" in shown
    assert "method: flowedit" in shown


def test_another_seed_is_the_same_plan_and_finds_nothing_anew() -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    plan = scene.plan("tree", "house", source="tree", attempts=1)
    first = scene.carry_out(plan)
    asked = len(model.calls)
    second = scene.carry_out(replace(plan, seed=1))
    assert not np.array_equal(first.picture.rgb, second.picture.rgb)
    np.testing.assert_array_equal(first.mask, second.mask)
    assert len(model.calls) - asked == second.evaluations.decode // 4


def test_a_plan_is_seen_where_it_is_shown() -> None:
    plan = scene_with("tree").plan("", "house", mask=MASK, source="tree")
    shown = Image.open(io.BytesIO(plan._repr_png_()))
    assert shown.size[0] % SIZE[1] == 0
    assert plan.overlay().size == SIZE[::-1]
    assert "in the mask that was given" in plan.why[1]


def test_a_plan_cannot_be_changed_by_accident() -> None:
    plan = scene_with("tree").plan("", "house", mask=MASK, source="tree")
    with pytest.raises(ValueError, match="read-only"):
        plan.region[0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        plan.seed = 3  # type: ignore[misc]  # that is what is tested


def test_a_plan_of_another_picture_is_refused() -> None:
    plan = scene_with("tree").plan("", "house", mask=MASK, source="tree")
    with pytest.raises(InvalidInputError, match="the plan is of another picture"):
        scene_with("tree").carry_out(plan)


def test_what_is_not_there_cannot_be_planned() -> None:
    with pytest.raises(NotFoundError, match="'house' was not found"):
        scene_with("tree").plan("house", "tree")


def test_who_asks_for_a_number_of_attempts_gets_them_all() -> None:
    card = MODEL.card
    model = Exact(
        rate=0.3, card=replace(card, attempts=replace(card.attempts, count=3, there=0.1, gone=-2.0))
    )
    scene = scene_with("tree", model=model)
    plans = [
        scene.plan("tree", target, mask=MASK, source="a tree on a beach", **options)
        for target, options in (("house", {}), ("", {}), ("house", {"attempts": 3}))
    ]
    assert [(plan.attempts, plan.enough) for plan in plans] == [(3, 0.1), (3, -2.0), (3, None)]
    assert "at most 3 times, the best is kept" in repr(plans[0])
    setting = scene.plan("beach", "snow", source="a tree on a beach")
    assert setting.attempts == card.edits.setting.times == 1


# ---------------------------------------------------------------- a second witness

DOUBTFUL = Exact(rate=0.3, card=gaussian_card(presence=Presence(bias=-8.0, found="made up")))


def test_what_the_model_doubts_and_the_source_names_is_found() -> None:
    scene = scene_with("tree", model=DOUBTFUL)
    assert scene.segment("tree").present is False
    plan = scene.plan("the tree", "house", source="a house and a tree", grow=0, feather=0)
    np.testing.assert_array_equal(plan.region > 0, DOUBTFUL.region("tree", *SIZE))
    (note,) = plan.notes
    assert note.startswith("the model doubts that 'the tree' is there (probability 0.")
    assert scene.carry_out(plan).notes[0] == note


@pytest.mark.parametrize("options", [{"source": "a house"}, {"source": "a tree", "threshold": 0.9}])
def test_what_nobody_names_or_a_threshold_leaves_out_is_not(options: dict[str, Any]) -> None:
    with pytest.raises(NotFoundError, match="'tree' was not found"):
        scene_with("tree", model=DOUBTFUL).plan("tree", "house", **options)


def test_the_prompt_that_made_a_picture_has_seen_nothing() -> None:
    scene = Scene.generate("a tree on a beach", DOUBTFUL, size=SIZE, steps=4)
    with pytest.raises(NotFoundError, match="'tree' was not found"):
        scene.plan("tree", "house")
    assert scene.plan("tree", "house", source="a tree").words.source == "a tree"
    plan = scene.plan("tree", "house", threshold=0.0)
    assert plan.words.source == "a tree on a beach"


# ---------------------------------------------------------------- another setting


def test_another_setting_leaves_every_pixel_of_the_things_alone() -> None:
    scene = scene_with("tree", "house")
    plan = scene.plan("beach", "snow", source="a tree and a house on a beach", attempts=1)
    things = MODEL.region("tree", *SIZE) | MODEL.region("house", *SIZE)
    assert plan.kind == "setting"
    assert (plan.words.source, plan.words.target) == ("on a beach", "on a snow")
    np.testing.assert_array_equal(plan.region > 0, ~things)
    np.testing.assert_array_equal(
        plan.region, shape_mask(~things, MaskShape(0, 1.0), spared=things)
    )
    assert "where it is not (tree or house)" in repr(plan)
    made = scene.carry_out(plan)
    np.testing.assert_array_equal(made.picture.rgb[things], made.before.rgb[things])
    assert made.changed_outside == 0 < made.change_inside


def test_what_a_thing_encloses_is_not_filled_and_grows_into_no_thing() -> None:
    ring = MODEL.region("tree", *SIZE)
    scene = scene_with("tree")
    plan = scene.plan("beach", "snow", source="a tree on a beach", grow=5, feather=0)
    np.testing.assert_array_equal(plan.region, (~ring).astype(np.float32))


def test_doubted_things_are_spared_too() -> None:
    scene = scene_with("tree", model=DOUBTFUL)
    plan = scene.plan("beach", "snow", source="a tree on a beach", feather=0)
    np.testing.assert_array_equal(plan.region == 0, DOUBTFUL.region("tree", *SIZE))


def test_where_no_thing_is_named_the_query_says_where() -> None:
    plan = scene_with("tree").plan("beach", "snow", source="on a beach", mask=MASK)
    assert plan.kind == "setting"
    with pytest.raises(NotFoundError, match="'beach'"):
        scene_with("tree").plan("beach", "snow", source="on a beach", threshold=0.99)


# ---------------------------------------------------------------- the picture's own detail


def test_detail_is_kept_where_only_a_colour_changes() -> None:
    scene = scene_with("tree")
    asked = {"source": "a tree on a beach", "attempts": 1}
    plan = scene.plan("tree", "green tree", grow=3, **asked)
    assert plan.detail == 4
    assert "keeping the picture's own detail" in repr(plan)
    assert scene.plan("tree", "green tree", mask=MASK, **asked).detail == 1
    for target in ("old tree", "green house", ""):
        assert scene.plan("tree", target, **asked).detail is None
    sharp = external(lambda picture, words, mask: picture)
    assert scene.plan("tree", "green tree", method=sharp, source="a tree").detail is None


def test_detail_changes_nothing_outside_and_along_the_outline() -> None:
    scene = scene_with("tree")
    plan = scene.plan("tree", "green tree", mask=MASK, source="a tree on a beach", attempts=1)
    kept, plain = (scene.carry_out(each) for each in (plan, replace(plan, detail=None)))
    differs = (kept.picture.rgb != plain.picture.rgb).any(-1)
    assert differs.any()
    assert not differs[~ndimage.binary_erosion(MASK > 0)].any()
    assert kept.changed_outside == 0
