"""Changes inside a mask by arithmetic: exact where they are meant, nothing anywhere else."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

import textseg
from textseg.errors import InvalidInputError, NotFoundError, QueryError, TextsegError
from textseg.images import Picture, open_picture
from textseg.retouching.actions import ACTIONS, retouch
from textseg.retouching.asking import TAKES
from textseg.retouching.edges import edge_weight
from textseg.retouching.words import RetouchAction, read_aspect, read_colour
from textseg.segmentation.mask import Mask

HEIGHT, WIDTH = 24, 40
PIXELS = np.random.default_rng(7).integers(60, 190, (HEIGHT, WIDTH, 3)).astype(np.uint8)
INSIDE = np.zeros((HEIGHT, WIDTH), bool)
INSIDE[6:14, 8:24] = True
OTHER = np.zeros((HEIGHT, WIDTH), bool)
OTHER[16:22, 28:38] = True
MORE: dict[str, dict[str, Any]] = {
    "colour": {"colour": "steelblue"},
    "fill": {"colour": "#1e90ff"},
    "match_colour": {"other": OTHER},
    "swap_colours": {"other": OTHER},
}
KEEPS_SIZE = [action for action in ACTIONS if action != "crop"]
TONES = [action for action, takes in TAKES.items() if takes.whole]


def done(action: str, mask: Any = INSIDE, image: Any = PIXELS, **settings: Any) -> Picture:
    given = {**MORE.get(action, {}), **settings}
    return retouch(image, action, mask, **given).picture  # type: ignore[arg-type]  # of the test


def means(picture: Picture, where: np.ndarray) -> np.ndarray:
    return np.asarray(picture.rgb[where].mean(0))


# -- nothing outside


def test_every_action_has_a_function_and_what_it_takes() -> None:
    assert set(ACTIONS) == set(TAKES) == set(get_args(RetouchAction))


@pytest.mark.parametrize("action", KEEPS_SIZE)
def test_every_pixel_without_weight_stays_bit_for_bit(action: str) -> None:
    given = MORE.get(action, {})
    made = retouch(PIXELS, action, INSIDE, **given)  # type: ignore[arg-type]  # of the test
    before, outside = open_picture(PIXELS).rgb, made.weight == 0
    assert outside.any()
    np.testing.assert_array_equal(made.picture.rgb[outside], before[outside])
    assert (outside == ~INSIDE).all() or action in ("outline", "swap_colours")


@pytest.mark.parametrize("action", [action for action in KEEPS_SIZE if action != "cut_out"])
def test_transparency_and_profile_stay(action: str) -> None:
    alpha = np.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH, 1).astype(np.uint8)
    picture = open_picture(np.concatenate([PIXELS, alpha], 2))
    made = done(action, image=picture)
    assert made.alpha is not None
    np.testing.assert_array_equal(made.alpha, picture.alpha)


@pytest.mark.parametrize("action", TONES)
def test_tones_change_what_is_inside(action: str) -> None:
    assert (done(action).pixels() != PIXELS)[INSIDE].any(-1).mean() > 0.9


@pytest.mark.parametrize("action", TONES)
def test_tones_of_a_whole_picture_need_no_mask(action: str) -> None:
    np.testing.assert_array_equal(done(action, None).rgb, done(action, np.ones_like(INSIDE)).rgb)


# -- exact colours


def test_filling_gives_every_pixel_inside_exactly_the_colour() -> None:
    assert (done("fill").pixels()[INSIDE] == (0x1E, 0x90, 0xFF)).all()


def test_half_a_weight_fills_half() -> None:
    soft = np.where(INSIDE, np.float32(0.5), np.float32(0))
    expected = 0.5 * open_picture(PIXELS).rgb + 0.5 * np.array(read_colour("#1e90ff")) / 255
    np.testing.assert_allclose(done("fill", soft).rgb[INSIDE], expected[INSIDE], atol=1e-6)


def test_colouring_has_the_asked_mean_and_keeps_the_shading() -> None:
    shades = np.linspace(90, 150, WIDTH)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    made = done("colour", image=shades.astype(np.uint8), colour="#b05a3c")
    np.testing.assert_allclose(means(made, INSIDE), np.array([0xB0, 0x5A, 0x3C]) / 255, atol=1e-3)
    row = made.rgb[10, 8:24]
    assert (np.diff(row, axis=0) > 0).all()  # brighter to the right, as before


def test_what_is_made_white_keeps_its_shades() -> None:
    made = done("colour", colour="white")
    assert means(made, INSIDE).min() > 0.85
    assert np.ptp(made.rgb[INSIDE], axis=0).min() > 0.1


@pytest.mark.parametrize("colour", ["yellow", "red", "blue", "black"])
def test_no_shade_of_a_colour_is_beyond_what_there_is(colour: str) -> None:
    wild = np.random.default_rng(5).integers(0, 256, PIXELS.shape).astype(np.uint8)
    assert np.isfinite(done("colour", image=wild, colour=colour).rgb).all()


def test_matching_gives_the_mean_colour_of_the_other() -> None:
    tinted = PIXELS.copy()
    tinted[OTHER] = (150, 90, 60)
    made = done("match_colour", image=tinted)
    np.testing.assert_allclose(means(made, INSIDE), np.array([150, 90, 60]) / 255, atol=0.02)


def test_swapping_exchanges_the_mean_colours() -> None:
    tinted = (PIXELS // 8 + 90).astype(np.uint8)
    tinted[INSIDE] += np.array([40, 0, 0], np.uint8)
    tinted[OTHER] += np.array([0, 0, 40], np.uint8)
    before, made = open_picture(tinted), done("swap_colours", image=tinted)
    np.testing.assert_allclose(means(made, INSIDE), means(before, OTHER), atol=0.01)
    np.testing.assert_allclose(means(made, OTHER), means(before, INSIDE), atol=0.01)


def test_grey_has_no_colour_and_the_same_brightness() -> None:
    made, luma = done("grey"), np.array([0.299, 0.587, 0.114])
    assert np.ptp(made.rgb[INSIDE], axis=1).max() < 1e-6
    np.testing.assert_allclose(
        made.rgb[INSIDE] @ luma, open_picture(PIXELS).rgb[INSIDE] @ luma, atol=1e-6
    )


def test_brighten_and_darken_are_mirror_images_and_keep_black_and_white() -> None:
    bright, dark = done("brighten"), done("darken", image=255 - PIXELS)
    np.testing.assert_allclose(bright.rgb[INSIDE], 1 - dark.rgb[INSIDE], atol=1e-6)
    ends = np.where(INSIDE, 255, 0)[..., None].repeat(3, 2).astype(np.uint8)
    np.testing.assert_array_equal(done("brighten", None, ends).pixels(), ends)
    np.testing.assert_array_equal(done("darken", None, ends).pixels(), ends)


def test_less_contrast_or_saturation_is_an_amount_below_0() -> None:
    assert np.ptp(done("contrast", amount=-1).rgb[INSIDE]) < 1e-6
    np.testing.assert_allclose(done("saturate", amount=-1).rgb, done("grey").rgb, atol=1e-6)


# -- blur


def test_blur_around_a_thing_takes_nothing_of_its_colour() -> None:
    glaring = np.full((HEIGHT, WIDTH, 3), 80, np.uint8)
    glaring[INSIDE] = (255, 0, 0)
    made = done("blur", ~INSIDE, glaring, amount=1)
    np.testing.assert_array_equal(made.pixels(), glaring)


def test_blur_is_the_mean_of_what_is_around() -> None:
    step = np.where(np.arange(WIDTH) < WIDTH // 2, 0, 255)[None, :, None]
    step = step.repeat(HEIGHT, 0).repeat(3, 2).astype(np.uint8)
    row = done("blur", None, step, amount=1).rgb[HEIGHT // 2, :, 0]
    assert (np.diff(row) >= -1e-6).all()
    np.testing.assert_allclose(row[WIDTH // 2 - 1] + row[WIDTH // 2], 1, atol=1e-5)
    assert 0.25 < row[WIDTH // 2 - 3] < row[WIDTH // 2] < 0.75


# -- crops, cut-outs, outlines


def test_a_crop_is_the_pixels_of_its_box() -> None:
    np.testing.assert_array_equal(done("crop", margin=0).pixels(), PIXELS[6:14, 8:24])
    wide = done("crop", margin=0.125).pixels()
    np.testing.assert_array_equal(wide, PIXELS[4:16, 6:26])


@pytest.mark.parametrize(
    ("aspect", "size"), [("square", (16, 16)), ("2:1", (8, 16)), ("1:2", (24, 12)), ("4", (8, 32))]
)
def test_a_crop_grows_to_its_proportions_where_there_is_room(
    aspect: str, size: tuple[int, int]
) -> None:
    made = retouch(PIXELS, "crop", INSIDE, margin=0, aspect=aspect)
    assert made.picture.size == size
    assert bool(made.notes) == (aspect == "1:2")  # 12 columns do not hold 16


def test_a_whole_picture_is_cropped_to_proportions_in_its_middle() -> None:
    made = retouch(PIXELS, "crop", aspect="square")
    assert made.notes == ()
    np.testing.assert_array_equal(made.picture.pixels(), PIXELS[:, 8:32])


def test_a_cut_out_is_transparent_elsewhere_and_keeps_its_colours() -> None:
    made = done("cut_out")
    np.testing.assert_array_equal(made.pixels()[..., 3], np.where(INSIDE, 255, 0))
    np.testing.assert_array_equal(made.pixels()[..., :3], PIXELS)


def test_an_outline_lies_outside_and_touches() -> None:
    made = retouch(PIXELS, "outline", INSIDE, colour="red")
    line = (made.picture.pixels() == (255, 0, 0)).all(-1)
    assert not (line & INSIDE).any()
    assert line[5, 8:24].all()
    assert line[6:14, 7].all()
    assert line.sum() == 2 * (16 + 8)  # a pixel wide, round the corners


# -- masks


def test_a_hard_mask_stays_hard_and_its_inverse_is_the_rest() -> None:
    mask = Mask.of(INSIDE, open_picture(PIXELS).rgb)
    np.testing.assert_array_equal(edge_weight(mask), INSIDE)
    np.testing.assert_array_equal(edge_weight(~mask), ~INSIDE)


def test_a_soft_mask_is_cut_with_an_edge_of_a_pixel_where_it_crosses_the_half() -> None:
    ramp = np.clip((np.arange(WIDTH) - 10) / 20, 0, 1).astype(np.float32)[None].repeat(HEIGHT, 0)
    weight = edge_weight(Mask.of(ramp, open_picture(PIXELS).rgb))
    expected = np.clip(np.arange(WIDTH) - 20 + 0.5, 0, 1)
    np.testing.assert_allclose(weight, expected[None].repeat(HEIGHT, 0), atol=1e-5)


def test_what_a_thing_encloses_goes_with_it_but_keeps_its_colour() -> None:
    rgb, hollow = open_picture(PIXELS).rgb, INSIDE.copy()
    hollow[9:11, 12:15] = False
    found = Mask(hollow.astype(np.float32), "house", rgb)
    np.testing.assert_array_equal(done("cut_out", found).pixels()[..., 3] > 0, INSIDE)
    window = INSIDE & ~hollow
    np.testing.assert_array_equal(done("colour", found).pixels()[window], PIXELS[window])
    for meant in (Mask.of(hollow, rgb), found - Mask.of(window, rgb)):
        np.testing.assert_array_equal(done("cut_out", meant).pixels()[..., 3] > 0, hollow)
    np.testing.assert_array_equal(edge_weight(~found), ~hollow)


def test_a_mask_of_nothing_or_of_another_picture_is_refused() -> None:
    rgb = open_picture(PIXELS).rgb
    with pytest.raises(NotFoundError, match="is empty"):
        done("blur", Mask.of(np.zeros_like(INSIDE), rgb, "a tree"))
    with pytest.raises(InvalidInputError, match="pixels"):
        done("blur", INSIDE[:-1])
    with pytest.raises(InvalidInputError, match="this one is"):
        done("blur", Mask.of(INSIDE[:-1], rgb[:-1]))


def test_the_picture_that_was_given_is_not_changed() -> None:
    kept = PIXELS.copy()
    for action in ACTIONS:
        done(action)
    np.testing.assert_array_equal(PIXELS, kept)


@pytest.mark.parametrize("mode", ["I;16", "L", "RGB;16"])
def test_grey_and_deep_pictures_are_changed_like_any(mode: str) -> None:
    deep = PIXELS.astype(np.uint16) * 257
    image = {"I;16": deep[..., 0], "L": PIXELS[..., 0], "RGB;16": deep}[mode]
    picture = open_picture(image)
    assert picture.mode == mode
    made = done("brighten", image=image)
    np.testing.assert_array_equal(made.rgb[~INSIDE], picture.rgb[~INSIDE])
    assert (made.rgb[INSIDE] > picture.rgb[INSIDE]).all()


# -- what is refused


@pytest.mark.parametrize(
    ("action", "settings", "said"),
    [
        ("bend", {}, "unknown action 'bend'; known: blur, "),
        ("fill", {"colour": ""}, "needs a colour"),
        ("fill", {"colour": "blurple"}, "'blurple' is no colour"),
        ("fill", {"colour": "#12345678"}, "is transparent"),
        ("blur", {"colour": "red"}, "takes no colour"),
        ("blur", {"amount": -0.5}, "an amount from 0 to 1, got -0.5"),
        ("fill", {"amount": 0.5}, "takes no amount"),
        ("swap_colours", {"other": None}, "another thing"),
        ("blur", {"other": OTHER}, "takes no other"),
        ("swap_colours", {"other": INSIDE}, "in the same place"),
        ("crop", {"aspect": "tall"}, "'tall' says no proportions"),
        ("blur", {"aspect": "1:1"}, "takes no aspect"),
        ("crop", {"margin": float("nan")}, "margin is a share"),
        ("fill", {"mask": None}, 'nothing says what to "fill"'),
    ],
)
def test_what_makes_no_sense_is_refused(action: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(TextsegError) as error:
        done(action, **settings)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "rgb"),
    [("#1E90FF", (30, 144, 255)), ("Dark Red", (139, 0, 0)), ("rgb(1, 2, 3)", (1, 2, 3))],
)
def test_colours_are_read(text: str, rgb: tuple[int, int, int]) -> None:
    assert read_colour(text) == rgb


def test_a_near_colour_is_suggested() -> None:
    with pytest.raises(InvalidInputError, match="did you mean 'orange'"):
        read_colour("ornage")


@pytest.mark.parametrize(("text", "aspect"), [("16:9", 16 / 9), ("4x3", 4 / 3), ("1.5", 1.5)])
def test_proportions_are_read(text: str, aspect: float) -> None:
    assert read_aspect(text) == pytest.approx(aspect)


@pytest.mark.parametrize("text", ["0:1", "1:0", "100:1", "-1", "a:b"])
def test_impossible_proportions_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="says no proportions"):
        read_aspect(text)


def test_python_has_it_at_the_top() -> None:
    with pytest.raises(QueryError):
        textseg.retouch(PIXELS, "fill", colour="red")
