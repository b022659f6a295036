"""PromptCanvas in a browser: what is clicked, dragged and typed is what a correction is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.leafpage import LeafPage, flat
from textseg.panels import PromptCanvas
from textseg.panels.leaves import picture_bytes, soft_bytes
from textseg.segmentation.mask import Mask
from textseg.toolbox import Correction

pytestmark = pytest.mark.browser

GREY = (100, 100, 100)
HEIGHT, WIDTH = 240, 400


def canvas(height: int = HEIGHT, width: int = WIDTH, **values: Any) -> PromptCanvas:
    given = {"image": picture_bytes(flat(height, width, GREY)), "height": height, "width": width}
    return PromptCanvas(**{**given, **values})


def ink_of(root: Locator) -> Locator:
    return root.get_by_role("application")


def corrections(blank: LeafPage) -> list[Correction]:
    """What the leaf hands out, read by the toolbox."""
    return [Correction.model_validate(each) for each in blank.get("corrections")]


def point(action: str, *points: list[float]) -> Correction:
    return Correction.model_validate({"action": action, "points": list(points)})


def drag(blank: LeafPage, ink: Locator, *places: tuple[float, float], button: Any = "left") -> None:
    """Press at the first (x, y), move along the others, let go."""
    corner = ink.bounding_box()
    assert corner is not None
    mouse = blank.page.mouse
    moves = [(corner["x"] + x, corner["y"] + y) for x, y in places]
    mouse.move(*moves[0])
    mouse.down(button=button)
    for place in moves[1:]:
        mouse.move(*place)
    mouse.up(button=button)


def test_click_is_row_and_column_of_the_pixel(blank: LeafPage) -> None:
    ink = ink_of(blank.mount(canvas()))
    ink.click(position={"x": 300, "y": 60})
    assert blank.get("corrections") == [
        {"action": "keep", "points": [[60, 300]], "box": None, "radius": 4}
    ]
    assert corrections(blank) == [point("keep", [60, 300])]


def test_points_to_keep_are_one_correction_and_to_drop_one_each(blank: LeafPage) -> None:
    root = blank.mount(canvas())
    ink = ink_of(root)
    ink.click(position={"x": 30, "y": 60})
    ink.click(position={"x": 50, "y": 70})
    root.get_by_role("radio", name="Drop").check()
    ink.click(position={"x": 80, "y": 90})
    ink.click(position={"x": 90, "y": 95})
    assert corrections(blank) == [
        point("keep", [60, 30], [70, 50]),
        point("drop", [90, 80]),
        point("drop", [95, 90]),
    ]


@pytest.mark.parametrize(
    ("tool", "opposite"),
    [("keep", "drop"), ("drop", "keep"), ("paint", "erase"), ("erase", "paint")],
)
def test_right_button_does_the_opposite_and_opens_no_menu(
    blank: LeafPage, tool: str, opposite: str
) -> None:
    ink = ink_of(blank.mount(canvas(tool=tool)))
    blank.page.evaluate(
        "document.addEventListener('contextmenu', (e) => { window.menu = e.defaultPrevented; })"
    )
    ink.click(position={"x": 30, "y": 60}, button="right")
    assert [each.action for each in corrections(blank)] == [opposite]
    assert blank.page.evaluate("menu") is True
    assert ink.evaluate("c => c.closest('[data-jp-suppress-context-menu]') !== null")


def test_box_covers_the_pixels_it_was_dragged_over_from_any_corner(blank: LeafPage) -> None:
    ink = ink_of(blank.mount(canvas(tool="drop", shape="box")))
    drag(blank, ink, (300.5, 200.5), (100, 100), (50.5, 20.5))
    assert blank.get("corrections") == [
        {"action": "drop", "points": [], "box": [50, 20, 301, 201], "radius": 4}
    ]
    assert len(corrections(blank)) == 1


def test_box_ends_at_the_picture_and_a_click_makes_none(blank: LeafPage) -> None:
    root = blank.mount(canvas(shape="box"))
    drag(blank, ink_of(root), (350, 200), (700, 500))
    assert corrections(blank)[0].box == [350, 200, 400, 240]
    ink_of(root).click(position={"x": 30, "y": 60})
    assert len(corrections(blank)) == 1
    expect(root.get_by_role("status")).to_have_text("A box is dragged from corner to corner.")


def test_stroke_follows_the_pointer_with_the_radius_of_the_brush(blank: LeafPage) -> None:
    ink = ink_of(blank.mount(canvas(tool="paint", radius=7.5)))
    drag(blank, ink, (100.5, 50.5), (150.5, 60.5), (200.5, 50.5))
    assert blank.get("corrections") == [
        {"action": "paint", "points": [[50, 100], [60, 150], [50, 200]], "box": None, "radius": 7.5}
    ]
    assert len(corrections(blank)) == 1


def test_stroke_goes_on_outside_of_the_picture(blank: LeafPage) -> None:
    ink = ink_of(blank.mount(canvas(tool="erase")))
    drag(blank, ink, (390.5, 50.5), (430.5, 50.5))
    assert corrections(blank)[0].points == [[50, 390], [50, 430]]


def test_brush_slider_sets_the_radius(blank: LeafPage) -> None:
    root = blank.mount(canvas(tool="paint"))
    brush = root.get_by_role("slider", name="Brush radius")
    brush.press("ArrowRight")
    assert blank.get("radius") == 13
    assert brush.get_attribute("max") == "60"
    root.get_by_role("radio", name="Keep").check()
    expect(brush).to_be_hidden()


def test_undo_redo_and_reset_go_in_the_order_of_drawing(blank: LeafPage) -> None:
    root = blank.mount(canvas())
    ink = ink_of(root)
    ink.click(position={"x": 30, "y": 60})
    ink.click(position={"x": 50, "y": 70})
    blank.set(tool="paint")
    drag(blank, ink, (100.5, 50.5), (150.5, 60.5))
    blank.set(tool="drop")
    ink.click(position={"x": 80, "y": 90})
    whole = corrections(blank)
    assert [each.action for each in whole] == ["keep", "paint", "drop"]
    ink.press("Control+z")
    assert corrections(blank) == whole[:2]
    ink.press("Control+z")
    ink.press("Control+z")
    assert corrections(blank) == [point("keep", [60, 30])]  # one click, not both
    root.get_by_role("button", name="Redo").click()
    ink.press("Control+Shift+Z")
    ink.press("Control+y")
    assert corrections(blank) == whole
    root.get_by_role("button", name="Undo").click()
    assert corrections(blank) == whole[:2]
    root.get_by_role("button", name="Take back all corrections").click()
    assert corrections(blank) == []


def test_new_correction_forgets_what_was_undone(blank: LeafPage) -> None:
    root = blank.mount(canvas(tool="drop"))
    ink, redo = ink_of(root), root.get_by_role("button", name="Redo")
    ink.click(position={"x": 30, "y": 60})
    ink.press("Control+z")
    expect(redo).to_be_enabled()
    ink.click(position={"x": 50, "y": 70})
    expect(redo).to_be_disabled()
    ink.press("Control+y")
    assert corrections(blank) == [point("drop", [70, 50])]


def test_corrections_set_by_the_kernel_are_drawn_and_can_be_undone(blank: LeafPage) -> None:
    root = blank.mount(canvas(tool="drop"))
    ink = ink_of(root)
    ink.click(position={"x": 30, "y": 60})
    ink.press("Control+z")
    given = point("keep", [60, 300], [70, 310]).model_dump()
    blank.set(corrections=[given])
    expect(root.get_by_role("button", name="Redo")).to_be_disabled()
    blank.shows(ink, 60, 300, (255, 255, 255))  # the white of the plus
    ink.press("Control+z")
    assert corrections(blank) == [point("keep", [60, 300])]
    blank.set(corrections=[])
    blank.shows(ink, 60, 300, (0, 0, 0))
    assert blank.pixel(ink, 60, 300)[3] == 0


def test_everything_can_be_done_from_the_keyboard(blank: LeafPage) -> None:
    ink = ink_of(blank.mount(canvas()))
    ink.focus()
    ink.press("ArrowRight")  # the cross-hair appears in the middle
    ink.press("ArrowRight")
    ink.press("Shift+ArrowUp")
    ink.press("Space")
    ink.press("Shift+Enter")
    assert corrections(blank) == [point("keep", [110, 201]), point("drop", [110, 201])]
    blank.set(shape="box")
    ink.press("Space")
    ink.press("Shift+ArrowDown")
    ink.press("Shift+ArrowRight")
    ink.press("Enter")
    assert corrections(blank)[-1].box == [201, 110, 212, 121]
    blank.set(tool="erase")
    ink.press("Space")
    ink.press("Shift+ArrowLeft")
    ink.press("ArrowUp")
    ink.press("Space")
    assert corrections(blank)[-1].action == "erase"
    assert corrections(blank)[-1].points == [[120, 211], [120, 201], [119, 201]]


def test_cross_hair_stops_at_the_edge(blank: LeafPage) -> None:
    ink = ink_of(blank.mount(canvas(24, 40, tool="drop")))
    ink.focus()
    for _ in range(6):
        ink.press("Shift+ArrowLeft")
        ink.press("Shift+ArrowDown")
    ink.press("Enter")
    assert corrections(blank) == [point("drop", [23, 0])]


def test_escape_gives_up_the_gesture_and_then_leaves(blank: LeafPage) -> None:
    root = blank.mount(canvas(shape="box"))
    ink = ink_of(root)
    ink.focus()
    ink.press("Enter")
    ink.press("Enter")  # first corner
    ink.press("Escape")
    expect(ink).to_be_focused()
    ink.press("Escape")
    expect(root.get_by_role("radio", name="Keep")).to_be_focused()
    assert corrections(blank) == []


@pytest.mark.parametrize(("scale", "steps"), [(1.0, 0), (0.6, 0), (1.0, 3), (0.6, 4)])
@pytest.mark.parametrize("ratio", [1, 2])
def test_clicks_hit_the_region_under_css_scaling_and_zoom(
    blank: LeafPage, scale: float, steps: int, ratio: int
) -> None:
    soft = np.zeros((60, 100), np.float32)
    soft[10:14, 70:76], soft[40:50, 20:30] = 1, 1
    blank.page.evaluate("(ratio) => { document.body.style.zoom = ratio; }", ratio)
    root = blank.mount(canvas(60, 100, mask=soft_bytes(soft), tool="drop"))
    root.evaluate("(node, part) => { node.style.width = `${400 * part}px`; }", scale)
    ink = ink_of(root)
    corner = ink.bounding_box()
    assert corner is not None
    at = (corner["x"] + 0.725 * corner["width"], corner["y"] + 0.2 * corner["height"])
    blank.page.mouse.move(*at)
    for _ in range(steps):
        blank.page.evaluate(
            "([clientX, clientY]) => document.elementFromPoint(clientX, clientY).dispatchEvent("
            "new WheelEvent('wheel', {deltaY: -1, ctrlKey: true, clientX, clientY, bubbles: 1}))",
            list(at),
        )
    blank.page.mouse.click(*at)
    (row, col) = corrections(blank)[0].points[0]
    assert row in (11, 12)
    assert col in (72, 73)
    mask = Mask.of(soft, flat(60, 100, GREY))
    left = mask.drop((row, col)).regions()
    assert [region.box for region in left] == [(20, 40, 30, 50)]


def test_mask_is_tinted_and_its_share_said(blank: LeafPage) -> None:
    soft = np.zeros((HEIGHT, WIDTH), np.float32)
    soft[:, :100] = 1
    root = blank.mount(canvas(mask=soft_bytes(soft), color="#0072b2"))
    below = root.locator("canvas").first
    blank.shows(below, 120, 50, (55, 106, 135))
    blank.shows(below, 120, 300, GREY)
    label = ink_of(root).get_attribute("aria-label")
    assert label is not None
    assert label.startswith("Picture of 400 by 240 pixels, 25% of it in the mask; 0 corrections.")


def test_status_says_what_was_done(blank: LeafPage) -> None:
    root = blank.mount(canvas())
    ink_of(root).click(position={"x": 300, "y": 60})
    said = root.get_by_role("status")
    expect(said).to_have_text("Keep point at row 60, column 300. 1 correction.")
    ink_of(root).press("Control+z")
    expect(said).to_have_text("Undone: Keep point at row 60, column 300. 0 corrections.")


def test_buttons_without_use_keep_the_focus(blank: LeafPage) -> None:
    root = blank.mount(canvas(tool="drop"))
    ink_of(root).click(position={"x": 30, "y": 60})
    undo = root.get_by_role("button", name="Undo")
    undo.press("Enter")
    undo.press("Enter")
    expect(undo).to_be_disabled()
    expect(undo).to_be_focused()


def test_long_stroke_is_cut_into_corrections_that_the_toolbox_takes(blank: LeafPage) -> None:
    ink = ink_of(blank.mount(canvas(tool="paint")))
    ink.evaluate(
        """(ink) => {
          const box = ink.getBoundingClientRect();
          const send = (kind, k) => ink.dispatchEvent(new PointerEvent(kind, {
            pointerId: 7, button: 0, bubbles: true, cancelable: true,
            clientX: box.left + (k % 400), clientY: box.top + 2 * (k % 120)}));
          ink.setPointerCapture = () => {};
          send("pointerdown", 0);
          for (let k = 1; k <= 12_000; k++) send("pointermove", k);
          send("pointerup", 12_000);
        }"""
    )
    assert len(corrections(blank)[0].points) == 10_000
    assert len(corrections(blank)) == 2
