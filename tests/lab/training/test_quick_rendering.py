from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from textseg.lab.training.quick_rendering import render_quickly
from textseg.picturebook.scenes import render
from textseg.picturebook.worlds import scene_of

SIZE, CELLS = 96, 12


def cells_of(pixels):
    """The mean of each cell, of pictures (H, W, ...)."""
    side = SIZE // CELLS
    return pixels.reshape(CELLS, side, CELLS, side, -1).mean((1, 3))


@pytest.mark.parametrize("world", [1, 2])
def test_the_truth_is_that_of_the_renderer(world):
    for index in range(12):
        scene = scene_of(world, "training", index)
        found = render_quickly(scene, size=SIZE, cells=CELLS).coverage
        shares = render(scene, size=SIZE).coverage
        assert len(found) == len(shares)
        for ours, theirs in zip(found, shares, strict=True):
            np.testing.assert_allclose(ours, 255 * cells_of(theirs)[..., 0], atol=0.51)


@pytest.mark.parametrize(("world", "typical"), [(1, 2.0), (2, 6.0)])
def test_cells_have_about_the_colours_of_the_renderer(world, typical):
    worst = []
    for index in range(12):
        scene = scene_of(world, "training", index)
        ours = render_quickly(scene, size=SIZE, cells=CELLS).image
        worst.append(np.abs(cells_of(ours) - cells_of(render(scene, size=SIZE).image)).max())
    assert np.median(worst) < typical
    assert max(worst) < 25


def test_the_same_scene_is_drawn_the_same_each_time():
    scene = scene_of(2, "training", 3)
    first, second = (render_quickly(scene, size=SIZE, cells=CELLS) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.parametrize("col", [-1.0, 2.0])
@pytest.mark.parametrize("world", [1, 2])
def test_a_thing_outside_of_the_picture_covers_nothing(world, col):
    scene = scene_of(world, "training", 3)
    away = replace(scene.things[0], col=col)
    found = render_quickly(replace(scene, things=(away,)), size=SIZE, cells=CELLS)
    assert found.coverage.shape == (1, CELLS, CELLS)
    assert not found.coverage.any()
    assert found.image.shape == (SIZE, SIZE, 3)
