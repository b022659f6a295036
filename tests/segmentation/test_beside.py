"""Places beside a thing, in words and as masks."""

from __future__ import annotations

import numpy as np
import pytest

from textseg.errors import InvalidInputError
from textseg.segmentation.picking import RELATIONS, read_beside, says_beside
from textseg.segmentation.places import GAP, RADIUS, place, place_beside

SIZE = (100, 200)
BOX = (100, 50, 120, 90)  # left, top, right, bottom


def extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The box around what is above 0: left, top, right, bottom, end exclusive."""
    rows, cols = np.nonzero(mask)
    return cols.min(), rows.min(), cols.max() + 1, rows.max() + 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("left of the car", ("left of", "car")),
        ("to the right of a red car", ("right of", "red car")),
        ("on the left hand side of house", ("left of", "house")),
        ("beside the tree", ("next to", "tree")),
        ("Right of The Old Barn", ("right of", "Old Barn")),
        ("on top of the house", ("on", "house")),
        (" under  the boat on the left ", ("below", "boat on the left")),
    ],
)
def test_words_are_a_relation_and_a_thing(words: str, said: tuple[str, str]) -> None:
    assert says_beside(words)
    assert read_beside(words) == said


@pytest.mark.parametrize("words", ["left", "on the left", "top right", "the car", "left of", ""])
def test_what_names_no_thing_is_refused(words: str) -> None:
    assert not says_beside(words)
    with pytest.raises(InvalidInputError, match="beside it") as raised:
        read_beside(words)
    assert "left of the car" in raised.value.hint


def test_a_place_is_as_large_as_others_and_beside_the_box() -> None:
    wide, tall = 2 * RADIUS * SIZE[1], 2 * RADIUS * SIZE[0]
    left, top, right, bottom = extent(place_beside("left of", BOX, SIZE))
    assert right == BOX[0] - GAP * SIZE[1]
    assert bottom == BOX[3]
    assert (right - left, bottom - top) == pytest.approx((wide, tall), abs=2)
    assert place_beside("left of", BOX, SIZE).sum() == pytest.approx(
        place("left", SIZE).sum(), 0.02
    )


@pytest.mark.parametrize(
    ("relation", "side", "edge"),
    [
        ("right of", 0, BOX[2] + GAP * SIZE[1]),
        ("above", 3, BOX[1] - GAP * SIZE[0]),
        ("on", 3, BOX[1]),
        ("next to", 2, BOX[0] - GAP * SIZE[1]),  # there is more room on the left
    ],
)
def test_places_touch_no_more_than_their_gap(relation: str, side: int, edge: float) -> None:
    found = extent(place_beside(RELATIONS[relation], BOX, SIZE))
    assert found[side] == pytest.approx(edge, abs=1)
    assert 0 <= found[0] < found[2] <= SIZE[1]
    assert 0 <= found[1] < found[3] <= SIZE[0]


def test_a_place_is_smaller_where_there_is_less_room_and_refused_where_there_is_none() -> None:
    narrow = extent(place_beside("right of", (100, 50, 170, 90), SIZE))
    assert narrow[2] - narrow[0] == pytest.approx(26, abs=1)
    with pytest.raises(InvalidInputError, match="no room below it"):
        place_beside("below", BOX, SIZE)
