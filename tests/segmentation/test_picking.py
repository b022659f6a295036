from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textseg.errors import InvalidInputError
from textseg.segmentation.picking import (
    PLACES,
    REGION_WORDS,
    Region,
    RegionWords,
    is_region_word,
    pick_regions,
    position_words,
    read_region_words,
)

SIZE = (60, 100)
quickly = settings(max_examples=50, deadline=None)


def at(row: float, col: float, area: int = 10) -> Region:
    return Region(box=(0, 0, 1, 1), area=area, centroid=(row, col), score=0.9)


# The largest first, as regions are listed; their places in the frame:
#   C . .
#   . A B
#   . D .
A, B, C, D = at(30, 50, 40), at(31, 90, 30), at(5, 4, 20), at(55, 45, 10)
REGIONS = [A, B, C, D]


def picked(words: str, regions: list[Region] | None = None) -> str:
    """The letters of the regions that are picked."""
    given_regions = REGIONS if regions is None else regions
    return "".join("ABCD"[k] for k in pick_regions(given_regions, words, SIZE))


@pytest.mark.parametrize(
    ("words", "letters"),
    [
        ("", "ABCD"),
        (" ", "ABCD"),
        ("all", "ABCD"),
        ("left", "C"),
        ("right", "B"),
        ("top", "C"),
        ("bottom", "D"),
        ("middle", "A"),
        ("top left", "C"),
        ("bottom left", "D"),
        ("bottom right", "B"),
        ("middle right", "B"),
        ("bottom middle", "D"),
        ("largest", "A"),
        ("smallest", "D"),
        ("second largest", "B"),
        ("third smallest", "B"),
        ("first", "C"),
        ("second", "D"),
        ("fourth", "B"),
        ("last", "B"),
        ("second last", "A"),
        ("second from the right", "A"),
        ("third from the top", "B"),
        ("last from the right", "C"),
        ("first two", "CD"),
        ("last two", "BA"),
        ("first two from the top", "CA"),
        ("two largest", "AB"),
        ("three smallest", "DCB"),
        ("1", "A"),
        ("4", "D"),
        ("5", ""),
        ("fifth", ""),
        ("nine largest", "ABCD"),
    ],
)
def test_words_name_regions(words: str, letters: str) -> None:
    assert picked(words) == letters


@pytest.mark.parametrize("words", ["left", "first", "largest", "all", "", "1", "two largest"])
def test_of_no_regions_none_is_picked(words: str) -> None:
    assert picked(words, []) == ""


def test_equals_are_decided_for_the_larger_one_and_then_for_the_first_listed() -> None:
    column = [at(50, 20, 30), at(10, 20, 20), at(30, 20, 20)]
    assert picked("left", column) == picked("right", column) == "A"
    assert picked("left", column[::-1]) == "C"  # the same one: the letters say the index
    assert picked("smallest", column) == "B"
    assert picked("last", column) == "A"


def test_a_corner_is_as_far_as_the_farther_of_its_two_sides() -> None:
    assert picked("top left", [at(0, 45), at(18, 30)]) == "B"  # 0.45 of a side and 0.3


def test_numbers_are_those_of_the_list_whatever_its_order() -> None:
    assert pick_regions(REGIONS[::-1], "2", SIZE) == [1]


def test_sides_are_measured_in_shares_of_the_picture() -> None:
    wide = [at(0, 40), at(20, 0)]  # 40 of 100 columns away from the corner, 20 of 60 rows
    assert picked("top left", wide) == "B"


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("the left one", RegionWords("left")),
        ("Leftmost", RegionWords("left")),
        ("left-most", RegionWords("left")),
        ("left\u2010most", RegionWords("left")),
        ("the left most one", RegionWords("left")),
        ("on the left-hand side", RegionWords("left")),
        ("far right", RegionWords("right")),
        ("upper", RegionWords("top")),
        ("uppermost", RegionWords("top")),
        ("lower", RegionWords("bottom")),
        ("the centre", RegionWords("middle")),
        ("in the center", RegionWords("middle")),
        ("left top", RegionWords("top left")),
        ("the upper left corner", RegionWords("top left")),
        ("top-left", RegionWords("top left")),
        ("middle left", RegionWords("middle left")),
        ("left middle", RegionWords("middle left")),
        ("biggest", RegionWords("largest")),
        ("the second biggest one", RegionWords("largest", 2)),
        ("1st", RegionWords("left")),
        ("2nd", RegionWords("left", 2)),
        ("3rd from the bottom", RegionWords("bottom", 3)),
        ("11th", RegionWords("left", 11)),
        ("tenth", RegionWords("left", 10)),
        ("second left", RegionWords("left", 2)),
        ("LAST TWO", RegionWords("right", 1, 2)),
        ("last two from the top", RegionWords("bottom", 1, 2)),
        ("#2", RegionWords("listed", 2)),
        ("region number 2", RegionWords("listed", 2)),
        ("All.", RegionWords("listed", 1, None)),
    ],
)
def test_words_are_folded(words: str, meaning: RegionWords) -> None:
    assert read_region_words(words) == meaning
    assert is_region_word(words)


@pytest.mark.parametrize(
    "words",
    [
        "house",
        "left house",
        "left of the house",
        "left and right",
        "left right",
        "top bottom",
        "left left",
        "middle middle",
        "not left",
        "two",
        "one",
        "the",
        "from",
        "second two",
        "last but one",
        "last largest",
        "last middle",
        "0",
        "0th",
        "-1",
        "1.5",
        "9" * 5000,
        "topleft",
        "left\x00",
        "⅓",
        "gauche",
    ],
)
def test_other_words_are_refused_with_a_list_of_what_can_be_said(words: str) -> None:
    assert not is_region_word(words)
    with pytest.raises(InvalidInputError, match="does not say which region") as caught:
        pick_regions(REGIONS, words, SIZE)
    assert REGION_WORDS in caught.value.hint
    assert len(str(caught.value)) < 400


def test_nothing_is_no_region_word_although_it_means_all() -> None:
    assert not is_region_word("")
    assert not is_region_word("  ")
    assert read_region_words("  ") == RegionWords("listed", 1, None)


def test_the_list_of_words_holds_words_that_are_understood() -> None:
    assert all(is_region_word(name) for name in PLACES)
    said = [part.strip() for part in REGION_WORDS.replace("(", ",(").split(",")]
    plain = [part for part in said if "..." not in part and not part.startswith("(")]
    assert len(plain) > 8
    assert all(is_region_word(part) for part in plain)


@quickly
@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    if is_region_word(text):
        assert set(pick_regions(REGIONS, text, SIZE)) <= {0, 1, 2, 3}


# ---------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("row", "col", "words"),
    [
        (0, 0, "top left"),
        (0, 50, "top"),
        (0, 99, "top right"),
        (30, 0, "left"),
        (30, 50, "middle"),
        (30, 99, "right"),
        (59, 0, "bottom left"),
        (59, 50, "bottom"),
        (59, 99, "bottom right"),
        (19, 32, "top left"),  # the ninths end at 20 of 60 rows, and at 33.3 of 100 columns
        (20, 33, "middle"),
    ],
)
def test_position_is_one_of_nine(row: float, col: float, words: str) -> None:
    region = at(row, col)
    assert position_words(region, [region], SIZE) == words


def test_the_largest_and_the_smallest_are_said_where_there_are_others() -> None:
    assert [position_words(region, REGIONS, SIZE) for region in REGIONS] == [
        "middle, largest",
        "right",
        "top left",
        "bottom, smallest",
    ]
    copies = [Region(**vars(region)) for region in REGIONS]
    assert position_words(A, copies, SIZE) == "middle, largest"


def test_of_equals_none_is_the_largest_or_the_smallest() -> None:
    pair = [at(5, 5), at(50, 90)]
    assert [position_words(region, pair, SIZE) for region in pair] == ["top left", "bottom right"]


@quickly
@given(
    st.lists(
        st.builds(at, st.floats(0, 59), st.floats(0, 99), st.integers(1, 99)),
        min_size=1,
        max_size=6,
        unique_by=lambda region: region.centroid,
    )
)
def test_a_corner_or_the_middle_that_was_said_of_one_region_alone_picks_it(
    regions: list[Region],
) -> None:
    words = [position_words(region, regions, SIZE).split(",")[0] for region in regions]
    for k, place in enumerate(words):
        if (" " in place or place == "middle") and words.count(place) == 1:
            assert pick_regions(regions, place, SIZE) == [k]


def test_words_need_no_library() -> None:
    code = (
        "import sys, textseg.segmentation.picking;"
        "assert not {'torch', 'skimage', 'scipy', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
