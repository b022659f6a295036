"""What "Show mask" shows in an edit panel: where and how the edit afterwards is made."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.panels.helpers import (
    HEIGHT,
    PATIENCE,
    WIDTH,
    Gate,
    Gated,
    fill,
    finished,
    make_toolbox,
)
from textseg.diffusion.card import Presence
from textseg.editing.result import Edit
from textseg.errors import QueryError
from textseg.panels import EditPanel
from textseg.panels.edit_body import OUTDATED
from textseg.panels.edit_controller import EditController
from textseg.panels.shown import describe_mask
from textseg.segmentation.mask import Mask
from textseg.testing import GaussianModel, gaussian_card
from textseg.toolbox import PlanResult, Toolbox, plan_words

STROKE = {"action": "paint", "points": [[20, 36]], "radius": 3}
SETTING = {"query": "beach", "target": "snow", "source": "a tree on a beach"}
DOUBTFUL = GaussianModel(card=gaussian_card(presence=Presence(bias=-8.0, found="made up")))
SEEN = {"source": "a tree"}  # by somebody who does not doubt it


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def editing(toolbox: Toolbox, **settings: Any) -> EditController:
    controller = EditController(toolbox, toolbox.workspace.resolve("garden.png").handle)
    fill(controller, **{"query": "tree", "target": "house", **settings})
    return controller


def looked(controller: EditController) -> PlanResult | None:
    controller.look()
    finished(controller)
    return controller.planned


def edited(controller: EditController) -> Edit:
    controller.run()
    finished(controller)
    assert controller.result is not None
    return controller.result


def mask_of(controller: EditController) -> Mask:
    mask = controller.finding.mask()
    assert mask is not None
    return mask


def said(controller: EditController) -> str:
    return describe_mask(controller.finding.shown(), controller.finding.cut)


@pytest.mark.parametrize(
    "settings",
    [
        SETTING,
        {"invert": True},
        {"threshold": 0.3},
        {"query": "", "operation": "add", "region": "left"},
    ],
    ids=["the setting", "all but it", "cut elsewhere", "something more"],
)
def test_where_no_search_says_where_all_that_may_change_is_shown(
    toolbox: Toolbox, settings: dict[str, Any]
) -> None:
    controller = editing(toolbox, **settings)
    plan = looked(controller)
    assert plan is not None
    assert (controller.finding.made, controller.by_hand) == (plan.region_mask, False)
    assert said(controller).startswith("what may change: ")
    assert [each["name"] for each in controller.calls] == ["plan_edit"]
    assert controller.finding.call().name == "plan_edit"
    edit = edited(controller)
    np.testing.assert_array_equal(edit.mask, mask_of(controller).soft)
    assert (edit.evaluations.mask, edit.share) == (0, plan.share)
    assert "mask" not in controller.calls[-1]["arguments"]


def test_what_only_the_source_names_is_shown_as_well(tmp_path: Path) -> None:
    toolbox = make_toolbox(tmp_path, model=DOUBTFUL)
    controller = editing(toolbox, **SEEN)
    plan = looked(controller)
    assert plan is not None
    assert plan.present is False
    assert "the model doubts that 'tree' is there" in plan_words(plan)
    assert mask_of(controller).binary().any()
    np.testing.assert_array_equal(edited(controller).mask, mask_of(controller).soft)


def test_found_query_is_shown_as_it_was_found(toolbox: Toolbox) -> None:
    controller = editing(toolbox)
    plan = looked(controller)
    assert plan is not None
    assert (plan.kind, plan.present) == ("replace", True)
    assert said(controller).startswith("tree: ")
    assert [each["name"] for each in controller.calls] == ["segment_image"]
    edit = edited(controller)
    assert (edit.evaluations.mask, edit.share, edit.name) == (0, plan.share, plan.method)


def test_all_that_may_change_is_corrected_by_hand(toolbox: Toolbox) -> None:
    controller = editing(toolbox, **SETTING)
    looked(controller)
    assert mask_of(controller).binary()[20, 36]
    controller.finding.correct([{**STROKE, "action": "erase"}])
    assert controller.by_hand
    assert controller.planned is None
    edit = edited(controller)
    assert edit.mask[20, 36] == 0 < edit.share
    assert (edit.query, edit.target) == ("beach", "snow")


def test_all_that_may_change_is_cut_by_hand(toolbox: Toolbox) -> None:
    controller = editing(toolbox, **SETTING)
    looked(controller)
    assert not controller.by_hand
    controller.finding.cut = 0.9
    assert controller.by_hand
    shown = mask_of(controller).soft
    np.testing.assert_array_equal(edited(controller).mask, shown)


@pytest.mark.parametrize(
    ("name", "other"),
    [("target", "boat"), ("query", "house"), ("method", "sdedit"), ("settings", {"seed": 3})],
)
def test_plan_is_told_as_long_as_it_is_asked_for(
    toolbox: Toolbox, name: str, other: object
) -> None:
    controller = editing(toolbox)
    plan, before = looked(controller), getattr(controller, name)
    fill(controller, **{name: other})
    assert (controller.planned, controller.outdated) == (None, True)
    fill(controller, **{name: before})
    assert (controller.planned, controller.outdated) == (plan, False)
    controller.finding.cut = 0.9
    assert (controller.planned, controller.outdated) == (None, False)


def test_query_alone_is_looked_for_without_a_plan(toolbox: Toolbox) -> None:
    controller = editing(toolbox, target="")
    assert looked(controller) is None
    assert said(controller).startswith("tree: ")
    controller.target = "house"
    assert controller.outdated
    with pytest.raises(QueryError, match="no query"):
        editing(toolbox, query="", target="").look()


def test_what_is_not_there_is_shown_as_such_and_can_be_cut_lower(toolbox: Toolbox) -> None:
    controller = editing(toolbox, query="house", target="tree")
    assert looked(controller) is None
    assert (said(controller), controller.outdated) == ("house: not in this picture", False)
    controller.finding.cut = 0.0
    assert controller.arguments().threshold == 0


def test_look_that_is_cancelled_leaves_the_one_before(tmp_path: Path) -> None:
    gate = Gate()
    gate.go_on.set()
    toolbox = make_toolbox(tmp_path, model=Gated(gate=gate))
    controller = editing(toolbox)
    plan = looked(controller)
    made = controller.finding.made
    gate.at_work.clear()
    gate.go_on.clear()
    controller.query = "house"
    controller.look()
    assert gate.at_work.wait(PATIENCE)
    controller.job.cancel()
    gate.go_on.set()
    assert controller.job.wait(PATIENCE)
    controller.query = "tree"
    assert (controller.planned, controller.finding.made) == (plan, made)


def test_panel_says_under_the_mask_what_the_edit_will_do(toolbox: Toolbox) -> None:
    image = toolbox.workspace.resolve("garden.png").handle
    panel = EditPanel(image, query="beach", target="snow", toolbox=toolbox)
    fill(panel.controller, source="a tree on a beach")
    panel.body.look.click()
    finished(panel)
    assert panel.body.stage.view.labels == ["what may change"]
    assert (panel.body.stage.view.height, panel.body.stage.view.width) == (HEIGHT, WIDTH)
    assert panel.describe().startswith("what may change: ")
    planned = panel.controller.planned
    assert planned is not None
    words = html.unescape(panel.body.plan.value)
    assert words == plan_words(planned)
    assert words.startswith("setting: another place behind the same things; place: ")
    assert "where it is not tree; words: 'on a beach' becomes 'on a snow'; method: " in words
    panel.body.target.value = "meadow"
    assert panel.body.plan.value == OUTDATED
    panel.body.target.value = "snow"
    assert html.unescape(panel.body.plan.value) == words
    panel.run.click()
    finished(panel)
    assert panel.body.plan.value == ""
    panel.body.undo.click()
    assert html.unescape(panel.body.plan.value) == words
