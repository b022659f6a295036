"""The panels as people use them: in a real JupyterLab, on an exact model that stops where told."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.cells import CREATE, EDIT, PRELUDE, SEGMENT
from tests.browser.lab import Notebook
from tests.browser.panelpage import FOUND, TREE, button_of, found_in, line_of, panel_of, press

pytestmark = pytest.mark.browser

GOLDEN = Path(__file__).parents[1] / "golden" / "panels"
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"

ANSWER = """
async () => {
  const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
  const began = performance.now();
  const asked = {code: "", user_expressions: {x: "1 + 1"}, silent: false, store_history: false};
  await kernel.requestExecute(asked).done;
  return performance.now() - began;
}
"""


@contextmanager
def sleeping(nb: Notebook) -> Iterator[None]:
    """A cell that sleeps until the block ends; the kernel serves widgets on another thread or not.

    Its status says nothing of the cell: it is idle whenever that other thread is.
    """
    stop, over = nb.server.folder / "stop", nb.server.folder / "over"
    for file in (stop, over):
        file.unlink(missing_ok=True)
    nb.start(
        "import pathlib, time; end = time.monotonic() + 60\n"
        f"while not pathlib.Path({str(stop)!r}).exists() and time.monotonic() < end:\n"
        f"    time.sleep(0.05)\npathlib.Path({str(over)!r}).touch()"
    )
    nb.wait_until("busy")
    yield
    assert not over.exists(), "the cell has ended too early"
    stop.touch()
    assert nb.ask("1 + 1") == "2"  # answered after the cell


def test_threshold_is_followed_while_a_cell_sleeps_and_found_again(nb: Notebook) -> None:
    panel = panel_of(nb.open(PRELUDE, SEGMENT))
    press(panel, "Find")
    expect(found_in(panel)).to_have_text(FOUND)
    view = panel.locator(".ts-masks")
    expect(view.get_by_role("button", name="boat, not in this picture")).to_be_visible()
    picture, slider = view.get_by_role("img"), view.get_by_role("slider", name="Threshold")
    before = picture.get_attribute("aria-label")
    with sleeping(nb):
        repaints = int(view.get_attribute("data-repaint") or 0)
        for _ in range(40):
            slider.press("ArrowRight")
        expect(view.locator(".ts-number").filter(has_text="0.90")).to_be_visible()
        expect(picture).not_to_have_attribute("aria-label", before or "")
        assert int(view.get_attribute("data-repaint") or 0) > repaints
    nb.until("panel.controller.cut", "0.9")
    assert nb.ask("len(panel.calls)") == "1"
    label = picture.get_attribute("aria-label") or ""
    shown = re.search(r"tree: (\d+)% of the picture", label)
    assert shown is not None
    assert nb.ask("round(100 * panel.mask.binary().mean())").endswith(shown[1])
    nb.page.evaluate(SAVE)
    nb.page.reload()
    nb.wait_until("idle")
    expect(view).to_have_attribute("data-state", "ready")
    expect(picture).to_have_attribute("aria-label", label)
    expect(slider).to_have_value("0.9")
    expect(panel.get_by_role("textbox", name="Find")).to_have_value("tree, boat")
    press(panel, "Find")  # what it says at the end it says already
    nb.until("(len(panel.calls), panel.controller.job.state)", "(2, 'done')", timeout=60)
    expect(slider).to_have_value("0.5")


# -- work


def test_kernel_answers_during_work_and_cancel_stops_it(nb: Notebook) -> None:
    panel = panel_of(nb.open(PRELUDE, EDIT))
    nb.ask("gate.hold(6)")
    press(panel, "Edit")
    nb.until("gate.held", "1", timeout=60)
    expect(line_of(panel)).to_have_text(re.compile(r"editing: step \d+ of 14"))
    expect(panel.get_by_role("progressbar", name="editing")).to_be_visible()
    expect(button_of(panel, "Edit")).to_be_disabled()
    answers = sorted(nb.page.evaluate(ANSWER) for _ in range(5))
    assert answers[2] < 500, answers  # while the model is at work all the time
    press(panel, "Cancel")
    expect(line_of(panel)).to_have_text("Cancelling …")
    stopped = float(nb.ask("seconds_to_stop(gate, panel)"))
    assert stopped < 2
    expect(line_of(panel)).to_have_text("Cancelled: nothing was changed.")
    assert nb.ask("gate.passed - 6 <= 2") == "True"  # a step asks the model twice
    assert nb.ask("(panel.result, panel.controller.image == scene.image)") == "(None, True)"
    press(panel, "Edit")
    expect(line_of(panel)).to_contain_text("Before and after: tree → boat")


def test_failing_work_shows_its_cause_and_details_to_unfold(nb: Notebook) -> None:
    panel = panel_of(nb.open(PRELUDE, SEGMENT))
    nb.ask("setattr(gate, 'broken', 'no paint <b>left</b>')")
    press(panel, "Find")
    expect(line_of(panel)).to_have_text("⚠ RuntimeError: no paint <b>left</b>")
    summary, trace = panel.get_by_text("Details", exact=True), panel.locator("details pre")
    expect(trace).to_be_hidden()
    summary.click()
    expect(trace).to_be_visible()
    expect(trace).to_contain_text("Traceback")
    expect(trace).to_contain_text("scenes.py")
    expect(button_of(panel, "Find")).to_be_enabled()
    nb.ask("setattr(gate, 'broken', '')")
    press(panel, "Find")
    expect(found_in(panel)).to_have_text(FOUND)
    expect(trace).to_have_count(0)


def test_work_goes_on_while_the_page_is_loaded_again(nb: Notebook) -> None:
    panel = panel_of(nb.open(PRELUDE, SEGMENT))
    nb.ask("gate.hold(1)")
    press(panel, "Find")
    nb.until("gate.held", "1", timeout=60)
    nb.page.evaluate(SAVE)
    nb.page.reload()
    nb.wait_until("idle")
    expect(button_of(panel, "Find")).to_be_disabled()
    expect(button_of(panel, "Cancel")).to_be_enabled()
    nb.ask("gate.let_go()")
    expect(found_in(panel)).to_have_text(FOUND)
    expect(panel.locator(".ts-chip")).to_have_count(2)


# -- by hand


def at(canvas: Locator, row: float, col: float) -> tuple[float, float]:
    """Where a pixel of the picture is in the window."""
    box = canvas.bounding_box()
    assert box is not None
    return box["x"] + (col + 0.5) * box["width"] / 400, box["y"] + (row + 0.5) * box["height"] / 240


def drag(page: Page, *places: tuple[float, float]) -> None:
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def test_corrections_change_the_mask_and_then_the_edit(nb: Notebook) -> None:
    page = nb.open(PRELUDE, EDIT)
    panel = panel_of(page)
    press(panel, "Show mask")
    expect(found_in(panel)).to_have_text(f"{TREE}.")
    plan = panel.get_by_text("replace: another thing in its place; place: ")
    expect(plan).to_be_visible()
    press(panel, "Correct by hand")
    ink = panel.get_by_role("application")
    expect(ink).to_have_accessible_name(re.compile("39% of it in the mask; 0 corrections"))
    panel.get_by_role("radio", name="Drop").check()
    panel.get_by_role("radio", name="Box").check()
    ink.scroll_into_view_if_needed()
    drag(page, at(ink, 10, 5), at(ink, 170, 140))
    expect(ink).to_have_accessible_name(re.compile("1 correction"))
    press(panel, "Apply")
    expect(ink).to_have_accessible_name(re.compile("2[0-9]% of it in the mask; 0 corrections"))
    expect(plan).to_have_count(0)  # the place is another one now
    left, right, painted = "[70, 70]", "[100, 300]", "[215, 60]"
    shown = f"[bool(panel.body.stage.controller.mask().binary()[*at]) for at in ({left}, {right})]"
    assert nb.ask(shown) == "[False, True]"
    panel.get_by_role("radio", name="Paint").check()
    drag(page, at(ink, 215, 40), at(ink, 215, 80))
    nb.until("len(panel.body.stage.canvas.corrections)", "1")
    press(panel, "Edit")  # what is drawn counts, applied or not
    expect(line_of(panel)).to_contain_text("Before and after: tree → boat")
    inside = f"[bool(panel.result.mask[*at] > 0.5) for at in ({left}, {right}, {painted})]"
    assert nb.ask(inside) == "[False, True, True]"
    changed = "(panel.result.before.visible() != panel.result.picture.visible()).any(-1)"
    assert nb.ask(f"bool({changed}[:170, :140].any())") == "False"
    assert nb.ask(f"bool({changed}[40:200, 250:370].any())") == "True"
    press(panel, "Undo")
    expect(panel.locator(".ts-prompts, .ts-masks")).to_be_visible()
    assert nb.ask(shown) == "[False, True]"


def test_edit_undo_and_another_branch(nb: Notebook) -> None:
    page = nb.open(PRELUDE, EDIT)
    panel = panel_of(page)
    history = panel.get_by_role("combobox", name="Go on from")
    position = panel.get_by_role("slider", name="Before/after position")
    press(panel, "Edit")
    expect(line_of(panel)).to_contain_text("Before and after")
    position.press("Home")
    expect(position).to_have_value("0")
    expect(history.locator("option")).to_have_count(2)
    first = nb.ask("panel.controller.image")
    press(panel, "Undo")
    expect(position).to_be_hidden()
    nb.until("panel.controller.image == scene.image", "True")
    panel.get_by_role("textbox", name="Into", exact=True).fill("house")
    press(panel, "Edit")
    expect(line_of(panel)).to_contain_text("Before and after: tree → house")
    expect(history.locator("option")).to_have_count(3)
    press(panel, "Another try")
    expect(history.locator("option")).to_have_count(4)
    nb.until("panel.result.seed", "1")
    history.select_option(index=1)
    nb.until("panel.controller.image", first)
    expect(line_of(panel)).to_contain_text("Before and after: tree → boat")
    expect(position).to_be_visible()
    assert nb.ask("len(panel.controller.history())") == "4"


def test_from_a_prompt_to_a_changed_picture(nb: Notebook) -> None:
    panel = panel_of(nb.open(PRELUDE, CREATE))
    panel.get_by_role("textbox", name="Show", exact=True).fill("a tree and a house")
    press(panel, "Make")
    expect(line_of(panel)).to_contain_text("; shows: ", timeout=60_000)  # a captioner is loaded
    picture = panel.get_by_role("img")
    expect(picture).to_have_accessible_name(re.compile("Picture of 400 by 240 pixels"))
    made = nb.ask("panel.controller.image")
    panel.get_by_role("textbox", name="Change", exact=True).fill("house")
    panel.get_by_role("textbox", name="Into", exact=True).fill("boat")
    press(panel, "Show mask")
    expect(found_in(panel)).to_contain_text("house: ")
    press(panel, "Edit")
    expect(line_of(panel)).to_contain_text("Before and after: house → boat")
    assert nb.ask("panel.controller.editing.history()[-1].parent") == made
    names = "[each['name'] for each in panel.calls]"
    assert nb.ask(names) == "['generate_and_edit', 'segment_image', 'edit_image']"
    press(panel, "Copy as Python")
    expect(panel.get_by_role("textbox", name="To copy")).to_have_value(re.compile("boat"))


# -- what is seen and heard


PANELS = {
    "segment": (SEGMENT, "Find", "Done."),
    "edit": (EDIT, "Edit", "Before and after"),
    "create": (CREATE, "Make", "shows: "),
}


def test_what_a_screen_reader_gets_is_as_it_was(nb: Notebook, tmp_path: Path) -> None:
    page = nb.open(PRELUDE, *[code for code, _, _ in PANELS.values()])
    panels = dict(zip(PANELS, panel_of(page).all(), strict=True))
    for name, panel in panels.items():
        _, start, ends = PANELS[name]
        press(panel, start)
        expect(line_of(panel)).to_contain_text(ends)
        shown = panel.locator(":is(.ts-masks, .ts-compare)")
        expect(shown).to_have_attribute("data-state", "ready")
        expect(shown.locator(".ts-heard")).not_to_be_empty()
    for theme in ("Dark", "Light"):
        nb.theme(f"JupyterLab {theme}")
        for name, panel in panels.items():
            folder = Path(os.environ.get("SHOTS", tmp_path))
            panel.screenshot(path=folder / f"{name}_{theme.lower()}.png")
    for name, panel in panels.items():
        panel.scroll_into_view_if_needed()
        found = re.sub("img_[0-9a-z]+", "img_0", panel.aria_snapshot()) + "\n"
        (tmp_path / f"{name}.yml").write_text(found, encoding="utf-8")
    for name in panels:
        fresh, golden = tmp_path / f"{name}.yml", GOLDEN / f"{name}.yml"
        assert golden.exists(), f"look at it, then: cp {fresh} {golden}"
        assert fresh.read_text() == golden.read_text(encoding="utf-8"), f"differs from {fresh}"
