from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from tests.editing.helpers import box
from textseg.editing.masks import (
    MaskShape,
    box_around,
    check_mask,
    fit_mask,
    latent_mask,
    shape_mask,
)
from textseg.errors import InvalidInputError

SIZE = (40, 60)
THING = box(SIZE, 10, 20, 26, 44)


# ---------------------------------------------------------------- the shape of a found mask


@pytest.mark.parametrize("grow", [0, 1, 3, 7.5])
def test_a_mask_grows_by_so_many_pixels_and_not_by_one_more(grow: float) -> None:
    found = shape_mask(THING, MaskShape(grow=grow, feather=0))
    distance = ndimage.distance_transform_edt(~THING)
    assert np.array_equal(found > 0, distance <= grow)
    assert set(np.unique(found)) == {0, 1}


@pytest.mark.parametrize("feather", [1, 3, 4.5])
def test_a_mask_rises_inwards_from_its_outline(feather: float) -> None:
    found = shape_mask(THING, MaskShape(grow=0, feather=feather))
    assert np.array_equal(found > 0, THING)  # nothing outside, all of the inside
    row = found[18, 20:44]
    depth = np.minimum(np.arange(1, 25), np.arange(24, 0, -1))
    np.testing.assert_allclose(row, np.minimum(depth / (feather + 1), 1), atol=1e-6)


def test_the_feather_lies_within_what_was_grown() -> None:
    wide = shape_mask(THING, MaskShape(grow=3, feather=0))
    soft = shape_mask(THING, MaskShape(grow=3, feather=2))
    assert np.array_equal(soft > 0, wide > 0)
    assert (soft[THING] == 1).all()


def test_holes_are_filled_and_bays_are_not() -> None:
    ring = THING & ~box(SIZE, 14, 26, 20, 32)
    bay = THING & ~box(SIZE, 10, 26, 20, 32)
    sharp = MaskShape(grow=0, feather=0)
    assert np.array_equal(shape_mask(ring, sharp), THING)
    assert np.array_equal(shape_mask(bay, sharp), bay)


@pytest.mark.parametrize("shape", [MaskShape(0, 0), MaskShape(5, 3)])
def test_nothing_and_everything_stay_what_they_are(shape: MaskShape) -> None:
    assert not shape_mask(np.zeros(SIZE, bool), shape).any()
    assert (shape_mask(np.ones(SIZE, bool), shape) == 1).all()


def test_a_mask_is_exactly_zero_away_from_the_thing() -> None:
    shape = MaskShape.of_cells(0.375, 8)
    assert (shape.grow, shape.feather) == (3, 2)
    found = shape_mask(THING, shape)
    assert found.dtype == np.float32
    assert (found[ndimage.distance_transform_edt(~THING) > 3] == 0).all()


def test_at_the_picture_s_edge_a_mask_does_not_fade() -> None:
    found = shape_mask(box(SIZE, 0, 0, 20, 60), MaskShape(grow=0, feather=3))
    assert (found[0] == 1).all()
    assert found[19, 30] == pytest.approx(0.25)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_shapes_that_mean_nothing_are_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match="grow is a number of pixels from 0 up"):
        MaskShape(grow=value, feather=0)
    with pytest.raises(InvalidInputError, match="feather is a number of pixels from 0 up"):
        MaskShape(grow=0, feather=value)


# ---------------------------------------------------------------- masks from a caller


@pytest.mark.parametrize(
    ("dtype", "top"),
    [(bool, 1), (np.uint8, 255), (np.uint16, 65535), (np.float16, 1), (np.float64, 1)],
)
def test_every_usual_kind_of_mask_is_read_as_from_0_to_1(dtype: type, top: int) -> None:
    found = check_mask((THING * top).astype(dtype), SIZE)
    assert found.dtype == np.float32
    assert np.array_equal(found, THING.astype(np.float32))


def test_a_grey_or_binary_image_is_a_mask_too() -> None:
    grey = Image.fromarray(THING.astype(np.uint8) * 51)
    np.testing.assert_allclose(check_mask(grey, SIZE), THING * 0.2, atol=1e-6)
    assert np.array_equal(check_mask(Image.fromarray(THING), SIZE), THING)


@pytest.mark.parametrize(
    ("mask", "match"),
    [
        (np.zeros((40, 60, 3)), r"a mask has shape \(H, W\), got \(40, 60, 3\)"),
        (np.zeros((0, 60)), r"\(0, 60\)"),
        (np.zeros((2, 40, 60)), r"got \(2, 40, 60\); give one mask: mask\[0\]"),
        (np.zeros((1, 1, 40, 60)), r"give one mask: mask\[0\]"),
        (np.zeros((40, 60, 4)), r"give one channel: mask\[..., 0\]"),
        ("mask.png", r"not a path \('mask.png'\); open the file: .*open_picture"),
        (np.full(SIZE, 2), "bool, uint8, uint16 or floats in .*, not int64; .* mask == label"),
        (np.full(SIZE, -1), "not int64"),
        (np.full(SIZE, np.nan), "NaN or infinite"),
        (np.full(SIZE, 1.5), r"\[0, 1\]"),
        (np.full(SIZE, 255.0), "divide by 255"),
        (np.ma.masked_array(np.ones(SIZE), mask=THING), "384 of its 2,400 values are masked"),
        (np.full(SIZE, -0.1), r"\[0, 1\]"),
        (np.zeros((60, 40)), "the mask is 40 x 60 pixels, the picture 60 x 40"),
    ],
)
def test_masks_that_cannot_be_used_are_refused(mask: np.ndarray, match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        check_mask(mask, SIZE)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_mask_of_zeros_and_ones_in_whole_numbers_is_refused_and_told_how_to_be_read(
    dtype: type,
) -> None:
    top = np.iinfo(dtype).max
    for label in (1, 20, top // 16):  # of all labels the largest, or 12 bits in 16
        said = f"largest value is {label} of {top}, .*; {top} .* mask == label"
        with pytest.raises(InvalidInputError, match=said):
            check_mask(THING.astype(dtype) * dtype(label), SIZE)
    faint = check_mask(THING.astype(dtype) * dtype(top // 4), SIZE)
    np.testing.assert_allclose(faint, THING * ((top // 4) / top), rtol=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.float32, np.int64])
def test_a_mask_in_which_nothing_may_change_is_no_mask_of_an_edit(dtype: type) -> None:
    with pytest.raises(InvalidInputError, match=r"0 \(black\) everywhere, so nothing may change"):
        check_mask(np.zeros(SIZE, dtype), SIZE)
    assert not fit_mask(np.zeros(SIZE, dtype), SIZE).any()


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint32, np.int8])
def test_other_integers_that_are_0_or_1_are_a_mask(dtype: type) -> None:
    assert np.array_equal(check_mask(THING.astype(dtype), SIZE), THING)


def test_a_plane_of_its_own_axis_is_a_mask() -> None:
    assert np.array_equal(check_mask(THING[None], SIZE), THING)
    assert np.array_equal(check_mask(THING[..., None], SIZE), THING)


@pytest.mark.parametrize(
    "kind",
    [
        np.ma.masked_array,
        pytest.param(
            np.matrix, marks=pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
        ),
    ],
)
def test_a_subclass_of_an_array_is_the_array(kind: type) -> None:
    whole = THING.astype(np.uint8) * 255
    found = check_mask(kind(whole), SIZE)
    assert type(found) is np.ndarray
    assert np.array_equal(found, THING)


def test_one_bad_value_is_enough() -> None:
    mask = np.zeros(SIZE, np.float32)
    mask[3, 5] = np.nan
    with pytest.raises(InvalidInputError, match="infinite"):
        check_mask(mask, SIZE)


@pytest.mark.parametrize("size", [(20, 30), (80, 120), (41, 59)])
def test_a_mask_is_brought_to_size_when_asked(size: tuple[int, int]) -> None:
    scale = size[0] / SIZE[0], size[1] / SIZE[1]
    found = check_mask(THING, size, resize=True)
    assert found.shape == size
    assert found.min() == 0
    assert found.max() == 1
    expected = THING.sum() * scale[0] * scale[1]
    assert found.sum() == pytest.approx(expected, rel=0.05)
    centre = ndimage.center_of_mass(found)
    np.testing.assert_allclose(centre, (17.5 * scale[0], 31.5 * scale[1]), atol=1)


# ---------------------------------------------------------------- latent cells


def cells_of(mask: np.ndarray, stride: int) -> np.ndarray:
    found = latent_mask(torch.from_numpy(mask.astype(np.float32))[None, None], stride)
    return found[0, 0].numpy()


def test_a_cell_is_free_from_a_quarter_under_the_mask_on_and_held_where_nothing_is() -> None:
    mask = np.zeros((8, 24), bool)
    mask[:4, :4] = True  # a quarter of the first cell
    mask[0, 8:16] = True  # an eighth of the second
    np.testing.assert_allclose(cells_of(mask, 8), [[1.0, 0.5, 0.0]])


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_empty_full_and_soft_masks_keep_their_value(stride: int) -> None:
    for value in (0.0, 0.1, 0.5, 1.0):
        found = cells_of(np.full((16, 24), value, np.float32), stride)
        assert found.shape == (16 // stride, 24 // stride)
        np.testing.assert_allclose(found, value, atol=1e-7)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), stride=st.sampled_from([2, 3, 8]), density=st.floats(0, 1))
def test_no_cell_changes_more_than_the_freest_of_its_pixels(
    seed: int, stride: int, density: float
) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((3 * stride, 4 * stride)) * (rng.random((3 * stride, 4 * stride)) < density)
    blocks = mask.astype(np.float32).reshape(3, stride, 4, stride)
    found = cells_of(mask, stride)
    assert (found <= blocks.max((1, 3))).all()
    assert np.array_equal(found > 0, blocks.max((1, 3)) > 0)


# ---------------------------------------------------------------- the box for a crop


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_box_holds_the_mask_its_margin_and_its_least_side_where_there_is_room(
    data: st.DataObject,
) -> None:
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom = data.draw(st.integers(top + 1, height))
    right = data.draw(st.integers(left + 1, width))
    margin, least = data.draw(st.integers(0, 30)), data.draw(st.integers(1, 64))
    mask = box((height, width), top, left, bottom, right).astype(np.float32)
    found = box_around(mask, margin, least)
    assert 0 <= found[0] <= top
    assert 0 <= found[1] <= left
    assert bottom <= found[2] <= height
    assert right <= found[3] <= width
    assert found[2] - found[0] == min(height, max(bottom - top + 2 * margin, least))
    assert found[3] - found[1] == min(width, max(right - left + 2 * margin, least))


def test_a_box_is_centred_on_the_mask_where_there_is_room() -> None:
    mask = box((100, 200), 40, 90, 60, 120).astype(np.float32)
    assert box_around(mask, 10, 16) == (30, 80, 70, 130)
    assert box_around(mask, 0, 64) == (18, 73, 82, 137)
