"""Detail of the picture under the colours of an edit."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage import color

from tests.editing.helpers import box
from textseg.editing import finishing
from textseg.editing.finishing import changes_colour, keep_detail

SIZE = (40, 56)
REGION = box(SIZE, 8, 10, 34, 46).astype(np.float32)


def textured() -> NDArray[np.float32]:
    stripes = 0.45 + 0.1 * np.sin(np.arange(SIZE[1]) * 1.7)
    grey = np.broadcast_to(stripes[:, None], (SIZE[0], SIZE[1], 1))
    return (grey * np.array([1.0, 0.7, 0.6])).astype(np.float32)


def in_lab(rgb: NDArray[np.float32], change: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.clip(color.lab2rgb(color.rgb2lab(rgb) + change), 0, 1).astype(np.float32)


def test_the_examples_in_the_docstring_hold() -> None:
    done = doctest.testmod(finishing)
    assert (done.attempted, done.failed) == (1, 0)


@pytest.mark.parametrize(
    ("query", "target", "only"),
    [
        ("house", "red house", True),
        ("black house", "white house", True),
        ("red house", "red house", False),
        ("red house", "blue boat", False),
        ("house", "old house", False),
    ],
)
def test_words_tell_whether_only_a_colour_changes(query: str, target: str, only: bool) -> None:
    assert changes_colour(query, target) is only


def test_an_unchanged_picture_comes_back() -> None:
    before = textured()
    found = keep_detail(before, before, REGION, depth=1.0, blur=3.0)
    np.testing.assert_allclose(found, before, atol=2e-4)
    np.testing.assert_array_equal(found[REGION == 0], before[REGION == 0])


def test_an_even_change_of_colour_and_light_gets_all_detail_back() -> None:
    before = textured()
    truth = in_lab(before, (6.0, -20.0, 10.0))
    soft = np.stack([ndimage.gaussian_filter(truth[..., c], 3) for c in range(3)], -1)
    soft = np.where(REGION[..., None] > 0, soft, before).astype(np.float32)
    found = keep_detail(before, soft, REGION, depth=2.0, blur=6.0)
    inside = ndimage.binary_erosion(REGION > 0, iterations=6)
    error, was = (np.abs(each - truth)[inside].mean() for each in (found, soft))
    assert error < was / 3


def test_the_answer_stays_outside_and_along_the_outline() -> None:
    before = textured()
    after = in_lab(before, (20.0, 0.0, 0.0))[::-1].copy()
    found = keep_detail(before, after, REGION, depth=4.0, blur=3.0)
    shallow = ndimage.distance_transform_edt(REGION) <= 4
    np.testing.assert_array_equal(found[shallow], after[shallow])
    assert not np.array_equal(found[~shallow], after[~shallow])


def test_where_a_region_is_too_thin_the_answer_stays() -> None:
    before, thin = textured(), box(SIZE, 8, 10, 11, 46).astype(np.float32)
    after = in_lab(before, (20.0, 0.0, 0.0))
    assert keep_detail(before, after, thin, depth=3.0, blur=3.0) is after


def test_colours_that_no_screen_has_are_cut_in_silence() -> None:
    before = np.full((*SIZE, 3), 0.02, np.float32)
    before[::2] = 0.9
    after = np.zeros((*SIZE, 3), np.float32)
    after[..., 2] = 1.0
    found = keep_detail(before, after, REGION, depth=1.0, blur=2.0)
    assert found.min() >= 0
    assert found.max() <= 1
