"""What holds for every leaf: it keeps its keys, cleans up, says what it is, and can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.leafpage import LeafPage, flat, ramp
from textseg.panels import CompareView, MaskView, PromptCanvas
from textseg.panels.leaves import picture_bytes, soft_bytes
from textseg.panels.leaves.leaf import Leaf

pytestmark = pytest.mark.browser

GOLDEN = Path(__file__).parents[1] / "golden" / "leaves"
HEIGHT, WIDTH = 240, 400
PICTURE = picture_bytes(flat(HEIGHT, WIDTH, (100, 100, 100)))
SIZE = {"height": HEIGHT, "width": WIDTH}


def mask_view() -> MaskView:
    return MaskView(
        image=PICTURE,
        masks=[soft_bytes(ramp(HEIGHT, WIDTH)), soft_bytes(1 - ramp(HEIGHT, WIDTH) ** 2)],
        labels=["tree", "red house"],
        presence=[0.93, 0.12],
        present=[True, False],
        **SIZE,
    )


def prompt_canvas() -> PromptCanvas:
    keep = {"action": "keep", "points": [[60, 300]], "box": None, "radius": 4}
    return PromptCanvas(
        image=PICTURE, mask=soft_bytes(ramp(HEIGHT, WIDTH)), corrections=[keep], **SIZE
    )


def compare_view() -> CompareView:
    mask = soft_bytes(ramp(HEIGHT, WIDTH))
    pictures = {"before": PICTURE, "after": PICTURE, "change": "tree → boat"}
    return CompareView(**pictures, mask=mask, outline=True, **SIZE)


LEAVES: list[Callable[[], Leaf]] = [mask_view, prompt_canvas, compare_view]
NOTHING = {"listeners": 0, "urls": 0, "observers": 0, "timers": 0}
each_leaf = pytest.mark.parametrize("make", LEAVES)


@each_leaf
def test_keys_never_leave_the_leaf(blank: LeafPage, make: Callable[[], Leaf]) -> None:
    root = blank.mount(make())
    keyboard = blank.page.keyboard
    keyboard.press("q")
    assert blank.page.evaluate("bubbled") == ["q"]  # from outside they would be seen
    controls = root.locator("input:visible, button:visible, [tabindex='0']:visible")
    assert controls.count() >= 2
    for control in controls.all():
        control.focus()
        for key in ("x", "d", "d", "z", "ArrowDown", "Enter", "Delete", "Control+z", "Escape"):
            keyboard.press(key)
    assert blank.page.evaluate("bubbled") == ["q"]


@each_leaf
def test_only_the_key_that_saves_leaves_the_leaf(blank: LeafPage, make: Callable[[], Leaf]) -> None:
    root = blank.mount(make())
    for control in root.locator("input:visible, button:visible, [tabindex='0']:visible").all():
        control.focus()
        for key in ("s", "Shift+S", "Control+Shift+S", "Control+Alt+s", "Control+d", "Control+s"):
            blank.page.keyboard.press(key)
        assert blank.page.evaluate("bubbled.splice(0)") == ["s"]
        blank.page.keyboard.press("Meta+s")
        assert blank.page.evaluate("bubbled.splice(0)") == ["s"]


@each_leaf
def test_keys_stay_after_a_click_beside_the_controls(
    blank: LeafPage, make: Callable[[], Leaf]
) -> None:
    root = blank.mount(make())
    root.locator(".ts-status").click()
    blank.page.keyboard.press("x")
    assert blank.page.evaluate("bubbled") == []


@each_leaf
def test_everything_that_acts_has_a_name(blank: LeafPage, make: Callable[[], Leaf]) -> None:
    root = blank.mount(make())
    for control in root.locator("input:visible, button:visible, [role=img], img").all():
        expect(control).to_have_accessible_name(re.compile(r"\w"))


@each_leaf
def test_nothing_is_left_behind(blank: LeafPage, make: Callable[[], Leaf]) -> None:
    blank.mount(make())
    assert blank.page.evaluate("handlers()") > 0
    blank.page.evaluate("model.set('height', 200); cleanup()")  # goes while there is work to do
    assert blank.page.evaluate("handlers()") == 0
    assert blank.page.evaluate("left") == NOTHING
    assert blank.page.evaluate("element.childElementCount") == 0


@each_leaf
def test_view_that_goes_while_it_loads_does_nothing_more(
    blank: LeafPage, make: Callable[[], Leaf]
) -> None:
    leaf = make()
    blank.mount(leaf)
    blank.hold()
    again = "masks" if isinstance(leaf, MaskView) else "mask"
    blank.set(**{again: getattr(leaf, again)})
    blank.wait_for_held(1)
    blank.page.evaluate("cleanup()")
    blank.let_go(*range(blank.page.evaluate("held.length")))
    assert blank.page.evaluate("left") == NOTHING
    assert blank.page.evaluate("element.childElementCount") == 0


@each_leaf
def test_kernel_that_has_gone_is_told(blank: LeafPage, make: Callable[[], Leaf]) -> None:
    root = blank.mount(make())
    expect(root.get_by_role("alert")).to_have_count(0)
    blank.page.evaluate("trigger('comm_live_update')")
    expect(root.get_by_role("alert")).to_contain_text("run the cell of this panel again")


AGAIN = """
async (esm) => {
  const url = URL.createObjectURL(new Blob([esm], {type: "text/javascript"}));
  const el = document.body.appendChild(document.createElement("div"));
  (await import(url)).default.render({model, el});
}
"""


@each_leaf
def test_two_views_of_one_model_agree(blank: LeafPage, make: Callable[[], Leaf]) -> None:
    leaf = make()
    blank.mount(leaf)
    blank.page.evaluate(AGAIN, leaf._esm)
    roots = blank.page.locator(".ts-leaf")
    expect(roots).to_have_count(2)
    for root in roots.all():
        expect(root).to_have_attribute("data-state", "ready")
    first, second = (roots.nth(k).locator("input:visible").last for k in (0, 1))
    kind = first.get_attribute("type")
    if kind == "range":
        first.press("ArrowRight")
        expect(second).to_have_value(first.input_value())
    else:
        first.click()
        expect(second).to_be_checked(checked=first.is_checked())


@each_leaf
def test_what_a_screen_reader_gets_is_as_it_was(
    blank: LeafPage, make: Callable[[], Leaf], tmp_path: Path
) -> None:
    root = blank.mount(make())
    expect(root.get_by_role("status")).not_to_be_empty()
    found = root.aria_snapshot() + "\n"
    golden = GOLDEN / f"{make.__name__}.yml"
    (tmp_path / golden.name).write_text(found, encoding="utf-8")
    assert golden.exists(), f"look at it, then: cp {tmp_path / golden.name} {golden}"
    assert found == golden.read_text(encoding="utf-8"), f"differs from {tmp_path / golden.name}"


CONTRAST = """
(root) => {
  const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const light = (colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const parts = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255);
    const [r, g, b] = parts.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const below = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? below(node.parentElement) : light(colour);
  };
  const words = [root, ...root.querySelectorAll(".ts-status, .ts-number, label, button")];
  const usable = words.filter((node) => node.getAttribute("aria-disabled") !== "true");
  return usable.map((node) => {
    const [low, high] = [light(getComputedStyle(node).color), below(node)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  });
}
"""


@pytest.mark.parametrize(("scheme", "system"), [("light", "dark"), ("dark", "light")])
@each_leaf
def test_words_can_be_read_in_light_and_dark_as_the_page_has_it(
    blank: LeafPage, make: Callable[[], Leaf], scheme: str, system: Literal["light", "dark"]
) -> None:
    blank.page.emulate_media(color_scheme=system)
    blank.page.evaluate("(scheme) => { document.body.style.colorScheme = scheme; }", scheme)
    root = blank.mount(make())
    ground = root.evaluate("(root) => getComputedStyle(root).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    assert min(root.evaluate(CONTRAST)) >= 4.5  # WCAG 2.2, 1.4.3


def test_theme_of_the_notebook_wins_over_that_of_the_system(blank: LeafPage) -> None:
    blank.page.emulate_media(color_scheme="light")
    blank.page.evaluate(
        "() => { document.body.dataset.jpThemeLight = 'false';"
        " document.body.style.setProperty('--jp-layout-color0', '#111');"
        " document.body.style.setProperty('--jp-ui-font-color1', '#eee'); }"
    )
    root = blank.mount(mask_view())
    expect(root).to_have_css("background-color", "rgb(17, 17, 17)")
    expect(root).to_have_css("color-scheme", "dark")
    assert min(root.evaluate(CONTRAST)) >= 4.5


def test_script_fetches_nothing_and_is_one_module() -> None:
    for make in LEAVES:
        source = str(make()._esm)
        assert "import " not in source
        assert "http" not in source
        assert source.count("export default") == 1
        assert "innerHTML" not in source
