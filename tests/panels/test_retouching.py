"""The strip of what can be done with the selected mask, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.panels.helpers import PIXELS, finished, line_of, make_toolbox, pixels
from textseg.panels import EditPanel, SegmentPanel
from textseg.retouching.words import ABOUT, ArrangeAction, RetouchAction
from textseg.toolbox import Toolbox
from textseg.toolbox.retouch_facts import RetouchArguments

Action = RetouchAction | ArrangeAction
ACTIONS = (*get_args(RetouchAction), *get_args(ArrangeAction))


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def found(toolbox: Toolbox) -> SegmentPanel:
    """A panel that has found the tree."""
    panel = SegmentPanel(PIXELS, queries=["tree"], toolbox=toolbox)
    panel.run.click()
    finished(panel)
    return panel


def press(panel: SegmentPanel, action: Action) -> None:
    panel.stage.strip.buttons[action].click()
    finished(panel)


def inside(panel: SegmentPanel) -> np.ndarray:
    assert panel.mask is not None
    return panel.mask.binary()


def test_there_is_a_button_for_each_action_that_says_what_it_does(toolbox: Toolbox) -> None:
    strip = SegmentPanel(PIXELS, toolbox=toolbox).stage.strip
    assert tuple(strip.buttons) == tuple(ABOUT) == ACTIONS
    assert all(each.tooltip for each in strip.buttons.values())


def test_change_is_made_inside_the_selected_mask_and_nowhere_else(toolbox: Toolbox) -> None:
    panel = found(toolbox)
    within = inside(panel)
    press(panel, "fill")
    filled = pixels(toolbox, panel.controller.image)
    assert (filled[within] == (0x1E, 0x90, 0xFF)).all(axis=-1).mean() > 0.5
    far = ~panel_reach(toolbox, panel.controller.image)
    np.testing.assert_array_equal(filled[far], PIXELS[far])


def panel_reach(toolbox: Toolbox, handle: str) -> np.ndarray:
    """Where a change may have been made."""
    where = str(toolbox.workspace.record(handle).result["region_mask"])
    return toolbox.shelf.mask(where).soft > 0


def test_panel_goes_on_from_the_new_picture_and_back(toolbox: Toolbox) -> None:
    panel = found(toolbox)
    first = panel.controller.image
    press(panel, "grey")
    assert panel.controller.image != first
    assert panel.controller.masks == [], "they were found in the picture before"
    panel.stage.strip.undo.click()
    assert panel.controller.image == first
    panel.stage.strip.undo.click()
    assert "nothing to undo" in line_of(panel)


def test_mask_is_used_as_it_is_cut_and_its_surroundings_on_demand(toolbox: Toolbox) -> None:
    panel = found(toolbox)
    panel.stage.view.threshold = 0.8
    cut = inside(panel)
    panel.stage.strip.fields["retouch_image"]["invert"].value = True
    press(panel, "fill")
    changed = (pixels(toolbox, panel.controller.image) != PIXELS).any(axis=-1)
    assert not changed[cut].any()
    assert changed[~cut].mean() > 0.5


def test_without_a_mask_the_whole_picture_is_meant_where_that_says_something(
    toolbox: Toolbox,
) -> None:
    panel = SegmentPanel(PIXELS, toolbox=toolbox)
    press(panel, "grey")
    shown = pixels(toolbox, panel.controller.image).astype(int)
    assert np.ptp(shown, axis=-1).max() <= 1
    panel.stage.strip.buttons["fill"].click()
    assert "nothing says what to" in line_of(panel)


def test_what_is_missing_is_said(toolbox: Toolbox) -> None:
    panel = found(toolbox)
    panel.stage.strip.buttons["match_colour"].click()
    assert "takes another thing" in line_of(panel)
    assert panel.controller.job.state == "done", "nothing was started"


def test_thing_is_moved_and_the_hole_filled(toolbox: Toolbox) -> None:
    panel = found(toolbox)
    within, first = inside(panel), panel.controller.image
    panel.stage.strip.buttons["move"].click()
    assert "nothing says where to" in line_of(panel)
    panel.stage.strip.fields["arrange_image"]["to"].value = "right"
    press(panel, "move")
    record = toolbox.workspace.record(panel.controller.image)
    assert (record.parent, record.result["to"]) == (first, "right")
    assert record.result["method"], "a model filled it"
    before, after = record.result["box_before"], record.result["box_after"]
    assert after[0] > before[0]
    height, width = (before[k + 2] - before[k] for k in (1, 0))
    there = within[before[1] :, before[0] :][:height, :width]
    now = pixels(toolbox, record.handle)[after[1] :, after[0] :][:height, :width]
    was = PIXELS[before[1] :, before[0] :][:height, :width]
    assert (now[there] == was[there]).all(axis=-1).mean() > 0.5, "its own pixels"
    assert json.loads(panel.to_tool_call())["name"] == "arrange_image"


def test_actions_get_what_they_take_of_what_is_filled_in(toolbox: Toolbox) -> None:
    panel = found(toolbox)
    fields = panel.stage.strip.fields
    assert list(fields["arrange_image"]) == ["other", "to", "amount", "seed"]
    fields["retouch_image"]["amount"].value = 0.8
    fields["arrange_image"]["amount"].value = 2.0
    fields["arrange_image"]["to"].value = "left"
    press(panel, "scale")
    assert panel.calls[-1]["arguments"].keys() == {"action", "image", "query", "mask", "amount"}
    assert panel.calls[-1]["arguments"]["amount"] == 2.0
    panel.stage.strip.undo.click()
    panel.run.click()
    finished(panel)
    press(panel, "fill")
    assert panel.calls[-1]["arguments"].keys() == {"action", "image", "query", "mask", "colour"}


def test_call_behind_the_new_picture_makes_it_again(toolbox: Toolbox) -> None:
    panel = EditPanel(PIXELS, query="tree", target="house", toolbox=toolbox)
    panel.body.look.click()
    finished(panel)
    panel.body.stage.strip.buttons["blur"].click()
    finished(panel)
    spaces: dict[str, Any] = {"model": toolbox.host.model}
    exec(panel.to_python(), spaces)
    again = spaces["result"].picture
    np.testing.assert_array_equal(pixels(toolbox, again), pixels(toolbox, panel.controller.image))
    asked = json.loads(panel.to_tool_call())
    assert asked["name"] == "retouch_image"
    assert asked["arguments"]["action"] == "blur"
    made = RetouchArguments.model_validate(panel.calls[-1]["arguments"])
    assert made.mask is not None


def test_edit_panel_compares_before_and_after_a_retouch(toolbox: Toolbox) -> None:
    panel = EditPanel(PIXELS, query="tree", target="house", toolbox=toolbox)
    panel.body.look.click()
    finished(panel)
    panel.body.stage.strip.buttons["darken"].click()
    finished(panel)
    assert panel.body._pictures.children == (panel.body.compare,)
    assert panel.body.compare.change == "darken tree"
    assert panel.body.compare.mask
    assert "Before and after: darken tree" in line_of(panel)
    panel.body.undo.click()
    assert panel.controller.image == toolbox.workspace.list()[-1].handle


def test_picture_of_another_size_is_shown_alone(toolbox: Toolbox) -> None:
    panel = EditPanel(PIXELS, query="tree", target="house", toolbox=toolbox)
    panel.body.look.click()
    finished(panel)
    panel.body.stage.strip.buttons["crop"].click()
    finished(panel)
    assert panel.body._pictures.children == (panel.body.stage,)
    assert panel.body.stage.view.width < PIXELS.shape[1]
