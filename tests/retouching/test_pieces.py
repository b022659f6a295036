"""Things taken out of a picture and put elsewhere: their own pixels, and no others change."""

from __future__ import annotations

import numpy as np
import pytest

from textseg.errors import InvalidInputError
from textseg.images import open_picture
from textseg.retouching.pieces import cover, cut_piece, flip, flip_picture, lay, move, scale
from textseg.retouching.words import read_goal

SIZE = HEIGHT, WIDTH = 40, 60
PIXELS = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
PICTURE = open_picture(PIXELS)
WEIGHT = np.zeros(SIZE, np.float32)
WEIGHT[10:20, 20:34] = 1
PIECE = cut_piece(PICTURE, WEIGHT)
THING = PIXELS[10:20, 20:34]
GROUND = (40, 22, 54, 36)  # box of another thing


def test_a_thing_laid_elsewhere_is_its_own_pixels_and_no_others_change() -> None:
    made = lay(PICTURE, PIECE.at(3, 41)).pixels()
    expected = PIXELS.copy()
    expected[3:13, 41:55] = THING
    np.testing.assert_array_equal(made, expected)


def test_a_soft_edge_brings_none_of_the_old_background_along() -> None:
    red = np.full((HEIGHT, WIDTH, 3), (0, 0, 255), np.uint8)
    red[10:20, 20:34] = (255, 0, 0)
    soft = WEIGHT.copy()
    soft[9, 20:34] = 0.5
    made = lay(open_picture(red), cut_piece(open_picture(red), soft).at(25, 5)).pixels()
    assert (made[26:36, 5:19] == (255, 0, 0)).all()
    np.testing.assert_array_equal(made[25, 5:19], [[128, 0, 128]] * 14)


def test_flipping_twice_gives_the_picture_back() -> None:
    np.testing.assert_array_equal(lay(PICTURE, flip(PIECE)).pixels()[10:20, 20:34], THING[:, ::-1])
    np.testing.assert_array_equal(lay(PICTURE, flip(flip(PIECE))).pixels(), PIXELS)
    np.testing.assert_array_equal(flip_picture(PICTURE).pixels(), PIXELS[:, ::-1])


def test_transparency_goes_with_the_thing() -> None:
    alpha = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    alpha[10:20, 20:34] = 200
    picture = open_picture(np.concatenate([PIXELS, alpha], 2))
    made = lay(picture, cut_piece(picture, WEIGHT).at(25, 5)).pixels()[..., 3]
    assert (made[25:35, 5:19] == 200).all()
    assert made.astype(bool).sum() == 2 * 140
    np.testing.assert_array_equal(flip_picture(picture).pixels(), picture.pixels()[:, ::-1])


@pytest.mark.parametrize(
    ("to", "corner"),
    [
        ("left", (10, 2)),
        ("the right side", (10, 44)),
        ("top", (2, 20)),
        ("bottom right", (28, 44)),
        ("middle", (15, 23)),
        ("down", (28, 20)),
        ("to the left of", (26, 25)),
        ("above", (11, 40)),
        ("on top of", (12, 40)),
    ],
)
def test_places_and_relations_are_kept(to: str, corner: tuple[int, int]) -> None:
    moved = move(PIECE, read_goal(to), SIZE, other=GROUND)
    assert (moved.top, moved.left) == corner
    assert moved.size == PIECE.size


def test_next_to_is_where_there_is_room() -> None:
    assert move(PIECE, read_goal("beside"), SIZE, other=GROUND).left == 25  # no room on the right
    assert move(PIECE, read_goal("next to"), SIZE, other=(5, 20, 20, 36)).left == 21


def test_how_far_is_a_share_of_the_picture() -> None:
    moved = move(PIECE, read_goal("top right"), SIZE, share=0.2)
    assert (moved.top, moved.left) == (10 - 8, 20 + 12)


@pytest.mark.parametrize(
    ("to", "share"), [("below", 0.0), ("left", 0.5), ("up", 0.3), ("right of", 0.0)]
)
def test_what_would_leave_the_picture_is_refused(to: str, share: float) -> None:
    with pytest.raises(InvalidInputError, match="leave the picture"):
        move(PIECE, read_goal(to), SIZE, share=share, other=GROUND)


@pytest.mark.parametrize("to", ["somewhere", "largest", "second from the left", "left right"])
def test_words_that_name_no_place_are_refused(to: str) -> None:
    with pytest.raises(InvalidInputError, match="names no place"):
        read_goal(to)


def test_how_far_needs_a_side() -> None:
    with pytest.raises(InvalidInputError, match="goes with a side"):
        move(PIECE, read_goal("middle"), SIZE, share=0.2)


def test_a_thing_is_scaled_over_the_middle_of_its_foot() -> None:
    larger, smaller = scale(PIECE, 1.5, SIZE), scale(PIECE, 0.5, SIZE)
    assert larger.box == (16, 5, 37, 20)
    assert smaller.box == (24, 15, 31, 20)
    np.testing.assert_array_equal(scale(PIECE, 1, SIZE).layers, PIECE.layers)
    np.testing.assert_allclose(smaller.layers.mean((0, 1)), PIECE.layers.mean((0, 1)), atol=0.03)


def test_a_thing_scaled_beyond_the_picture_is_moved_in_or_refused() -> None:
    assert scale(PIECE, 2.5, SIZE).box == (10, 0, 45, 25)
    with pytest.raises(InvalidInputError, match="the picture is"):
        scale(PIECE, 5, SIZE)


def test_cover_is_the_weight_in_its_place() -> None:
    np.testing.assert_array_equal(cover(PIECE, SIZE), WEIGHT)
