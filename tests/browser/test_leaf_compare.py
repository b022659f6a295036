"""CompareView in a browser: the line follows pointer, keys and kernel; the outline is on demand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.leafpage import LeafPage, flat
from textseg.panels import CompareView
from textseg.panels.leaves import picture_bytes, soft_bytes

pytestmark = pytest.mark.browser

HEIGHT, WIDTH = 240, 400


def pair(height: int = HEIGHT, width: int = WIDTH, **values: Any) -> CompareView:
    given = {
        "before": picture_bytes(flat(height, width, (200, 0, 0))),
        "after": picture_bytes(flat(height, width, (0, 0, 200))),
        "height": height,
        "width": width,
    }
    return CompareView(**{**given, **values})


def slider_of(root: Locator) -> Locator:
    return root.get_by_role("slider", name="Before/after position")


def edge(root: Locator) -> Locator:
    return root.get_by_role("img", name="The picture after the change")


def test_keyboard_moves_the_line(blank: LeafPage) -> None:
    root = blank.mount(pair())
    slider = slider_of(root)
    slider.press("Home")
    assert blank.get("position") == 0
    for _ in range(5):
        slider.press("ArrowRight")
    assert blank.get("position") == 5
    expect(edge(root)).to_have_css("clip-path", "inset(0px 0px 0px 5%)")
    slider.press("End")
    assert blank.get("position") == 100
    assert {"position": 100} in blank.page.evaluate("saved")


def test_dragging_the_picture_moves_the_line_and_leaves_the_keys_with_it(blank: LeafPage) -> None:
    root = blank.mount(pair())
    box = root.locator(".ts-pair").bounding_box()
    assert box is not None
    mouse = blank.page.mouse
    mouse.move(box["x"] + 40, box["y"] + 50)
    mouse.down()
    assert blank.get("position") == 10
    mouse.move(box["x"] + 300, box["y"] + 90)
    assert blank.get("position") == 75
    mouse.move(box["x"] + 900, box["y"] + 90)
    assert blank.get("position") == 100
    mouse.up()
    mouse.move(box["x"] + 100, box["y"] + 90)
    assert blank.get("position") == 100
    expect(slider_of(root)).to_be_focused()
    blank.page.keyboard.press("ArrowLeft")
    assert blank.get("position") == 99


def test_kernel_moves_the_line(blank: LeafPage) -> None:
    root = blank.mount(pair(position=20))
    expect(slider_of(root)).to_have_value("20")
    blank.set(position=80)
    expect(slider_of(root)).to_have_value("80")
    expect(edge(root)).to_have_css("clip-path", "inset(0px 0px 0px 80%)")


def test_left_of_the_line_is_before_and_right_of_it_after(blank: LeafPage) -> None:
    root = blank.mount(pair(position=50))
    for x, width in ((100, 2), (300, 2)):
        clip = root.locator(".ts-pair").bounding_box()
        assert clip is not None
        shot = blank.page.screenshot(
            clip={"x": clip["x"] + x, "y": clip["y"] + 120, "width": width, "height": 2}
        )
        rgb = decoded(shot)[0, 0]
        assert np.abs(rgb - ([200, 0, 0] if x < 200 else [0, 0, 200])).max() <= 3


def test_outline_is_drawn_on_demand(blank: LeafPage) -> None:
    soft = np.zeros((HEIGHT, WIDTH), np.float32)
    soft[:, 100:] = 1
    root = blank.mount(pair(mask=soft_bytes(soft)))
    line = root.locator("canvas")
    expect(line).to_be_hidden()
    root.get_by_role("checkbox", name="Outline of the mask").check()
    expect(line).to_be_visible()
    assert blank.get("outline") is True
    blank.shows(line, 120, 100, (230, 159, 0))
    assert blank.pixel(line, 120, 100)[3] == 255
    assert blank.pixel(line, 120, 50)[3] == blank.pixel(line, 120, 200)[3] == 0


def test_without_a_mask_there_is_no_outline_to_ask_for(blank: LeafPage) -> None:
    root = blank.mount(pair(outline=True))
    expect(root.get_by_role("checkbox", name="Outline of the mask")).to_be_hidden()
    expect(root.locator("canvas")).to_be_hidden()


def test_slider_is_as_wide_as_the_picture_also_when_that_is_small(blank: LeafPage) -> None:
    root = blank.mount(pair(24, 40))
    widths = [
        each.bounding_box()["width"]  # type: ignore[index]  # it is shown
        for each in (slider_of(root), root.locator(".ts-pair"), edge(root))
    ]
    assert widths == [400, 400, 400]


def test_new_pictures_replace_the_old_ones(blank: LeafPage) -> None:
    root = blank.mount(pair())
    blank.set(before=picture_bytes(flat(120, 500, (0, 200, 0))), height=120, width=500)
    before = root.get_by_role("img", name="The picture before the change")
    expect(before).to_have_js_property("naturalWidth", 500)
    expect(root.get_by_role("status")).to_have_text("Two pictures of 500 by 120 pixels.")
    assert blank.page.evaluate("left.urls") == 2


def test_change_is_told_to_those_who_cannot_see_it(blank: LeafPage) -> None:
    root = blank.mount(pair())
    blank.set(change="tree → boat")
    for when in ("before", "after"):
        name = f"The picture {when} the change: tree → boat"
        expect(root.get_by_role("img", name=name, exact=True)).to_be_visible()


def test_nothing_to_compare_and_broken_bytes_are_said(blank: LeafPage) -> None:
    root = blank.mount(CompareView(), state="empty")
    expect(root.get_by_role("status")).to_have_text("No pictures to compare yet.")
    blank.set(before=b"none", after=b"none")
    expect(root).to_have_attribute("data-state", "failed")
    expect(root.get_by_role("status")).to_have_text("These pictures cannot be shown.")


def decoded(png: bytes) -> Any:
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_pictures_lie_side_by_side_when_that_is_wanted(blank: LeafPage) -> None:
    root = blank.mount(pair())
    root.get_by_label("Side by side").check()
    boxes = [root.locator("img").nth(k).bounding_box() for k in (0, 1)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[1]["x"] >= boxes[0]["x"] + boxes[0]["width"]
    assert boxes[1]["y"] == boxes[0]["y"]
    assert boxes[1]["width"] == pytest.approx(boxes[0]["width"], abs=1)
    expect(root.get_by_role("slider")).to_be_hidden()
    assert blank.get("beside")
    root.get_by_label("Side by side").uncheck()
    expect(root.get_by_role("slider")).to_be_visible()
