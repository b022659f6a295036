"""What panels leave to the notebook around them: its cells, its keys, its menus, and saving it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.cells import EDIT, PRELUDE, SEGMENT
from tests.browser.lab import Notebook
from tests.browser.panelpage import FOUND, TREE, found_in, panel_of, press

pytestmark = pytest.mark.browser

DROP = """
async () => {
  const canvas = new OffscreenCanvas(500, 300);
  canvas.getContext("2d").fillRect(0, 0, 200, 200);
  const data = new DataTransfer();
  const type = "image/png";
  data.items.add(new File([await canvas.convertToBlob({type})], "drawn.png", {type}));
  document.querySelector(".textseg-panel .ts-masks").dispatchEvent(
    new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data}));
}
"""

# notes the key after which the cells are others
NOTE_CHANGES = """
() => {
  let last;
  window.changedBy = [];
  document.addEventListener("keydown", ({key}) => { last = key; }, true);
  const {model} = window.jupyterapp.shell.currentWidget.content;
  model.cells.changed.connect(() => window.changedBy.push(last));
}
"""
CHANGED_BY = "window.changedBy.splice(0)"
NAME = "(node) => node.textContent || node.ariaLabel || node.title || node.outerHTML"
FOCUSABLE = "button:visible, input:not([type=file]):visible, select:visible, canvas:visible"
KEYS = ("b", "a", "m", "x", "d", "d", "z")  # harmless ones first, should they get through


def leaks(page: Page, panel: Locator) -> list[str]:
    """The controls that let keys through to the cells."""
    found = []
    for control in panel.locator(FOCUSABLE).all():
        control.focus()
        for key in KEYS:
            page.keyboard.press(key)
        if keys := page.evaluate(CHANGED_BY):
            found.append(f"{keys} in {control.evaluate(NAME)}")
    return found


def test_keys_and_menus_leave_the_cells_alone(nb: Notebook) -> None:
    page = nb.open(PRELUDE, SEGMENT, EDIT.replace("panel", "other"))
    first, second = panel_of(page).all()
    press(first, "Find")
    expect(found_in(first)).to_have_text(FOUND)
    press(second, "Show mask")
    expect(found_in(second)).to_have_text(f"{TREE}.")
    press(second, "Correct by hand")
    press(second, "More")
    expect(second.get_by_role("application")).to_be_visible()
    page.evaluate(NOTE_CHANGES)
    assert [name for panel in (first, second) for name in leaks(page, panel)] == []
    for picture in (first.get_by_role("img"), second.get_by_role("application")):
        picture.click(button="right", position={"x": 50, "y": 50})
        expect(page.locator(".lm-Menu")).to_have_count(0)
    page.locator(".jp-InputPrompt").first.click()
    page.keyboard.press("b")
    assert page.evaluate(CHANGED_BY) == ["b"]  # from outside they would be seen


STATE = """
() => {
  const {content} = window.jupyterapp.shell.currentWidget;
  const ids = content.widgets.map((cell) => `${cell.model.id} ${cell.model.executionCount}`);
  return JSON.stringify([content.mode, content.activeCellIndex, ids]);
}
"""
MOVES = ("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Escape")
STARTS = ("Enter", "Shift+Enter", "Control+Enter", "Alt+Enter")


def test_keys_that_run_and_choose_cells_do_not_reach_them(nb: Notebook) -> None:
    page = nb.open(PRELUDE, SEGMENT)
    panel = panel_of(page)
    press(panel, "Find")
    expect(found_in(panel)).to_have_text(FOUND)
    typed = panel.get_by_role("textbox", name="Find", exact=True)
    places = [
        (typed, (*MOVES, *STARTS, "x", "d", "d")),
        (panel.get_by_role("img"), (*MOVES, *STARTS)),
        (panel.get_by_role("slider", name="Threshold"), (*MOVES, *STARTS)),
        (panel.get_by_role("button", name="boat"), (*MOVES, *STARTS)),
        *[(control, MOVES) for control in panel.locator(".jupyter-button:visible").all()],
    ]
    for place, keys in places:
        place.focus()
        before = page.evaluate(STATE)
        for key in keys:
            page.keyboard.press(key)
            assert page.evaluate(STATE) == before, f"{key} in {place.evaluate(NAME)}"


# JupyterLab ignores the command until the checkpoint that ends a save is made as well.
COUNT_SAVES = """
() => {
  const {context} = window.jupyterapp.shell.currentWidget;
  const createCheckpoint = context.createCheckpoint.bind(context);
  window.saved = 0;
  context.createCheckpoint = async () => {
    const made = await createCheckpoint();
    setTimeout(() => (window.saved += 1));
    return made;
  };
}
"""


def test_notebook_is_saved_from_every_control(nb: Notebook) -> None:
    page = nb.open(PRELUDE, SEGMENT)
    panel = panel_of(page)
    press(panel, "Find")
    expect(found_in(panel)).to_have_text(FOUND)
    page.evaluate(COUNT_SAVES)
    controls = panel.locator(FOCUSABLE).all()
    for number, control in enumerate(controls, start=1):
        control.focus()
        page.keyboard.press("Control+s")
        page.wait_for_function("(number) => window.saved >= number", arg=number)
    expect(panel.get_by_role("textbox", name="Find", exact=True)).to_have_value("tree, boat")
    assert page.evaluate("window.saved") == len(controls) > 10


COUNT = "len(__import__('ipywidgets').widgets.widget._instances)"
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"


def test_cell_that_is_run_again_leaves_no_widgets_of_before(nb: Notebook) -> None:
    page = nb.open(PRELUDE, SEGMENT)
    expect(panel_of(page)).to_have_count(1)
    number = nb.ask(COUNT)
    page.evaluate(RUN_ALL)
    nb.until(COUNT, number)
    expect(panel_of(page)).to_have_count(1)
    press(panel_of(page), "Find")
    expect(found_in(panel_of(page))).to_have_text(FOUND)


def test_picture_that_is_dropped_is_worked_on(nb: Notebook) -> None:
    page = nb.open(PRELUDE, SEGMENT)
    before = nb.ask("panel.controller.image")
    page.evaluate(DROP)
    nb.until("panel.controller.image != " + before, "True")
    nb.until("(panel.stage.view.height, panel.stage.view.width)", "(300, 500)")
    assert nb.ask("panel.upload.file.name") == "'drawn.png'"
