"""``textseg.arrange``: what is moved, what is left behind, what is remarked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import textseg
from textseg.errors import InvalidInputError, NotFoundError, TextsegError
from textseg.images import open_picture
from textseg.retouching.arranging import CUT_OFF
from textseg.segmentation.mask import Mask

SIZE = HEIGHT, WIDTH = 40, 60
PIXELS = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
INSIDE = np.zeros(SIZE, bool)
INSIDE[10:20, 20:34] = True
THING = PIXELS[10:20, 20:34]
GONE = np.where(INSIDE[..., None], np.uint8(9), PIXELS)


def test_a_thing_is_moved_over_the_picture_without_it() -> None:
    made = textseg.arrange(PIXELS, "move", INSIDE, to="bottom right", without=GONE)
    expected = GONE.copy()
    expected[28:38, 44:58] = THING
    np.testing.assert_array_equal(made.picture.pixels(), expected)
    assert (made.box_before, made.box_after) == ((20, 10, 34, 20), (44, 28, 58, 38))
    assert not made.leaves_hole
    differs = (made.picture.pixels() != PIXELS).any(-1)
    assert not (differs & (made.region == 0)).any()


def test_without_that_picture_it_is_seen_twice_and_said_so() -> None:
    made = textseg.arrange(PIXELS, "move", INSIDE, to="bottom right")
    assert made.leaves_hole
    np.testing.assert_array_equal(made.picture.pixels()[10:20, 20:34], THING)
    copy = textseg.arrange(PIXELS, "copy", INSIDE, to="bottom right")
    assert not copy.leaves_hole
    np.testing.assert_array_equal(copy.picture.rgb, made.picture.rgb)


def test_what_covers_its_old_place_leaves_no_hole() -> None:
    assert not textseg.arrange(PIXELS, "scale", INSIDE).leaves_hole
    assert textseg.arrange(PIXELS, "scale", INSIDE, amount=0.5).leaves_hole
    assert not textseg.arrange(PIXELS, "flip", INSIDE).leaves_hole  # it is a rectangle


def test_no_mask_mirrors_the_whole_picture() -> None:
    made = textseg.arrange(PIXELS, "flip")
    np.testing.assert_array_equal(made.picture.pixels(), PIXELS[:, ::-1])


def test_a_thing_at_the_edge_and_several_are_remarked() -> None:
    several = INSIDE.copy()
    several[25:30, :8] = True
    mask = Mask.of(several, open_picture(PIXELS).rgb, "fish")
    made = textseg.arrange(PIXELS, "copy", mask, to="top right")
    assert made.notes == (
        CUT_OFF, "its 2 regions went together; region says which one is meant",
    )  # fmt: skip
    assert textseg.arrange(PIXELS, "copy", mask.pick("right")).notes == ()


@pytest.mark.parametrize(
    ("action", "settings", "said"),
    [
        ("spin", {}, "unknown action 'spin'; known: copy, flip, move, scale"),
        ("move", {}, "nothing says where to"),
        ("move", {"mask": None, "to": "left"}, 'nothing says what to "move"'),
        ("move", {"to": "on"}, "takes another thing"),
        ("scale", {"amount": 21}, "from 0 to 20, got 21"),
        ("scale", {"amount": -1}, "from 0 to 20, got -1"),
        ("move", {"to": "middle", "amount": 0.1}, "goes with a side"),
        ("move", {"to": "left", "without": PIXELS[:-1]}, "the picture without the thing is"),
        ("scale", {"amount": 6}, "the picture is"),
    ],
)
def test_what_makes_no_sense_is_refused(action: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(TextsegError) as error:
        textseg.arrange(PIXELS, action, **{"mask": INSIDE, **settings})  # type: ignore[arg-type]  # of the test
    assert said in str(error.value)


def test_nothing_inside_of_a_mask_is_not_found() -> None:
    nothing = Mask.of(np.zeros(SIZE, bool), open_picture(PIXELS).rgb, "boat")
    with pytest.raises(NotFoundError, match="is empty"):
        textseg.arrange(PIXELS, "copy", nothing)
    with pytest.raises(InvalidInputError):
        textseg.arrange(PIXELS, "copy", INSIDE[:-1])
