from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.bench.masks.made import pack, runs_of
from textseg.errors import InvalidInputError
from textseg.lab.bench.masks.runs import decode_runs, fill_polygons, unpack_runs


def test_runs_go_down_the_columns_and_begin_outside() -> None:
    found = decode_runs([1, 2, 2, 1], (2, 3))
    assert found.tolist() == [[False, True, False], [True, False, True]]
    assert decode_runs([0, 6], (2, 3)).all()
    assert not decode_runs([6], (2, 3)).any()


def test_packed_runs_are_read_as_worked_out_by_hand() -> None:
    # 6: 6 | 1: 1 | 40: 8 and more, 1 | 4 - 1 = 3 | 37 - 40 = -3: 29, which has the sign
    assert unpack_runs("61X13M") == [6, 1, 40, 4, 37]
    # 16 has the bit of the sign, so that another group follows; 15 has not
    assert unpack_runs("`0?") == [16, 15]


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_any_runs_come_back_from_their_text(counts: list[int]) -> None:
    assert unpack_runs(pack(counts)) == counts


@given(st.lists(st.booleans(), min_size=15, max_size=15))
def test_any_mask_comes_back_from_its_runs(pixels: list[bool]) -> None:
    mask = np.array(pixels).reshape(3, 5)
    assert (decode_runs(runs_of(mask), (3, 5)) == mask).all()


@pytest.mark.parametrize("counts", [[5], [7], [3, -1, 4]])
def test_runs_that_do_not_fill_the_picture_are_refused(counts: list[int]) -> None:
    with pytest.raises(InvalidInputError, match="picture of 3 x 2 = 6"):
        decode_runs(counts, (2, 3))


@pytest.mark.parametrize(("text", "said"), [("6 1", "' '"), ("6\x7f", "not of"), ("6X", "within")])
def test_text_that_holds_no_runs_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        unpack_runs(text)


def test_polygon_has_the_pixels_whose_centres_it_holds() -> None:
    whole = fill_polygons([[1, 1, 4, 1, 4, 3, 1, 3]], (4, 6))
    assert np.argwhere(whole).tolist() == [[r, c] for r in (1, 2) for c in (1, 2, 3)]
    nearly = fill_polygons([[1.6, 1, 4, 1, 4, 3, 1.6, 3]], (4, 6))
    assert np.argwhere(nearly).tolist() == [[r, c] for r in (1, 2) for c in (2, 3)]


def test_polygons_of_one_thing_are_one_mask_and_may_leave_the_picture() -> None:
    found = fill_polygons([[0, 0, 2, 0, 2, 9, 0, 9], [-5, 3, 9, 3, 9, 4, -5, 4]], (4, 6))
    assert found[:, :2].all()
    assert found[3].all()
    assert found.sum() == 12


@pytest.mark.parametrize("corners", [[1.0, 1, 4, 1], [1.0, 1, 4, 1, 4, 3, 1]])
def test_polygon_without_three_corners_is_refused(corners: list[float]) -> None:
    with pytest.raises(InvalidInputError, match=f"{len(corners)} numbers"):
        fill_polygons([corners], (4, 6))
