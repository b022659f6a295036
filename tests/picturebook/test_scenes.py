from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from textseg.picturebook import scenes
from textseg.picturebook.scenes import HELD_OUT, SceneDescription, Thing, render, sample_scene
from textseg.picturebook.settings import SETTINGS
from textseg.picturebook.shapes import COLORS, KINDS

BALL = Thing("ball", "red", 0.5, 0.4, 0.5, seed=1)
STAR = Thing("star", "blue", 0.5, 0.6, 0.4, seed=2)
BEACH = SceneDescription("beach", (BALL, STAR), seed=3)


def test_the_world_is_as_rich_as_promised():
    assert len(KINDS) >= 10
    assert len(COLORS) == 8
    assert len(SETTINGS) >= 5
    assert len(HELD_OUT) == 8


def test_same_seed_gives_the_same_picture():
    first, again = render(sample_scene("evaluation", 5)), render(sample_scene("evaluation", 5))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.coverage, again.coverage)


def test_streams_share_no_scene():
    seen = [{sample_scene(stream, i) for i in range(50)} for stream in scenes.STREAMS]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


def test_held_out_pairs_are_never_in_training_but_in_evaluation():
    def pairs(stream):
        described = [sample_scene(stream, i) for i in range(600)]
        return {(thing.color, thing.kind) for scene in described for thing in scene.things}

    assert not pairs("training") & HELD_OUT
    assert pairs("evaluation") & HELD_OUT


def test_sampled_scenes_have_one_to_four_things_in_every_setting():
    described = [sample_scene("calibration", i) for i in range(200)]
    assert {len(scene.things) for scene in described} == {1, 2, 3, 4}
    assert {scene.setting for scene in described} == set(SETTINGS)


@pytest.mark.parametrize("kind", list(KINDS))
def test_coverage_matches_a_count_of_changed_pixels(kind):
    thing = replace(BALL, kind=kind, color="purple")
    alone = render(SceneDescription("beach", (thing,), seed=3))
    empty = render(SceneDescription("beach", (), seed=3))
    changed = (np.abs(alone.image.astype(int) - empty.image.astype(int)) > 0).any(-1)
    covered = alone.coverage[0] > 0
    assert not (changed & ~covered).any()
    assert (changed & covered).sum() > 0.97 * covered.sum()


def test_a_ball_covers_the_area_of_its_ellipse():
    coverage = render(
        SceneDescription("beach", (replace(BALL, size=0.6),), seed=0), size=256
    ).coverage[0]
    oracle = Image.new("L", (256, 256))
    rows, cols = np.nonzero(coverage > 0.5)
    box = [int(cols.min()), int(rows.min()), int(cols.max()), int(rows.max())]
    ImageDraw.Draw(oracle).ellipse(box, fill=1)
    assert coverage.sum() == pytest.approx(np.asarray(oracle).sum(), rel=0.04)


def test_what_stands_in_front_hides_what_stands_behind():
    front = replace(STAR, row=0.5, col=0.4)
    both = render(SceneDescription("snow", (BALL, front), seed=1))
    alone = render(SceneDescription("snow", (BALL,), seed=1))
    assert (both.coverage.sum(0) <= 1 + 1e-6).all()
    hidden = alone.coverage[0] - both.coverage[0]
    np.testing.assert_allclose(hidden, alone.coverage[0] * both.coverage[1], atol=1e-6)
    assert hidden.sum() > 100


def test_an_edited_scene_differs_only_where_the_thing_was_or_is():
    before = render(BEACH)
    for edited in (
        scenes.recolored(BEACH, 0, "green"),
        scenes.replaced(BEACH, 0, "house"),
        scenes.removed(BEACH, 0),
        scenes.added(BEACH, replace(STAR, kind="fish", row=0.2, col=0.2, seed=9)),
    ):
        after = render(edited)
        touched = before.coverage[0] > 0
        touched |= (after.coverage.max(0, initial=0) > 0) & (edited.things != BEACH.things)
        same = ~touched
        np.testing.assert_array_equal(after.image[same], before.image[same])
        assert (after.image != before.image).any()


def test_recolouring_keeps_the_shape_and_a_new_setting_keeps_the_things():
    before = render(BEACH)
    recoloured = render(scenes.recolored(BEACH, 0, "green"))
    moved = render(scenes.moved_to(BEACH, "night"))
    np.testing.assert_array_equal(recoloured.coverage, before.coverage)
    np.testing.assert_array_equal(moved.coverage, before.coverage)


def test_a_picture_keeps_its_composition_at_another_size():
    small, large = render(BEACH, size=64), render(BEACH, size=128)
    shrunk = large.coverage.reshape(2, 64, 2, 64, 2).mean((2, 4))
    assert np.abs(shrunk - small.coverage).mean() < 0.01
