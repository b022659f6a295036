from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.segmentation.helpers import iou
from textseg.errors import InvalidInputError
from textseg.segmentation.guide import CellGrid, GuideImage, Windows
from textseg.segmentation.refine import RefineSettings, clear_specks, refine, settle, sharpen
from textseg.segmentation.superpixels import find_superpixels, vote

STRIDE = 8
CELLS = (16, 24)
GRID = CellGrid(size=(CELLS[0] * STRIDE, CELLS[1] * STRIDE), cells=CELLS)


def ellipse(height: int, width: int) -> np.ndarray:
    row, col = np.mgrid[:height, :width]
    return np.hypot((row - 0.45 * height) / 0.3 / height, (col - 0.6 * width) / 0.2 / width) < 1


def cell_means(values: np.ndarray) -> np.ndarray:
    height, width = values.shape
    blocks = values.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE)
    return blocks.mean((1, 3)).astype(np.float32)


def picture(mask: np.ndarray, *, contrast: float = 0.5, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.02, (*mask.shape, 3))
    base = np.array([0.3, 0.5, 0.6]) + contrast * mask[..., None] * np.array([1, -0.4, -0.8])
    return (base + noise).clip(0, 1).astype(np.float32)


MASK = ellipse(*GRID.size)


@pytest.mark.parametrize("method", ["guided", "walker"])
def test_edges_come_from_the_picture(method: Any) -> None:
    coarse = cell_means(MASK)
    plain = refine(coarse, GuideImage(picture(MASK), GRID), RefineSettings(method="bicubic"))
    found = refine(coarse, GuideImage(picture(MASK), GRID), RefineSettings(method=method))
    assert iou(plain > 0.5, MASK) < 0.985
    assert iou(found > 0.5, MASK) > 0.995


@pytest.mark.parametrize("method", ["bicubic", "guided", "walker"])
def test_rows_stay_rows_and_columns_stay_columns(method: Any) -> None:
    coarse = np.zeros(CELLS, np.float32)
    coarse[2:4, 12:20] = 1
    grey = np.full((*GRID.size, 3), 0.5, np.float32)
    found = refine(coarse, GuideImage(grey, GRID), RefineSettings(method=method))
    centre = np.argwhere(found > found.max() / 2).mean(0)
    np.testing.assert_allclose(centre, [2 * STRIDE + 7.5, 12 * STRIDE + 31.5], atol=1)


def test_enlarging_keeps_every_cell_where_it_lies() -> None:
    coarse = np.random.default_rng(0).random(CELLS).astype(np.float32)
    smooth = GRID.enlarge(coarse, order=1)
    first = np.array([0, STRIDE, 2 * STRIDE]) + STRIDE // 2
    between = (smooth[first - 1][:, first] + smooth[first][:, first]) / 2
    between = (between + (smooth[first - 1][:, first - 1] + smooth[first][:, first - 1]) / 2) / 2
    np.testing.assert_allclose(between, coarse[:3, :3], atol=0.06)
    assert np.array_equal(CellGrid(size=CELLS, cells=CELLS).enlarge(coarse, order=1), coarse)


def test_a_last_cell_that_lies_partly_outside_does_not_shift_the_others() -> None:
    cut = CellGrid(
        size=(GRID.size[0] - 5, GRID.size[1] - 3), cells=(CELLS[0] - 5 / 8, CELLS[1] - 3 / 8)
    )
    coarse = cell_means(MASK)
    whole = GRID.enlarge(coarse)
    np.testing.assert_allclose(cut.enlarge(coarse), whole[:-5, :-3], atol=1e-4)


@pytest.mark.parametrize("gate", [0.05, 0.2])
def test_the_gate_bounds_how_far_edges_of_other_things_move_a_cell(gate: float) -> None:
    """The map is a soft slope; the picture has one hard edge, which the map does not know of."""
    coarse = np.tile(np.linspace(0.1, 0.9, CELLS[1], dtype=np.float32), (CELLS[0], 1))
    rgb = picture(np.indices(GRID.size)[1] > 60)
    plain, free, gated = (
        cell_means(refine(coarse, GuideImage(rgb, GRID), RefineSettings(method=method, gate=width)))
        for method, width in (("bicubic", 1.0), ("walker", 100.0), ("walker", gate))
    )
    assert np.abs(free - plain).max() > 0.5
    assert np.abs(gated - plain).max() < 1.1 * gate


def test_the_guided_filter_solves_its_least_squares_problem() -> None:
    rng = np.random.default_rng(1)
    guide = rng.random((7, 7, 3)).astype(np.float32)
    mask = rng.random((7, 7)).astype(np.float32)
    smoothness = 0.01
    *slopes, offset = Windows.of(guide, 1, smoothness).fit(mask)
    np.testing.assert_allclose(slopes, 0, atol=1e-6)  # one pixel has no slope
    np.testing.assert_allclose(offset, mask, atol=1e-6)
    # a window as large as a periodic picture sees the same pixels everywhere
    tiled = Windows.of(np.tile(guide, (5, 5, 1)), 7, smoothness)
    *slopes, offset = tiled.fit(np.tile(mask, (5, 5)))
    flat, target = guide.reshape(-1, 3).astype(float), mask.ravel().astype(float)
    centred = flat - flat.mean(0)
    covariance = centred.T @ centred / 49 + smoothness * np.eye(3)
    expected = np.linalg.solve(covariance, centred.T @ (target - target.mean()) / 49)
    np.testing.assert_allclose([slope[17, 17] for slope in slopes], expected, rtol=1e-3, atol=1e-5)
    assert offset[17, 17] == pytest.approx(target.mean() - expected @ flat.mean(0), rel=1e-4)


def test_without_certain_seeds_the_walker_leaves_the_coarse_mask() -> None:
    coarse = np.full(CELLS, 0.1, np.float32)
    found = refine(coarse, GuideImage(picture(MASK), GRID), RefineSettings(method="walker"))
    np.testing.assert_allclose(found, 0.1, atol=1e-5)


def test_a_large_picture_is_refined_with_a_reduced_guide() -> None:
    coarse, rgb = cell_means(MASK), picture(MASK)
    full = refine(coarse, GuideImage(rgb, GRID), RefineSettings(radius=3.0))
    less = RefineSettings(radius=3.0, guide_pixels=MASK.size // 4)
    reduced = refine(coarse, GuideImage(rgb, GRID), less)
    assert iou(reduced > 0.5, MASK) > 0.96
    assert np.abs(reduced - full).mean() < 0.02


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    method=st.sampled_from(["bicubic", "guided", "walker"]),
    seed=st.integers(0, 9),
)
def test_any_size_gives_a_mask_of_that_size_between_zero_and_one(
    height: int, width: int, method: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    grid = CellGrid(size=(height, width), cells=(height / STRIDE, width / STRIDE))
    coarse = rng.random((-(-height // STRIDE), -(-width // STRIDE))).astype(np.float32)
    rgb = rng.random((height, width, 3)).astype(np.float32)
    kept = coarse.copy(), rgb.copy()
    found = refine(coarse, GuideImage(rgb, grid), RefineSettings(method=method))
    assert found.shape == (height, width)
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1
    assert np.array_equal(coarse, kept[0])
    assert np.array_equal(rgb, kept[1])


@pytest.mark.parametrize(
    "wrong",
    [{"method": "matting"}, {"radius": 0}, {"gate": -1}, {"votes": 1.1}, {"speck": -0.1}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        RefineSettings(**wrong)


def test_settling_puts_the_share_of_the_peak_at_one_half() -> None:
    fine = np.linspace(0, 0.5, 12 * 20, dtype=np.float32).reshape(12, 20)
    peak = np.quantile(fine, 0.998)
    soft = settle(fine, 1.0, RefineSettings(cut=0.4)).soft
    np.testing.assert_array_equal(soft > 0.5, fine > 0.4 * peak)
    assert (np.diff(soft.ravel()) >= 0).all()
    assert soft.max() <= 1


@pytest.mark.parametrize("radius", [4, 8, 12, 40])
def test_small_things_keep_their_outline(radius: int) -> None:
    """Discs of 0.02 to 2 % of a large picture: the coarse map is what the cells hold of them."""
    size = (384, 640)
    row, col = np.mgrid[: size[0], : size[1]]
    disc = np.hypot(row - 200, col - 300) < radius
    coarse = np.maximum(cell_means(disc), 0.02)
    grid = CellGrid(size=size, cells=(size[0] / STRIDE, size[1] / STRIDE))
    found = sharpen(coarse, GuideImage(picture(disc), grid), RefineSettings())
    assert iou(found > 0.5, disc) > 0.98


def test_single_pixels_do_not_decide_the_peak_of_a_small_thing() -> None:
    fine = np.full((80, 120), 0.01, np.float32)
    fine[20:24, 30:35] = 0.4
    fine[21, 31] = 1.0
    inside = settle(fine, 20 / fine.size, RefineSettings()).soft > 0.5
    np.testing.assert_array_equal(inside, fine > 0.2)


def test_the_peak_of_larger_things_is_that_of_the_whole_picture() -> None:
    fine = np.linspace(0, 0.5, 12 * 20, dtype=np.float32).reshape(12, 20)
    one, other = (settle(fine, found, RefineSettings()).soft for found in (0.011, 1.0))
    np.testing.assert_array_equal(one, other)


def test_settling_reports_its_own_slope() -> None:
    fine = np.linspace(0.05, 0.9, 24, dtype=np.float32).reshape(4, 6)
    setting, step = RefineSettings(cut=0.5), 1e-3
    found = settle(fine, 1.0, setting)
    raised = fine.copy()
    raised[1, 2] += step  # too few pixels to move the peak
    risen = settle(raised, 1.0, setting).soft[1, 2] - found.soft[1, 2]
    assert risen / step == pytest.approx(found.slope[1, 2], rel=0.02)


def test_nothing_settles_to_nothing_and_no_cut_changes_nothing() -> None:
    nothing = np.zeros((4, 6), np.float32)
    assert not settle(nothing, 1.0, RefineSettings()).soft.any()
    some = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(settle(some, 1.0, RefineSettings(cut=None)).soft, some)


# ---------------------------------------------------------------- what is smaller than a cell shows


def spotted() -> np.ndarray:
    """A large piece with a hole of 4 pixels and one of 6; outside a speck of 4 and one of 6."""
    soft = np.full((24, 40), 0.1, np.float32)
    soft[4:20, 4:20] = 0.9
    soft[6:8, 6:8] = 0.2
    soft[12:14, 12:15] = 0.3
    soft[4:6, 30:32] = 0.7
    soft[12:14, 30:33] = 0.8
    return soft


def test_specks_and_holes_below_the_least_area_are_turned_over() -> None:
    soft, expected = spotted(), spotted()
    expected[6:8, 6:8] = 0.8
    expected[4:6, 30:32] = 0.3
    np.testing.assert_allclose(clear_specks(soft, 6), expected, atol=1e-6)
    np.testing.assert_array_equal(clear_specks(soft, 4), soft)
    assert clear_specks(soft, 7).max() == np.float32(0.9)
    np.testing.assert_array_equal(clear_specks(soft, 7)[4:20, 4:20] > 0.5, True)
    assert not (clear_specks(soft, 7)[:, 20:] > 0.5).any()
    np.testing.assert_array_equal(soft, spotted())


def test_pixels_that_touch_at_a_corner_are_one_piece_and_close_a_hole() -> None:
    soft = np.zeros((9, 12), np.float32)
    for row, col in ((2, 4), (3, 3), (3, 5), (4, 4)):
        soft[row, col] = 0.9
    found = clear_specks(soft, 4)
    assert found[3, 4] == 1
    assert (found > 0.5).sum() == 5
    assert not (clear_specks(soft, 5) > 0.5).any()


@pytest.mark.parametrize("inside", [0, 4, 15])
def test_a_picture_smaller_than_a_speck_is_not_its_own_hole(inside: int) -> None:
    soft = np.full(15, 0.2, np.float32)
    soft[:inside] = 0.9
    assert not (clear_specks(soft.reshape(3, 5), 16) > 0.5).any()


def test_a_value_of_one_half_in_a_hole_ends_up_inside() -> None:
    soft = np.full((6, 9), 0.9, np.float32)
    soft[2, 3] = 0.5
    assert (clear_specks(soft, 2) > 0.5).all()


def test_specks_are_counted_in_latent_cells() -> None:
    rng = np.random.default_rng(2)
    image = GuideImage(rng.random((*GRID.size, 3)).astype(np.float32), GRID)
    coarse = rng.random(CELLS).astype(np.float32)
    raw = sharpen(coarse, image, RefineSettings())
    found = sharpen(coarse, image, RefineSettings(speck=0.25))
    assert not np.array_equal(found, raw)
    np.testing.assert_array_equal(found, clear_specks(raw, 0.25 * STRIDE**2))


# ---------------------------------------------------------------- superpixels


def test_a_piece_votes_for_its_mean() -> None:
    mask = np.arange(15, dtype=np.float32).reshape(3, 5)
    halves = np.array([[0, 0, 1, 1, 1]] * 3, np.int32)
    one = np.zeros((3, 5), np.int32)
    np.testing.assert_allclose(vote(mask, [halves])[0], [5.5, 5.5, 8, 8, 8])
    np.testing.assert_allclose(vote(mask, [halves, one])[0], [6.25, 6.25, 7.5, 7.5, 7.5])
    np.testing.assert_allclose(vote(np.full((3, 5), 0.3, np.float32), [halves, one]), 0.3)


def test_superpixels_follow_colours_and_their_number_the_cells() -> None:
    rgb = np.where(MASK[..., None], [0.9, 0.2, 0.1], [0.1, 0.3, 0.8]).astype(np.float32)
    coarse, fine = find_superpixels(rgb, 24), find_superpixels(rgb, 384)
    assert coarse[0].max() < fine[0].max()  # by SLIC
    for labels in fine:
        assert labels.shape == MASK.shape
        voted = vote(MASK.astype(np.float32), [labels]) > 0.5
        assert (voted != MASK).mean() < 0.001


def test_votes_are_mixed_with_the_refined_mask() -> None:
    coarse, image = cell_means(MASK), GuideImage(picture(MASK), GRID)
    plain = refine(coarse, image, RefineSettings())
    voted = vote(plain, image.superpixels(RefineSettings().guide_pixels))
    found = refine(coarse, image, RefineSettings(votes=0.7))
    np.testing.assert_allclose(found, 0.3 * plain + 0.7 * voted, atol=1e-6)
    assert image.superpixels(RefineSettings().guide_pixels)[0] is image.superpixels(65_536)[0]


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (24, 40), (90, 130)])
@pytest.mark.parametrize("colours", ["one", "grey", "many"])
def test_any_picture_has_superpixels(size: tuple[int, int], colours: str) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.random((*size, 3)) if colours == "many" else np.full((*size, 3), 0.4)
    rgb = rgb if colours != "grey" else np.repeat(rng.random((*size, 1)), 3, -1)
    grid = CellGrid(size=size, cells=(size[0] / STRIDE, size[1] / STRIDE))
    soft = rng.random((-(-size[0] // STRIDE), -(-size[1] // STRIDE))).astype(np.float32)
    settings = RefineSettings(votes=0.7, speck=0.25, guide_pixels=4000)
    found = sharpen(soft, GuideImage(rgb.astype(np.float32), grid), settings)
    assert found.shape == size
    assert 0 <= found.min() <= found.max() <= 1
