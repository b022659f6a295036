"""The leaves in a real JupyterLab: keys, menus, traits on both sides, and a kernel that is busy."""

from __future__ import annotations

import ast

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Notebook

pytestmark = pytest.mark.browser

MAKE = """
import numpy as np
from textseg.panels import CompareView, MaskView, PromptCanvas
from textseg.panels.leaves import picture_bytes, soft_bytes
rgb = np.full((240, 400, 3), 0.4, np.float32)
soft = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (240, 1))
size = dict(height=240, width=400)
"""
MASKS = """
view = MaskView(image=picture_bytes(rgb), masks=[soft_bytes(soft)], labels=["tree"],
                presence=[0.9], present=[True], **size)
view
"""
PROMPTS = """
canvas = PromptCanvas(image=picture_bytes(rgb), mask=soft_bytes(soft), tool="drop", **size)
canvas
"""
COMPARE = """
pair = CompareView(before=picture_bytes(rgb), after=picture_bytes(1 - rgb), **size)
pair
"""


def test_leaves_work_in_a_notebook_and_leave_its_cells_alone(nb: Notebook) -> None:
    page = nb.open(MAKE, MASKS, PROMPTS, COMPARE)
    ink = page.get_by_role("application")
    ink.click(position={"x": 300, "y": 60})
    ink.click(position={"x": 30, "y": 60}, button="right")
    expect(page.locator(".lm-Menu")).to_have_count(0)
    nb.until("[c['action'] for c in canvas.corrections]", "['drop', 'keep']")
    for k, want in enumerate([(60, 300), (60, 30)]):  # on fractions of pixels in this page
        row, col = ast.literal_eval(nb.ask(f"canvas.corrections[{k}]['points'][0]"))
        assert abs(row - want[0]) <= 1
        assert abs(col - want[1]) <= 1
    slider = page.get_by_role("slider", name="Before/after position")
    slider.press("Home")
    slider.press("ArrowRight")
    nb.until("pair.position", "1.0")
    page.get_by_role("button", name="tree").press("Enter")
    nb.until("view.visible", "[False]")
    before = nb.cells()
    for place in (
        ink,
        slider,
        page.get_by_role("button", name="tree"),
        page.locator(".ts-status").first,
    ):
        place.click()
        for key in ("x", "d", "d", "a", "b", "m", "Escape", "x"):
            page.keyboard.press(key)
    assert nb.cells() == before
    assert nb.ask("len(canvas.corrections)") == "3"


def test_threshold_is_followed_while_the_kernel_is_busy(nb: Notebook) -> None:
    page = nb.open(MAKE, MASKS)
    root = page.locator(".ts-masks")
    expect(root).to_have_attribute("data-state", "ready")
    nb.start("import threading; go = threading.Event(); go.wait(60)")
    nb.wait_until("busy")
    picture = root.get_by_role("img")
    slider = root.get_by_role("slider", name="Threshold")
    for _ in range(25):
        slider.press("ArrowRight")
    expect(picture).to_have_attribute(
        "aria-label", "Picture of 400 by 240 pixels. tree: 25% of the picture."
    )
    assert nb.status() == "busy"
    nb.interrupt()  # the next one wants the kernel
