"""MaskView in a browser: threshold, opacity and choice of queries, seen in the pixels."""

from __future__ import annotations

import base64
import logging
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, expect

from tests.browser.leafpage import LeafPage, flat, ramp
from textseg.panels import MaskView
from textseg.panels.leaves import picture_bytes, soft_bytes
from textseg.segmentation.mask import Mask

pytestmark = pytest.mark.browser

GREY = (100, 100, 100)
ORANGE = (230, 159, 0)
HEIGHT, WIDTH = 240, 400  # drawn as it is: large enough
LEFT, RIGHT, ROW = 120, 300, 100


def view(height: int = HEIGHT, width: int = WIDTH, **values: object) -> MaskView:
    """A grey picture with one mask that rises from left to right."""
    given = {
        "image": picture_bytes(flat(height, width, GREY)),
        "masks": [soft_bytes(ramp(height, width))],
        "labels": ["tree"],
        "presence": [0.9],
        "present": [True],
        "colors": ["#e69f00"],
        "opacity": 1.0,
        "height": height,
        "width": width,
    }
    return MaskView(**{**given, **values})


def canvas_of(root: Locator) -> Locator:
    return root.get_by_role("img")


def test_threshold_moves_the_edge_in_the_pixels(blank: LeafPage) -> None:
    canvas = canvas_of(blank.mount(view()))
    blank.shows(canvas, ROW, LEFT, GREY)
    blank.shows(canvas, ROW, RIGHT, ORANGE)
    blank.set(threshold=0.25)
    blank.shows(canvas, ROW, LEFT, ORANGE)
    blank.set(threshold=0.9)
    blank.shows(canvas, ROW, RIGHT, GREY)


@pytest.mark.parametrize(("value", "inside"), [(127, False), (128, True)])
def test_cut_at_one_half_lies_between_127_and_128(
    blank: LeafPage, value: int, inside: bool
) -> None:
    soft = np.full((HEIGHT, WIDTH), value / 255, np.float32)
    canvas = canvas_of(blank.mount(view(masks=[soft_bytes(soft)])))
    blank.shows(canvas, ROW, LEFT, ORANGE if inside else GREY)


# moves the slider over all its stops; what is said, and the colour in the middle of each pixel
SWEEP = """
async (root) => {
  const slider = root.querySelector("input[type=range]");
  const canvas = root.querySelector("canvas");
  const [height, width] = [model.get("height"), model.get("width")];
  const times = canvas.width / width;
  const seen = [];
  slider.value = 0;
  for (let stop = 0; stop <= 100; stop++, slider.stepUp()) {
    slider.dispatchEvent(new Event("input"));
    await new Promise((go) => requestAnimationFrame(go)); // asked for after the repaint
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const reds = Array.from({ length: height * width }, (_, k) => {
      const row = Math.floor((Math.floor(k / width) + 0.5) * times);
      const col = Math.floor(((k % width) + 0.5) * times);
      return data[4 * (row * canvas.width + col)];
    });
    const packed = btoa(String.fromCharCode(...reds)); // numbers one by one take many times as long
    seen.push({ threshold: model.get("threshold"), label: canvas.ariaLabel, packed });
  }
  return seen;
}
"""


def exact_cuts() -> NDArray[np.float32]:
    """Every stop of the slider, and what lies a hair below and above it."""
    stops = np.arange(101, dtype=np.float32) / np.float32(100)
    near = [np.nextafter(stops, np.float32(end)) for end in (0, 1)]
    return np.stack([stops, *near])


MASKS = {
    "exact cuts": exact_cuts(),
    "noise": np.random.default_rng(0).random((19, 31), np.float32),
    "steps": np.random.default_rng(1).integers(0, 9, (16, 25)).astype(np.float32) / np.float32(8),
    "an eighth": np.repeat(
        np.float32([[0.5, 0.5], [0.75, 0.5], [0.5, 0.5], [0.5, 0.5]]), 20, axis=1
    ),
    "not enlarged": np.random.default_rng(2).random((12, 400), np.float32),
}


@pytest.mark.parametrize("soft", MASKS.values(), ids=MASKS.keys())
def test_every_stop_of_the_slider_cuts_as_python_does(
    blank: LeafPage, soft: NDArray[np.float32]
) -> None:
    height, width = soft.shape
    root = blank.mount(view(height, width, masks=[soft_bytes(soft)]))
    mask = Mask.of(soft, flat(height, width, GREY))
    seen = root.evaluate(SWEEP)
    assert [each["threshold"] for each in seen] == [stop / 100 for stop in range(101)]
    for each in seen:
        inside = mask.binary(each["threshold"])
        reds = np.frombuffer(base64.b64decode(each["packed"]), np.uint8)
        drawn = reds.reshape(height, width) == ORANGE[0]
        np.testing.assert_array_equal(drawn, inside)
        assert each["label"].endswith(f" pixels. tree: {inside.mean():.0%} of the picture.")


def test_threshold_of_one_leaves_nothing_and_of_zero_all_that_is_above_it(blank: LeafPage) -> None:
    canvas = canvas_of(blank.mount(view(threshold=1.0)))
    blank.shows(canvas, ROW, WIDTH - 1, GREY)
    blank.set(threshold=0)
    blank.shows(canvas, ROW, WIDTH - 1, ORANGE)
    blank.shows(canvas, ROW, 0, (33, 33, 33))  # 0 is not above 0: outside, beside the line


def test_opacity_zero_is_the_plain_picture_and_one_the_plain_colour(blank: LeafPage) -> None:
    root = blank.mount(view(opacity=0.0))
    canvas = canvas_of(root)
    blank.shows(canvas, ROW, RIGHT, GREY)
    values = canvas.evaluate(
        "c => [...new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)]"
    )
    assert values == [100, 255]  # no pixel was touched, the outline's neither
    blank.set(opacity=1)
    blank.shows(canvas, ROW, RIGHT, ORANGE)
    blank.set(opacity=0.5)
    blank.shows(canvas, ROW, RIGHT, (165, 129, 50))


def test_soft_fades_with_the_mask_where_hard_does_not(blank: LeafPage) -> None:
    root = blank.mount(view())
    canvas = canvas_of(root)
    blank.shows(canvas, ROW, RIGHT, ORANGE)
    root.get_by_role("switch", name="Soft").check()
    share = 300 / 399
    mixed = [round(g + share * (o - g)) for g, o in zip(GREY, ORANGE, strict=True)]
    blank.shows(canvas, ROW, RIGHT, (mixed[0], mixed[1], mixed[2]))
    assert blank.get("soft") is True


def test_outline_runs_where_the_mask_is_cut(blank: LeafPage) -> None:
    canvas = canvas_of(blank.mount(view(opacity=0.5)))
    blank.shows(canvas, ROW, 199, (33, 33, 33))  # dark outside
    blank.shows(canvas, ROW, 200, ORANGE)  # the colour inside
    blank.shows(canvas, ROW, 202, (165, 129, 50))  # and then only the tint


def test_sliders_change_the_traits(blank: LeafPage) -> None:
    root = blank.mount(view())
    root.get_by_role("slider", name="Threshold").press("ArrowRight")
    root.get_by_role("slider", name="Opacity").press("Home")
    assert blank.get("threshold") == 0.51
    assert blank.get("opacity") == 0
    assert {"threshold": 0.51} in blank.page.evaluate("saved")


def test_chip_hides_and_shows_its_mask(blank: LeafPage) -> None:
    root = blank.mount(view())
    canvas, chip = canvas_of(root), root.get_by_role("button", name="tree")
    blank.shows(canvas, ROW, RIGHT, ORANGE)
    chip.click()
    blank.shows(canvas, ROW, RIGHT, GREY)
    expect(chip).to_have_attribute("aria-pressed", "false")
    assert blank.get("visible") == [False]
    chip.press("Enter")
    blank.shows(canvas, ROW, RIGHT, ORANGE)
    assert blank.get("visible") == [True]


def test_absent_query_is_shown_as_such_and_can_be_looked_at(blank: LeafPage) -> None:
    root = blank.mount(view(present=[False], presence=[0.08]))
    canvas = canvas_of(root)
    chip = root.get_by_role("button", name="tree, not in this picture, probability 0.08")
    expect(chip).to_contain_text("not in this picture")
    expect(canvas).to_have_attribute(
        "aria-label", "Picture of 400 by 240 pixels. tree: not in this picture."
    )
    blank.shows(canvas, ROW, RIGHT, GREY)
    chip.click()
    blank.shows(canvas, ROW, RIGHT, ORANGE)


def test_unknown_word_is_named_as_such_and_has_no_probability(blank: LeafPage) -> None:
    nothing = soft_bytes(np.zeros((HEIGHT, WIDTH), np.float32))
    root = blank.mount(view(masks=[nothing], present=[None], presence=[None]))
    chip = root.get_by_role("button", name="tree, unknown word", exact=True)
    expect(chip).to_contain_text("unknown word")
    expect(chip).not_to_contain_text("0")
    expect(canvas_of(root)).to_have_attribute(
        "aria-label", "Picture of 400 by 240 pixels. tree: unknown word, nothing can be said."
    )


def test_unknown_words_come_first_in_chips_and_words(blank: LeafPage) -> None:
    masks = [soft_bytes(ramp(HEIGHT, WIDTH))] * 2
    root = blank.mount(view(masks=masks, labels=["tree", "gnu"], present=[True, None]))
    expect(root.get_by_role("group", name="Queries").get_by_role("button").first).to_contain_text(
        "gnu"
    )
    expect(root.get_by_role("status")).to_contain_text(
        "gnu: unknown word, nothing can be said; tree"
    )


def test_correction_goes_to_the_query_that_is_chosen(blank: LeafPage) -> None:
    masks = [soft_bytes(ramp(HEIGHT, WIDTH))] * 2
    root = blank.mount(view(masks=masks, labels=["tree", "house"], present=[True, True]))
    root.get_by_role("radio", name="Choose house").check()
    assert blank.get("selected") == 1
    blank.set(selected=0)
    expect(root.get_by_role("radio", name="Choose tree")).to_be_checked()


def test_label_and_status_say_how_much_is_found(blank: LeafPage) -> None:
    root = blank.mount(view())
    expect(canvas_of(root)).to_have_attribute(
        "aria-label", "Picture of 400 by 240 pixels. tree: 50% of the picture."
    )
    blank.set(threshold=0.75)
    expect(root.get_by_role("status")).to_contain_text("tree: 25% of the picture")


def test_names_are_text_and_never_markup(blank: LeafPage) -> None:
    name = "<img src=x onerror='window.hacked = 1'>"
    root = blank.mount(view(labels=[name]))
    expect(root.get_by_role("button", name=name)).to_contain_text(name)
    assert blank.page.evaluate("window.hacked") is None


def test_pointer_and_cross_hair_read_the_values(blank: LeafPage) -> None:
    root = blank.mount(view())
    canvas, readout = canvas_of(root), root.locator(".ts-readout")
    canvas.hover(position={"x": 300.5, "y": 60.5})
    expect(readout).to_have_text("Row 60, column 300, tree 0.75")
    canvas.focus()
    canvas.press("ArrowUp")  # appears in the middle
    canvas.press("ArrowLeft")
    canvas.press("Shift+ArrowDown")
    expect(readout).to_have_text("Row 130, column 199, tree 0.50")
    expect(root.get_by_role("status")).to_have_text("Row 130, column 199, tree 0.50")
    canvas.press("Escape")
    expect(readout).to_be_empty()


def test_zoom_keeps_the_place_and_the_coordinates(blank: LeafPage) -> None:
    root = blank.mount(view())
    canvas = canvas_of(root)
    for _ in range(3):
        root.get_by_role("button", name="Zoom in").click()
    width = canvas.bounding_box()["width"]
    assert width == 3 * WIDTH
    stage = root.locator(".ts-stage").bounding_box()
    assert (stage["width"], stage["height"]) == (WIDTH, HEIGHT)
    blank.page.mouse.move(stage["x"] + 196, stage["y"] + 115)
    about_the_middle = re.compile(r"Row 11\d, column 19\d,")  # as before
    expect(root.locator(".ts-readout")).to_have_text(about_the_middle)
    canvas.press("0")
    assert canvas.bounding_box()["width"] == WIDTH


def test_small_pictures_are_enlarged_and_large_ones_fitted(blank: LeafPage) -> None:
    root = blank.mount(view(24, 40))
    canvas = canvas_of(root)
    assert canvas.bounding_box()["width"] == 400
    canvas.hover(position={"x": 395, "y": 5})
    expect(root.locator(".ts-readout")).to_have_text("Row 0, column 39, tree 1.00")
    blank.page.set_viewport_size({"width": 300, "height": 600})
    assert canvas.bounding_box()["width"] < 300


def test_masks_may_be_smaller_than_the_picture(blank: LeafPage) -> None:
    canvas = canvas_of(blank.mount(view(masks=[soft_bytes(ramp(30, 50))])))
    blank.shows(canvas, ROW, LEFT, GREY)
    blank.shows(canvas, ROW, RIGHT, ORANGE)


def test_later_picture_takes_the_place_of_an_earlier_one_that_is_slower(blank: LeafPage) -> None:
    canvas = canvas_of(blank.mount(view()))
    blank.hold()
    for number, rgb in enumerate([(0, 0, 0), (0, 120, 240)], start=1):
        blank.set(image=picture_bytes(flat(HEIGHT, WIDTH, rgb)))
        blank.wait_for_held(2 * number)  # with its mask
    blank.let_go(2, 3, 0, 1)
    assert blank.pixel(canvas, ROW, LEFT)[:3] == pytest.approx([0, 120, 240], abs=3)


def test_new_picture_without_masks_has_no_legend(blank: LeafPage) -> None:
    root = blank.mount(view())
    blank.set(masks=[])
    blank.shows(canvas_of(root), ROW, RIGHT, GREY)
    expect(root.get_by_role("button", name="tree")).to_have_count(0)
    expect(canvas_of(root)).to_have_attribute(
        "aria-label", "Picture of 400 by 240 pixels. Nothing was looked for yet."
    )


def test_nothing_to_show_and_broken_bytes_are_said(blank: LeafPage) -> None:
    root = blank.mount(MaskView(), state="empty")
    expect(root.get_by_role("status")).to_have_text("No picture yet.")
    blank.set(image=b"no picture at all")
    expect(root).to_have_attribute("data-state", "failed")
    expect(root.get_by_role("status")).to_have_text("This picture cannot be shown.")


def test_chip_keeps_the_focus_when_a_new_answer_arrives(blank: LeafPage) -> None:
    root = blank.mount(view())
    root.get_by_role("button", name="tree").focus()
    blank.set(presence=[0.4])
    expect(root.get_by_role("button", name="tree, probability 0.40")).to_be_focused()


def test_three_masks_of_768_by_512_are_repainted_within_a_few_frames(blank: LeafPage) -> None:
    softs = [ramp(512, 768), 1 - ramp(512, 768), ramp(768, 512).T.copy()]
    many = view(
        512, 768, masks=[soft_bytes(soft) for soft in softs], present=[True] * 3, opacity=0.55
    )
    root = blank.mount(many)
    for step in range(35):
        before = int(root.get_attribute("data-repaint") or 0)
        blank.set(threshold=0.1 + 0.02 * step)
        blank.page.wait_for_function(
            "(n) => Number(document.querySelector('.ts-leaf').dataset.repaint) > n", arg=before
        )
    blank.page.wait_for_function("() => saved.filter((s) => 'repaint_ms' in s).length > 0")
    took = blank.get("repaint_ms")
    logging.getLogger(__name__).info("repaint of three masks of 768 x 512: %.1f ms", took)
    # the goal is a frame, 16 ms, and is met where the processor is free; tests share it with others
    assert 0 < took < 100


# -- the picture's own pixels

LARGE = {"height": 1200, "width": 2000}
RED, GREEN_TILE = (200, 0, 0), (0, 200, 0)


def zoomed(blank: LeafPage, leaf: MaskView) -> Locator:
    """A leaf with a large picture, zoomed in as soon as it is there."""
    root = blank.mount(leaf)
    picture = canvas_of(root)
    for _ in range(3):
        picture.press("+")
    return root


def test_part_that_is_seen_is_asked_for_and_laid_over_its_place(blank: LeafPage) -> None:
    sent = picture_bytes(flat(1200, 2000, RED))
    mask = soft_bytes(np.zeros((1200, 2000), np.float32))
    leaf = MaskView(image=sent, masks=[mask], labels=["tree"], present=[True], **LARGE)
    root = zoomed(blank, leaf)
    blank.page.wait_for_function("model.get('wanted').length === 4")
    top, left, bottom, right = blank.get("wanted")
    assert 0 < top < bottom < 1200
    assert 0 < left < right < 2000
    detail = root.locator(".ts-detail")
    expect(detail).to_be_hidden()
    box = [300, 500, 900, 1500]
    part = np.ones((600, 1000), np.float32)
    blank.set(
        tile_box=box,
        tile_masks=[soft_bytes(part)],
        tile=picture_bytes(flat(600, 1000, GREEN_TILE)),
    )
    expect(detail).to_be_visible()
    place, sheet = detail.bounding_box(), root.locator(".ts-sheet").bounding_box()
    assert place is not None
    assert sheet is not None
    assert place["width"] == pytest.approx(sheet["width"] / 2, abs=1)
    assert place["y"] - sheet["y"] == pytest.approx(sheet["height"] / 4, abs=1)
    blank.set(opacity=0.0)
    blank.shows(detail, 300, 500, GREEN_TILE)
    blank.set(opacity=1.0)
    blank.shows(detail, 300, 500, ORANGE)
    canvas_of(root).press("0")
    expect(detail).to_be_hidden()
    blank.page.wait_for_function("model.get('wanted').length === 0")


def test_dragging_moves_what_is_seen_of_a_zoomed_picture(blank: LeafPage) -> None:
    root = zoomed(blank, view())
    expect(root.get_by_text("Drag to move.")).to_be_visible()
    frame = root.locator(".ts-stage")
    before = frame.evaluate("(frame) => frame.scrollLeft")
    box = frame.bounding_box()
    assert box is not None
    mouse = blank.page.mouse
    mouse.move(box["x"] + 200, box["y"] + 100)
    mouse.down()
    mouse.move(box["x"] + 150, box["y"] + 100)
    mouse.up()
    mouse.move(box["x"] + 10, box["y"] + 100)
    assert frame.evaluate("(frame) => frame.scrollLeft") == before + 50


def test_pixels_of_a_small_picture_are_there_and_not_asked_for(blank: LeafPage) -> None:
    zoomed(blank, view())
    blank.page.evaluate("new Promise((go) => setTimeout(go, 300))")  # longer than it would take
    assert blank.get("wanted") == []
