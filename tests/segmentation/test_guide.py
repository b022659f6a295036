from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from textseg import Scene
from textseg.diffusion.mask_settings import RefineSettings
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.segmentation.guide import CellGrid, GuideImage, Windows, stretch
from textseg.segmentation.refine import refine, sharpen

GRID = CellGrid(size=(40, 64), cells=(5, 8))
RNG = np.random.default_rng(0)
RGB = RNG.random((40, 64, 3)).astype(np.float32)
SOFTS = RNG.random((3, 5, 8)).astype(np.float32)
SMALL_GUIDE = RefineSettings(guide_pixels=400)


@pytest.mark.parametrize("settings", [RefineSettings(), SMALL_GUIDE])
def test_what_is_shared_changes_no_mask(settings: RefineSettings) -> None:
    shared = GuideImage(RGB, GRID)
    for soft in SOFTS:
        alone = sharpen(soft, GuideImage(RGB, GRID), settings)
        np.testing.assert_array_equal(sharpen(soft, shared, settings), alone)


def test_other_settings_do_not_get_what_was_kept() -> None:
    shared = GuideImage(RGB, GRID)
    several = [
        SMALL_GUIDE,
        replace(SMALL_GUIDE, radius=3.0),
        replace(SMALL_GUIDE, smoothness=0.1),
        replace(SMALL_GUIDE, guide_pixels=900),
        SMALL_GUIDE,
    ]
    for settings in several:
        alone = refine(SOFTS[0], GuideImage(RGB, GRID), settings)
        np.testing.assert_array_equal(refine(SOFTS[0], shared, settings), alone)


def test_all_queries_of_all_calls_share_the_work_on_a_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    make = Windows.of

    def count(rgb: np.ndarray, side: int, smoothness: float) -> Windows:
        made.append(side)
        return make(rgb, side, smoothness)

    monkeypatch.setattr(Windows, "of", count)
    scene = Scene.open(render(PICTURES["meadow"][0]).image[16:112])
    scene.segment_all(["tree", "house"], draws=1)
    scene.segment("mushroom", draws=1)
    assert len(made) == 1


def test_a_guide_has_a_pixel_for_each_cell() -> None:
    image = GuideImage(RGB, replace(GRID, cells=(20, 32)))
    assert image.reduced_grid(400).size == (20, 32)
    assert image.reduced_grid(10_000).size == GRID.size
    assert image.reduced(400).shape == (20, 32, 3)
    assert GuideImage(RGB, GRID).reduced_grid(400).size == (16, 25)


def test_superpixels_are_looked_for_on_as_many_pixels_as_cells_need() -> None:
    image = GuideImage(RGB, replace(GRID, cells=(2, 3)))
    assert {labels.shape for labels in image.superpixels(10_000)} == {(31, 50)}
    assert {labels.shape for labels in image.superpixels(400)} == {(16, 25)}
    assert GuideImage(RGB, GRID).superpixels(10_000)[0].shape == GRID.size


def test_stretching_is_linear_and_holds_the_ends() -> None:
    ramp = np.add.outer(np.arange(3), 10 * np.arange(5)).astype(np.float32)
    found = stretch(ramp, (9, 25))
    np.testing.assert_allclose(found[1:-1, 2], np.arange(7) / 3, atol=1e-6)
    np.testing.assert_allclose(found[1, 2:-2], 2 * np.arange(21), atol=1e-5)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(stretch(found, (3, 5)), ramp)
    assert stretch(ramp, (3, 5)) is ramp


@pytest.mark.parametrize("size", [(3, 5), (1, 1), (24, 40)])
@pytest.mark.parametrize("colour", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (1.0, 0.2, 0.0)])
def test_a_picture_of_one_colour_has_no_edges(
    size: tuple[int, int], colour: tuple[float, float, float]
) -> None:
    grid = CellGrid(size=size, cells=(size[0] / 8, size[1] / 8))
    image = GuideImage(np.full((*size, 3), colour, np.float32), grid)
    soft = np.full((-(-size[0] // 8), -(-size[1] // 8)), 0.7, np.float32)
    np.testing.assert_allclose(refine(soft, image, RefineSettings()), 0.7, atol=1e-5)


def test_grey_and_coloured_pictures_of_the_same_light_have_the_same_edges() -> None:
    grey = np.repeat(RGB[..., :1], 3, axis=-1)
    once = np.concatenate([np.sqrt(3) * RGB[..., :1], np.full((40, 64, 2), 0.5)], -1)
    settings = RefineSettings(smoothness=0.01)  # smaller ones divide by what float32 rounds away
    one, other = (
        refine(SOFTS[0], GuideImage(rgb.astype(np.float32), GRID), settings) for rgb in (grey, once)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)
