from __future__ import annotations

import numpy as np
import pytest

from textseg.segmentation.guide import CellGrid
from textseg.segmentation.windows import MOST, Window, merged, tiles, windows_around

SIZE = (640, 960)
GRID = CellGrid(SIZE, (16, 24))  # cells of 40 pixels


def cells_with(*things: tuple[slice, slice], value: float = 0.9) -> np.ndarray:
    cells = np.zeros((16, 24), np.float32)
    for thing in things:
        cells[thing] = value
    return cells


def holds(window: Window, rows: tuple[int, int], cols: tuple[int, int]) -> bool:
    inside = window.top <= rows[0] and rows[1] <= window.bottom
    return inside and window.left <= cols[0] and cols[1] <= window.right


def test_a_window_holds_its_thing_and_what_is_around_it() -> None:
    (window,) = windows_around(cells_with(np.s_[4:6, 10:12]), GRID, native=100, around=2.5)
    assert holds(window, (160, 240), (400, 480))
    assert (window.bottom - window.top, window.right - window.left) == (200, 200)
    assert (window.top, window.left) == (100, 340)


def test_a_window_at_the_edge_stays_in_the_picture_and_is_as_large_as_the_model_likes() -> None:
    (window,) = windows_around(cells_with(np.s_[15:16, 0:1]), GRID, native=128, around=2.5)
    assert window == Window(512, 0, 640, 128)


def test_the_most_of_it_is_looked_at_first_and_not_everything() -> None:
    things = [np.s_[0:1, 0:1], np.s_[0:2, 8:10], np.s_[8:9, 3:4], np.s_[12:15, 18:21]]
    found = windows_around(cells_with(*things), GRID, native=64, around=2.5)
    assert len(found) == MOST
    assert holds(found[0], (480, 600), (720, 840))
    assert holds(found[1], (0, 80), (320, 400))


def test_where_nothing_is_found_the_brightest_place_is_looked_at() -> None:
    (window,) = windows_around(cells_with(np.s_[7:8, 5:6], value=0.2), GRID, native=100, around=2.5)
    assert holds(window, (280, 320), (200, 240))


def test_what_is_large_is_not_looked_at_again() -> None:
    assert windows_around(cells_with(np.s_[2:14, 3:20]), GRID, native=128, around=2.5) == ()
    assert windows_around(cells_with(np.s_[4:6, 10:12]), GRID, native=600, around=2.5) == ()


@pytest.mark.parametrize("native", [64, 128, 250])
def test_tiles_cover_the_picture_and_share_their_edges(native: int) -> None:
    seen = np.zeros(SIZE)
    for window in tiles(SIZE, native):
        seen[window.box] += 1
        assert window.bottom - window.top == window.right - window.left >= native
    assert seen.min() == 1
    assert seen.max() > 1
    assert tiles((100, 120), 128) == ()


def test_windows_that_agree_with_the_whole_change_nothing() -> None:
    whole = np.random.default_rng(0).random(SIZE).astype(np.float32)
    windows = tiles(SIZE, 128)
    found = merged(whole, windows, (whole[window.box] for window in windows))
    np.testing.assert_allclose(found, whole, atol=1e-6)
    np.testing.assert_array_equal(merged(whole, [], []), whole)


def test_a_window_counts_in_its_middle_and_fades_at_edges_inside_the_picture() -> None:
    whole, window = np.zeros(SIZE, np.float32), Window(100, 0, 300, 200)
    found = merged(whole, [window], [np.ones((200, 200), np.float32)])
    assert not found[:100].any()
    assert not found[:, 200:].any()
    assert (found[130:270, :170] == 1).all()  # up to the left edge, which is the picture's
    steps = np.diff(found[100:130, 100])
    assert (steps >= 0).all()
    assert steps.max() < 0.05
