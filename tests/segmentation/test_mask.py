from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy import ndimage

from tests.segmentation.helpers import maps
from textseg.editing.masks import check_mask
from textseg.errors import InvalidInputError
from textseg.segmentation.mask import Mask
from textseg.segmentation.picking import REGION_WORDS
from textseg.segmentation.pixels import MaskPixels
from textseg.segmentation.result import Segmentation
from textseg.segmentation.selecting import select
from textseg.segmentation.settings import SegmentSettings, Threshold
from textseg.testing import gaussian_card

SIZE = (12, 20)
RGB = np.linspace(0, 1, 12 * 20 * 3, dtype=np.float32).reshape(*SIZE, 3)
# Three houses, the largest in the middle; a skirt of 0.3 is around and between them.
LEFT, MIDDLE, RIGHT = (1, 2, 4, 6), (7, 3, 13, 10), (16, 1, 18, 4)


def boxes(*given: tuple[int, int, int, int], value: float = 0.8, rest: float = 0.0) -> np.ndarray:
    soft = np.full(SIZE, rest, np.float32)
    for left, top, right, bottom in given:
        soft[top:bottom, left:right] = value
    return soft


def mask_of(soft: np.ndarray, name: str = "house", **others: float) -> Mask:
    return Mask(soft, name, np.zeros((*soft.shape, 3), np.float32), **others)


def houses(rest: float = 0.3) -> Mask:
    return Mask(boxes(LEFT, MIDDLE, RIGHT, rest=rest), "house", RGB)


def found_at(soft: np.ndarray, *, query: str = "house", present: bool = True) -> Segmentation:
    """A segmentation with this soft mask, of a model whose cells are 2 x 2 pixels."""
    return Segmentation(
        query=query,
        pixels=MaskPixels.of(soft.astype(np.float32), lambda: np.zeros_like(soft)),
        presence=0.9 if present else 0.1,
        present=present,
        threshold=Threshold("difference", "otsu", 1.0),
        settings=SegmentSettings.of_card(gaussian_card()),
        raw=maps(np.ones((soft.shape[0] // 2, soft.shape[1] // 2))),
        rgb=np.zeros((*soft.shape, 3), np.float32),
    )


def shown(mask: Mask) -> set[str]:
    """The names of the houses that a mask shows wholly; no pixel may be elsewhere."""
    inside = mask.binary()
    whole = {"left": LEFT, "middle": MIDDLE, "right": RIGHT}
    names = {name for name, box in whole.items() if inside[boxes(box) > 0].all()}
    assert np.array_equal(inside, boxes(*(whole[name] for name in names)) > 0)
    return names


UNIT = st.floats(0, 1, width=32)
SOFT = hnp.arrays(np.float32, (5, 7), elements=UNIT | st.sampled_from([0.0, 0.5, 1.0]))
MASKS = st.builds(mask_of, SOFT)

quickly = settings(max_examples=40, deadline=None)


# ---------------------------------------------------------------- algebra


def test_and_is_the_smaller_value_or_the_larger_and_not_the_rest() -> None:
    a = mask_of(np.array([[0.0, 0.25, 1.0, 0.75]], np.float32), "a")
    b = mask_of(np.array([[0.5, 0.75, 0.0, 0.25]], np.float32), "b")
    assert (a & b).soft.tolist() == [[0, 0.25, 0, 0.25]]
    assert (a | b).soft.tolist() == [[0.5, 0.75, 1, 0.75]]
    assert (~a).soft.tolist() == [[1, 0.75, 0, 0.25]]
    assert (a - b).soft.tolist() == [[0, 0.25, 1, 0.75]]
    assert all(made.soft.dtype == np.float32 for made in (a & b, a | b, ~a, a - b))


@quickly
@given(MASKS, MASKS)
def test_de_morgan(a: Mask, b: Mask) -> None:
    assert np.array_equal((~(a & b)).soft, (~a | ~b).soft)
    assert np.array_equal((~(a | b)).soft, (~a & ~b).soft)
    assert np.array_equal((a - b).soft, (a & ~b).soft)


@quickly
@given(MASKS, MASKS)
def test_and_and_or_are_idempotent_and_absorb(a: Mask, b: Mask) -> None:
    assert np.array_equal((a & a).soft, a.soft)
    assert np.array_equal((a | a).soft, a.soft)
    assert np.array_equal((a | (a & b)).soft, a.soft)
    assert np.array_equal((a & (a | b)).soft, a.soft)


@quickly
@given(MASKS, MASKS)
def test_what_is_cut_is_boolean_algebra(a: Mask, b: Mask) -> None:
    one, other = a.binary(), b.binary()
    assert np.array_equal((a & b).binary(), one & other)
    assert np.array_equal((a | b).binary(), one | other)
    assert np.array_equal((a - b).binary(), one & ~other)


@quickly
@given(MASKS)
def test_every_pixel_is_in_a_mask_or_in_its_inverse(a: Mask) -> None:
    assert np.array_equal((~a).binary(), ~a.binary())
    assert np.array_equal((~~a).binary(), a.binary())
    np.testing.assert_allclose((~~a).soft, a.soft, atol=2e-7)


@quickly
@given(MASKS, MASKS)
def test_operands_are_not_changed(a: Mask, b: Mask) -> None:
    kept = a.soft.copy(), b.soft.copy()
    _ = a & b, a | b, a - b, ~a, a.grow(1), a.shrink(1), a.paint([(1, 1)], 2, 1), a.as_mask(0.3)
    assert np.array_equal(a.soft, kept[0])
    assert np.array_equal(b.soft, kept[1])


def test_names_say_what_was_put_together() -> None:
    a, b, c = (mask_of(boxes(LEFT), name) for name in ("house", "door", "window"))
    assert (a - b).name == "house and not door"
    assert (a - (b | c)).name == "house and not (door or window)"
    assert (~(a & b) | c).name == "not (house and door) or window"
    assert ((a | b) & c).name == "(house or door) and window"
    assert (a.grow(1.5) - b).name == "house (grown by 1.5) and not door"
    assert (a | b).pick(" the  left one").name == "(house or door) (the left one)"
    assert a.keep((3, 2)).drop((3, 2)).name == "house (corrected)"
    assert (~mask_of(boxes(LEFT), "")).name == "not mask"
    assert (found_at(boxes(LEFT), query="salt and pepper") - b).name == (
        '"salt and pepper" and not door'
    )


def test_masks_of_other_sizes_do_not_go_together() -> None:
    other = mask_of(np.zeros((20, 12), np.float32), "door")
    for combine in (lambda a, b: a & b, lambda a, b: a | b, lambda a, b: a - b):
        with pytest.raises(InvalidInputError, match=r"'house' is .* 20 x 12, .*door' one of 12 x"):
            combine(houses(), other)


def test_arrays_and_numbers_are_no_operands_from_either_side() -> None:
    array = np.ones(SIZE, bool)
    for combine in (lambda a, b: a & b, lambda a, b: a | b, lambda a, b: a - b):
        for other in (array, True, 1.0, None):
            with pytest.raises(TypeError):
                combine(houses(), other)
            with pytest.raises(TypeError):
                combine(other, houses())


def test_the_stricter_rule_for_specks_holds_for_both() -> None:
    strict, lenient = mask_of(boxes(LEFT), least_area=5.0), mask_of(boxes(RIGHT))
    assert (strict | lenient).least_area == (lenient | strict).least_area == 5


# ---------------------------------------------------------------- growing


@quickly
@given(MASKS, st.floats(0, 9))
def test_growing_takes_the_largest_value_within_the_radius(a: Mask, radius: float) -> None:
    rows, cols = np.mgrid[:5, :7]
    for row, col in ((0, 0), (2, 3), (4, 6), (3, 0)):
        near = (rows - row) ** 2 + (cols - col) ** 2 <= radius**2
        assert a.grow(radius).soft[row, col] == a.soft[near].max()
        assert a.shrink(radius).soft[row, col] == a.soft[near].min()


@pytest.mark.parametrize("radius", [0, 0.9, 1, 1.4, 2**0.5, 1.5, 3, 5, 7.5, 40, 1e300])
def test_what_grows_is_within_the_distance(radius: float) -> None:
    distance = ndimage.distance_transform_edt(~houses().binary())
    assert np.array_equal(houses().grow(radius).binary(), distance <= radius)


@quickly
@given(MASKS, st.floats(0, 4))
def test_closing_takes_nothing_away_and_opening_adds_nothing(a: Mask, radius: float) -> None:
    closed, opened = a.grow(radius).shrink(radius), a.shrink(radius).grow(radius)
    assert (closed.soft >= a.soft).all()
    assert (opened.soft <= a.soft).all()
    assert np.array_equal(closed.grow(radius).shrink(radius).soft, closed.soft)
    assert np.array_equal(opened.shrink(radius).grow(radius).soft, opened.soft)


@quickly
@given(MASKS, st.floats(0, 4))
def test_growing_is_shrinking_of_all_else(a: Mask, radius: float) -> None:
    assert np.array_equal((~a.grow(radius)).soft, (~a).shrink(radius).soft)


def test_the_edge_of_the_picture_takes_nothing_away() -> None:
    everything = mask_of(np.ones(SIZE, np.float32))
    assert (everything.shrink(3).soft == 1).all()


@pytest.mark.parametrize("pixels", [-0.1, float("nan"), float("inf")])
def test_radii_that_mean_nothing_are_refused(pixels: float) -> None:
    for change in (houses().grow, houses().shrink):
        with pytest.raises(InvalidInputError, match="pixels is a number from 0 up"):
            change(pixels)


# ---------------------------------------------------------------- picking


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("left", {"left"}),
        ("right", {"right"}),
        ("top", {"right"}),
        ("bottom", {"middle"}),
        ("middle", {"middle"}),
        ("largest", {"middle"}),
        ("smallest", {"right"}),
        ("second from the right", {"middle"}),
        ("last two", {"middle", "right"}),
        ("1", {"middle"}),
        ("", {"left", "middle", "right"}),
        ("all", {"left", "middle", "right"}),
        ("fifth", set()),
    ],
)
def test_words_pick_regions(words: str, names: set[str]) -> None:
    assert shown(houses().pick(words)) == names


def test_doubtful_pixels_stay_with_the_nearest_region() -> None:
    picked = houses(rest=0.3).pick("left")
    # between the left house (last column 3) and the middle one (first column 7)
    assert picked.soft[4, 3:8].tolist() == pytest.approx([0.8, 0.3, 0.3, 0, 0])
    assert picked.soft[0, 0] == pytest.approx(0.3)
    assert picked.regions(0.2)[0].area == (picked.soft > 0).sum()


def test_specks_are_not_picked() -> None:
    soft = boxes(LEFT, MIDDLE, (19, 11, 20, 12))
    mask = mask_of(soft, least_area=2.0)
    assert mask.pick("right").binary().sum() == 6 * 7
    assert mask.pick("all") is mask
    assert mask.pick("").binary()[11, 19]


def test_words_that_are_not_understood_are_refused_on_an_empty_mask_too() -> None:
    for mask in (houses(), mask_of(np.zeros(SIZE, np.float32))):
        with pytest.raises(InvalidInputError, match="'blue one' does not say which") as caught:
            mask.pick("blue one")
        assert REGION_WORDS in str(caught.value)
    assert not mask_of(np.zeros(SIZE, np.float32)).pick("left").binary().any()


# ---------------------------------------------------------------- corrections


def test_points_keep_or_drop_the_regions_under_them() -> None:
    assert shown(houses().keep((2, 1))) == {"left"}
    assert shown(houses().keep((5, 3), (3, 17))) == {"left", "right"}
    assert shown(houses().drop((9, 12))) == {"left", "right"}
    assert shown(houses().drop((2, 1), (2, 2), (1, 16))) == {"middle"}
    assert shown(houses().drop((2, 1)).drop((5, 8)).drop((1, 16))) == set()


def test_pixels_that_touch_at_a_corner_are_one_region() -> None:
    mask = mask_of(boxes((1, 1, 3, 3), (3, 3, 5, 5), (6, 6, 8, 8)))
    assert mask.keep((1, 1)).binary()[4, 4]
    assert [region.area for region in mask.regions()] == [8, 4]


def test_points_lie_in_the_pixel_that_they_are_nearest_to() -> None:
    assert shown(houses().keep((1.5, 0.5))) == {"left"}
    assert shown(houses().keep((5.49, 3.49))) == {"left"}
    for point in ((1.49, 1), (2, 0.49), (5.5, 1), (2, 3.5)):
        with pytest.raises(InvalidInputError, match="no region at row"):
            houses().keep(point)


@pytest.mark.parametrize("point", [(0, 0), (-1, 2), (2, 20), (12, 2), (1e5, -1e5)])
def test_a_point_on_no_region_is_refused(point: tuple[float, float]) -> None:
    for change in (houses().keep, houses().drop):
        with pytest.raises(InvalidInputError, match=r"no region at row .* of 20 x 12"):
            change((2, 1), point)


@pytest.mark.parametrize("point", [(float("nan"), 1), (1e7, 0), (1, 2, 3), 4, "ab", (None, 1)])
def test_what_is_no_point_is_refused(point: object) -> None:
    with pytest.raises(InvalidInputError, match="point"):
        houses().drop(point)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidInputError, match="point"):
        houses().paint([point], 1, 1)  # type: ignore[list-item]  # wrong on purpose
    with pytest.raises(InvalidInputError, match="no point"):
        houses().keep()


def test_specks_can_be_pointed_at() -> None:
    mask = mask_of(boxes(LEFT, (19, 11, 20, 12)), least_area=4.0)
    assert len(mask.regions()) == 1
    assert shown(mask.drop((11, 19))) == {"left"}
    assert mask.keep((11, 19)).binary().sum() == 1


def test_a_dropped_region_takes_its_skirt_along() -> None:
    left = houses(rest=0.3).drop((5, 8))
    assert left.soft[5, 7:13].tolist() == [0] * 6
    assert left.soft[5, 6] == 0
    assert left.soft[5, 4] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("box", "names"),
    [
        ((0, 0, 20, 12), {"left", "middle", "right"}),
        (LEFT, {"left"}),
        ((1, 2, 4, 4), {"left"}),  # exactly half of it
        ((-50, -50, 14, 500), {"left", "middle"}),
        ((0.4, 1.6, 3.6, 6.2), {"left"}),  # rounded to whole pixels
    ],
)
def test_boxes_mean_the_regions_of_which_half_lies_inside(
    box: tuple[float, float, float, float], names: set[str]
) -> None:
    assert shown(houses().keep_box(box)) == names
    assert shown(houses().drop_box(box)) == {"left", "middle", "right"} - names


def test_several_boxes_add_up() -> None:
    assert shown(houses().keep_box(LEFT, RIGHT)) == {"left", "right"}
    assert shown(houses().drop_box(LEFT, RIGHT)) == {"middle"}


@pytest.mark.parametrize("box", [(1, 2, 4, 3), (0, 0, 1, 1), (8, 4, 11, 8), (19, 11, 30, 30)])
def test_a_box_that_no_region_lies_in_is_refused(box: tuple[int, int, int, int]) -> None:
    for change in (houses().keep_box, houses().drop_box):
        with pytest.raises(InvalidInputError, match="no region lies in the box"):
            change(LEFT, box)


@pytest.mark.parametrize(
    "box",
    [
        (4, 2, 1, 6),
        (1, 2, 1, 6),
        (1, 2, 3),
        5,
        ("a", 0, 1, 1),
        (0, 0, float("nan"), 1),
        (0, 0, float("inf"), 1),
        (-9, -9, -1, -1),
    ],
)
def test_what_is_no_box_is_refused(box: object) -> None:
    with pytest.raises(InvalidInputError, match="a box is"):
        houses().keep_box(box)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidInputError, match="there is no box"):
        houses().drop_box()


def test_corrections_of_an_empty_mask_hit_nothing() -> None:
    empty = mask_of(np.zeros(SIZE, np.float32))
    with pytest.raises(InvalidInputError, match="no region at"):
        empty.drop((1, 1))
    with pytest.raises(InvalidInputError, match="no region lies"):
        empty.keep_box((0, 0, 20, 12))


# ---------------------------------------------------------------- painting


def test_a_dot_covers_the_pixels_within_its_radius_and_fades_over_one() -> None:
    painted = mask_of(np.zeros(SIZE, np.float32)).paint([(5, 8)], 2, 1.0)
    rows, cols = np.mgrid[: SIZE[0], : SIZE[1]]
    distance = np.hypot(rows - 5, cols - 8)
    np.testing.assert_allclose(painted.soft, (2.5 - distance).clip(0, 1), atol=1e-6)
    assert painted.soft.dtype == np.float32


def test_a_stroke_goes_from_point_to_point() -> None:
    painted = mask_of(np.zeros(SIZE, np.float32)).paint([(3, 2), (3, 10), (9, 10)], 1, 1.0)
    rows, cols = np.mgrid[: SIZE[0], : SIZE[1]]
    across = np.hypot(rows - 3, cols - cols.clip(2, 10))
    down = np.hypot(rows - rows.clip(3, 9), cols - 10)
    expected = (1.5 - np.minimum(across, down)).clip(0, 1)
    np.testing.assert_allclose(painted.soft, expected, atol=1e-6)


def test_a_brush_sets_the_value_and_leaves_the_rest() -> None:
    before = houses()
    painted = before.paint([(5, 10)], 1.5, 0.6)
    assert painted.soft[5, 10] == pytest.approx(0.6)
    erased = before.paint([(5, 10)], 1.5, 0.0)
    assert erased.soft[5, 10] == 0
    assert erased.soft[5, 12] == pytest.approx(0.8)
    half_way = (2 - 2**0.5) * 0.6 + (2**0.5 - 1) * np.float32(0.8)  # at the corner of the brush
    assert painted.soft[6, 11] == pytest.approx(half_way, abs=1e-6)


def test_strokes_are_cut_off_at_the_picture() -> None:
    empty = mask_of(np.zeros(SIZE, np.float32))
    assert not empty.paint([(-40, -40), (-40, 500)], 3, 1).soft.any()
    crossing = empty.paint([(5, -1000), (5, 1000)], 0.5, 1).soft
    assert (crossing[5] == 1).all()
    assert crossing.sum() == SIZE[1]
    assert (empty.paint([(0, 0)], 1e6, 1).soft == 1).all()


@quickly
@given(
    MASKS,
    st.lists(st.tuples(st.floats(-9, 15), st.floats(-9, 15)), min_size=1, max_size=4),
    st.floats(0.01, 20),
    st.floats(0, 1),
)
def test_any_stroke_gives_a_mask(
    a: Mask, points: list[tuple[float, float]], radius: float, value: float
) -> None:
    painted = a.paint(points, radius, value)
    low, high = np.minimum(a.soft, np.float32(value)), np.maximum(a.soft, np.float32(value))
    assert (painted.soft >= low - 1e-6).all()
    assert (painted.soft <= high + 1e-6).all()


@pytest.mark.parametrize(
    ("radius", "value", "match"),
    [
        (0, 1, "radius"),
        (-1, 1, "radius"),
        (float("nan"), 1, "radius"),
        (float("inf"), 1, "radius"),
        (1, -0.1, "value"),
        (1, 1.1, "value"),
        (1, float("nan"), "value"),
    ],
)
def test_brushes_that_mean_nothing_are_refused(radius: float, value: float, match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        houses().paint([(1, 1)], radius, value)


# ---------------------------------------------------------------- what is spared


def test_what_was_taken_away_is_spared_until_it_is_put_back() -> None:
    house, door = mask_of(boxes(MIDDLE)), mask_of(boxes((9, 6, 11, 10)), "door")
    assert house.spared is None
    assert np.array_equal((house - door).spared, door.binary())
    assert np.array_equal((~house).spared, house.binary())
    assert not ((house - door) | door).spared.any()
    assert np.array_equal(((house - door) | mask_of(boxes(LEFT))).spared, door.binary())
    assert np.array_equal((house - door).grow(1).spared, door.shrink(1).binary())
    assert np.array_equal(houses().pick("left").spared, boxes(MIDDLE, RIGHT) > 0)
    assert np.array_equal(houses().drop((5, 8)).spared, boxes(MIDDLE) > 0)
    assert houses().paint([(5, 10)], 1, 0).spared.sum() == 5
    assert not (house - mask_of(np.zeros(SIZE, np.float32))).spared.any()


@quickly
@given(MASKS, MASKS)
def test_nothing_inside_is_spared(a: Mask, b: Mask) -> None:
    for made in (a - b, ~a, (a - b) | ~b, (a - b).grow(1), a.pick("left"), (a - b).as_mask(0.2)):
        assert made.spared is None or not (made.spared & made.binary()).any()


# ---------------------------------------------------------------- made of arrays


@pytest.mark.parametrize(
    "array",
    [
        boxes(MIDDLE) > 0,
        np.uint8(255) * (boxes(MIDDLE) > 0),
        np.uint16(65535) * (boxes(MIDDLE) > 0),
        (boxes(MIDDLE) > 0).astype(np.float64),
        (boxes(MIDDLE) > 0).astype(np.float16),
    ],
)
def test_arrays_of_every_kind_are_masks(array: np.ndarray) -> None:
    mask = Mask.of(array, RGB, "painted")
    assert mask.soft.dtype == np.float32
    assert np.array_equal(mask.soft, boxes(MIDDLE, value=1.0))
    assert np.array_equal(mask.soft, check_mask(array, SIZE))
    assert (mask.name, mask.least_area, mask.spared) == ("painted", 0, None)


def test_holes_of_an_array_are_meant() -> None:
    ring = (boxes(MIDDLE) > 0) & ~(boxes((9, 5, 11, 8)) > 0)
    assert np.array_equal(Mask.of(ring, RGB).spared, boxes((9, 5, 11, 8)) > 0)


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros((0, 20), bool), "shape"),
        (np.zeros((12, 20, 2), bool), "shape"),
        (np.ones(SIZE, np.uint8), "largest value is 1 of 255"),
        (np.full(SIZE, 2), "not int64"),
        (np.full(SIZE, 1.1), "lie in"),
        (np.full(SIZE, np.nan), "NaN"),
        (np.ma.masked_array(np.ones(SIZE), mask=True), "are masked"),
        (np.zeros((20, 12), bool), "goes with a picture"),
    ],
)
def test_arrays_that_are_no_mask_are_refused(array: np.ndarray, match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        Mask.of(array, RGB)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"soft": np.zeros(SIZE)}, "got float64"),
        ({"soft": np.full(SIZE, 2, np.float32)}, "got other values"),
        ({"soft": np.full(SIZE, np.nan, np.float32)}, "got other values"),
        ({"soft": np.zeros((0, 20), np.float32), "rgb": np.zeros((0, 20, 3))}, "got other values"),
        ({"soft": np.zeros((20, 12), np.float32)}, "goes with a picture"),
        ({"rgb": RGB[..., 0]}, "goes with a picture"),
        ({"spared": np.zeros((20, 12), bool)}, "what is spared"),
        ({"soft": np.ma.masked_array(np.ones(SIZE, np.float32), mask=True)}, "are masked"),
    ],
)
def test_a_mask_is_checked_when_it_is_made(change: dict[str, np.ndarray], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        replace(houses(), **change)


# ---------------------------------------------------------------- cutting and showing


def test_masks_are_cut_at_a_half_or_where_it_is_said() -> None:
    mask = mask_of(np.array([[0.2, 0.5, 0.6, 0.9]], np.float32))
    assert mask.binary().tolist() == [[False, False, True, True]]
    assert mask.binary(0.5).tolist() == mask.binary().tolist()
    assert mask.binary(0.8).tolist() == [[False, False, False, True]]
    assert [region.area for region in mask.regions()] == [2]
    assert [region.area for region in mask.regions(0.1)] == [4]
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidInputError, match=r"threshold must lie in \[0, 1\]"):
            mask.binary(threshold)
        with pytest.raises(InvalidInputError, match=r"threshold must lie in \[0, 1\]"):
            mask.as_mask(threshold)


def test_another_threshold_moves_to_a_half() -> None:
    mask = mask_of(np.array([[0, 0.1, 0.2, 0.6, 1]], np.float32))
    assert mask.as_mask(0.2).soft.tolist() == [pytest.approx([0, 0.25, 0.5, 0.75, 1])]
    assert mask.as_mask() is mask
    assert mask.as_mask(0.2).name == mask.name
    assert mask.as_mask(0).soft.tolist() == [pytest.approx([0, 0.55, 0.6, 0.8, 1])]
    assert mask.as_mask(1).soft.tolist() == [pytest.approx([0, 0.05, 0.1, 0.3, 0.5])]


@quickly
@given(MASKS, UNIT | st.floats(0, 1))
def test_a_moved_threshold_cuts_the_same_pixels_and_keeps_their_order(
    a: Mask, threshold: float
) -> None:
    moved = a.as_mask(threshold)
    assert np.array_equal(moved.binary(), a.binary(threshold))
    order = np.argsort(a.soft, axis=None)
    assert (np.diff(moved.soft.ravel()[order]) >= 0).all()


def test_a_mask_shows_itself_in_a_line_and_a_picture() -> None:
    assert repr(houses()) == "Mask('house': 3 regions, 25.0% of 20 x 12)"
    assert repr(mask_of(boxes(RIGHT), "")) == "Mask('mask': 1 region, 2.5% of 20 x 12)"
    assert "\n" not in repr(mask_of(boxes(RIGHT), "a\nb"))
    assert len(repr(mask_of(boxes(RIGHT), "x" * 999))) < 120
    bundle = houses()._repr_mimebundle_()
    assert bundle["text/plain"] == repr(houses())
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as image:
        assert image.width >= 384
        assert image.width / image.height == pytest.approx(20 / 12)


def test_the_overlay_greys_what_is_outside_and_outlines_what_is_inside() -> None:
    mask = Mask(boxes(MIDDLE, value=1.0), "house", np.tile(RGB[:, :, :1] * [1, 0.2, 0], 1))
    drawn = np.asarray(mask.overlay(colour="#0000ff"))
    assert drawn.shape == (*SIZE, 3)
    assert np.ptp(drawn[0, 0]) == 0
    assert drawn[6, 6].tolist() == [0, 0, 255]
    assert np.ptp(drawn[6, 9]) > 0
    assert mask.overlay(enlarge=2).size == (40, 24)
    assert not np.array_equal(houses(rest=0.3).overlay(), houses(rest=0.3).overlay(0.2))


# ---------------------------------------------------------------- segmentations


@quickly
@given(SOFT, st.booleans())
def test_a_segmentation_and_its_mask_have_the_same_pixels_and_regions(
    soft: np.ndarray, present: bool
) -> None:
    found = found_at(np.repeat(np.repeat(soft, 2, 0), 2, 1)[:, :-2], present=present)
    assert np.array_equal(found.mask.binary(), found.binary())
    assert found.mask.regions() == found.regions()
    assert found.mask.soft.shape == found.size


@quickly
@given(SOFT, st.floats(0, 1), st.booleans())
def test_a_segmentation_cut_elsewhere_keeps_its_pixels_and_regions(
    soft: np.ndarray, threshold: float, present: bool
) -> None:
    found = found_at(soft[:4, :6], present=present)
    cut = found.as_mask(threshold)
    assert np.array_equal(cut.binary(), found.binary(threshold))
    boxes_of = [(region.box, region.area, region.centroid) for region in found.regions(threshold)]
    assert [(region.box, region.area, region.centroid) for region in cut.regions()] == boxes_of


def test_the_mask_of_what_is_not_present_is_empty_but_at_a_given_threshold() -> None:
    absent = found_at(boxes(LEFT), present=False)
    assert not absent.mask.soft.any()
    assert np.array_equal(absent.as_mask(0.5).binary(), boxes(LEFT) > 0)
    assert (~absent).binary().all()


def test_the_specks_of_a_segmentation_are_those_of_its_mask() -> None:
    large = replace(found_at(boxes(MIDDLE, RIGHT)), raw=maps(np.ones((2, 2))))  # cells of 60
    assert large.mask.least_area == 15
    assert [region.area for region in large.mask.regions()] == [42]
    assert large.mask.regions() == large.regions()


def test_segmentations_are_put_together_and_picked_from_like_masks() -> None:
    house, door = found_at(boxes(LEFT, MIDDLE)), found_at(boxes((9, 6, 11, 10)), query="door")
    mine, theirs = house.mask, door.mask
    assert np.array_equal((house & door).soft, (mine & theirs).soft)
    assert np.array_equal((house | theirs).soft, (mine | theirs).soft)
    assert np.array_equal((mine - door).soft, (mine - theirs).soft)
    assert np.array_equal((~house).soft, (~mine).soft)
    assert np.array_equal(house.grow(2).soft, mine.grow(2).soft)
    assert np.array_equal(house.shrink(1).soft, mine.shrink(1).soft)
    assert shown(house.pick("left")) == {"left"}
    assert (house - door).name == "house and not door"
    assert (house - door).rgb is house.rgb


# ---------------------------------------------------------------- select


def test_regions_are_picked_then_the_exception_is_taken_away_then_all_is_turned_round() -> None:
    house = found_at(boxes(LEFT, MIDDLE, RIGHT))
    door = found_at(boxes((1, 4, 3, 6), (9, 6, 11, 10)), query="door")
    left = boxes(LEFT) > 0
    assert shown(select(house)) == {"left", "middle", "right"}
    assert np.array_equal(select(house, region="left").binary(), left)
    spared = select(house, region="left", exclude=door)
    assert np.array_equal(spared.binary(), left & ~(boxes((1, 4, 3, 6)) > 0))
    rest = select(house, region="left", exclude=door, invert=True)
    assert np.array_equal(rest.binary(), ~spared.binary())
    assert rest.name == "not (house (left) and not door)"


def test_what_is_not_there_takes_nothing_away() -> None:
    house, absent = found_at(boxes(LEFT)), found_at(boxes(MIDDLE), query="door", present=False)
    assert np.array_equal(select(house, exclude=absent).binary(), boxes(LEFT) > 0)
    assert not select(absent).binary().any()
    assert select(absent, invert=True).binary().all()
    assert select(house, region="third", invert=True).binary().all()


def test_the_threshold_is_that_of_the_query_and_not_of_the_exception() -> None:
    soft = boxes(LEFT, value=0.3) + boxes(MIDDLE, value=0.9)
    house, door = found_at(soft), found_at(boxes(LEFT, value=0.3), query="door")
    assert shown(select(house)) == {"middle"}
    assert shown(select(house, threshold=0.2)) == {"left", "middle"}
    assert shown(select(house, threshold=0.2, exclude=door)) == {"left", "middle"}
    assert shown(select(house, threshold=0.2, region="left")) == {"left"}
    with pytest.raises(InvalidInputError, match="threshold"):
        select(house, threshold=2)


def test_select_refuses_words_that_mean_no_region() -> None:
    with pytest.raises(InvalidInputError, match="does not say which region"):
        select(found_at(boxes(LEFT)), region="blue")
