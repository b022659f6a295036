"""The panels themselves, driven from code as a notebook drives them: no kernel and no browser."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from ipywidgets.embed import dependency_state
from PIL import Image

from agent_tools.langchain import get_tools
from tests.agents.helpers import call
from tests.panels.helpers import (
    GROVE,
    GROVE_PIXELS,
    HEIGHT,
    PATIENCE,
    PIXELS,
    WIDTH,
    Gate,
    Gated,
    finished,
    line_of,
    make_toolbox,
    pixels,
    until,
)
from tests.toolbox.helpers import LIMIT, Slow
from textseg.editing.options import METHOD_OPTIONS, EditOptions
from textseg.editing.result import Edit
from textseg.errors import InvalidInputError
from textseg.fields import OptionInfo, options_of
from textseg.images import png_bytes
from textseg.panels import CreatePanel, EditPanel, SegmentPanel, hosting
from textseg.panels.edit_controller import EditController
from textseg.panels.fields import field_for
from textseg.panels.leaves import Upload
from textseg.panels.options_form import OptionsForm
from textseg.panels.panel import Panel
from textseg.registry.methods import methods
from textseg.segmentation.drawing import COLOURS
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation
from textseg.toolbox import Toolbox
from textseg.toolbox.turns import Turns

WIDGET = "application/vnd.jupyter.widget-view+json"
STROKE = {"action": "paint", "points": [[20, 36]], "radius": 3}


@pytest.fixture(autouse=True)
def _only_traits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a panel has to say is a trait, or a page that is loaded again would not know it."""

    def refuse(self: ipywidgets.Widget, content: object, buffers: object = None) -> None:
        raise AssertionError(f"a message that no other page would see: {content}")

    monkeypatch.setattr(ipywidgets.Widget, "send", refuse)


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


@pytest.fixture
def grove(tmp_path: Path) -> Toolbox:
    box = make_toolbox(tmp_path / "grove", model=GROVE)
    box.shelf.import_image(GROVE_PIXELS)
    return box


def segment_panel(toolbox: Toolbox, *queries: str) -> SegmentPanel:
    return SegmentPanel(PIXELS, queries=queries or ["tree", "house"], toolbox=toolbox)


def edit_panel(toolbox: Toolbox) -> EditPanel:
    return EditPanel(PIXELS, query="tree", target="house", toolbox=toolbox)


def create_panel(toolbox: Toolbox) -> CreatePanel:
    panel = CreatePanel("a tree", toolbox=toolbox)
    panel.controller.height, panel.controller.width = HEIGHT, WIDTH
    return panel


def clicked(panel: Panel, button: ipywidgets.Button) -> Panel:
    button.click()
    finished(panel)
    return panel


def decoded(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def every_widget(panel: Panel) -> list[ipywidgets.Widget]:
    """What can be seen of a panel, with everything unfolded."""

    def below(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
        if isinstance(widget, ipywidgets.ToggleButton) and widget.description == "More":
            widget.value = True
        yield widget
        for each in getattr(widget, "children", ()):
            yield from below(each)

    return list(below(panel))


# -- finding


def test_run_shows_what_was_found(toolbox: Toolbox) -> None:
    panel = segment_panel(toolbox)
    view = panel.stage.view
    assert (view.height, view.width, list(view.masks)) == (HEIGHT, WIDTH, [])
    assert decoded(view.image).size == (WIDTH, HEIGHT)
    clicked(panel, panel.run)
    assert view.labels == ["tree", "house"]
    assert view.present == [True, False]
    assert view.presence == [each.presence for each in panel.controller.result.queries]  # type: ignore[union-attr]  # there is one
    assert isinstance(panel.result, Segmentation)
    assert list(panel.results) == ["tree", "house"]
    sent = np.asarray(decoded(view.masks[0]))
    np.testing.assert_array_equal(sent > 127, panel.result.binary())
    assert panel.describe() == "tree: 19% of the picture; house: not in this picture"
    assert line_of(panel) == "Done.", "below the picture it is said, and follows the threshold"


def test_threshold_moves_without_any_call_and_decides_the_mask(toolbox: Toolbox) -> None:
    panel = segment_panel(toolbox)
    clicked(panel, panel.run)
    sent = list(panel.stage.view.masks)
    panel.stage.view.threshold = 0.9  # as the browser does
    assert isinstance(panel.result, Segmentation)
    assert panel.mask is not None
    np.testing.assert_array_equal(panel.mask.binary(), panel.result.binary(0.9))
    assert (len(panel.calls), panel.stage.view.masks) == (1, sent)


def test_selected_query_is_the_result_and_gets_the_corrections(toolbox: Toolbox) -> None:
    panel = segment_panel(toolbox)
    clicked(panel, panel.run)
    panel.stage.view.selected = 1
    assert isinstance(panel.result, Segmentation)
    assert panel.result.query == "house"
    panel.stage.by_hand.value = True
    assert panel.stage.canvas.color == COLOURS[1]
    assert panel.stage.children[-1] is panel.stage.canvas


def test_corrections_that_are_drawn_change_the_mask(grove: Toolbox) -> None:
    panel = SegmentPanel("latest", queries=["tree"], toolbox=grove)
    clicked(panel, panel.run)
    stage = panel.stage
    stage.apply.click()
    assert "no correction is drawn yet" in line_of(panel)
    stage.by_hand.value = True
    before = np.asarray(decoded(stage.canvas.mask))
    stage.canvas.corrections = [{"action": "drop", "points": [[8, 7]], "box": None, "radius": 4}]
    stage.apply.click()
    after = np.asarray(decoded(stage.canvas.mask))
    assert isinstance(panel.result, Mask)
    assert (before[8, 7] > 127, after[8, 7] > 127) == (True, False)
    assert stage.canvas.corrections == []
    stage.canvas.corrections = [{"action": "keep", "points": [[0, 20]], "box": None, "radius": 4}]
    stage.apply.click()
    assert "no region" in line_of(panel)
    assert stage.canvas.corrections != [], "what was drawn can still be put right"
    stage.undo.click()
    np.testing.assert_array_equal(np.asarray(decoded(stage.canvas.mask)), before)


def test_canvas_shows_the_mask_cut_where_it_is_shown_cut(toolbox: Toolbox) -> None:
    panel = segment_panel(toolbox, "tree")
    clicked(panel, panel.run)
    panel.stage.by_hand.value = True
    panel.stage.view.threshold = 0.9
    assert isinstance(panel.result, Segmentation)
    shown = np.asarray(decoded(panel.stage.canvas.mask)) > 127
    np.testing.assert_array_equal(shown, panel.result.binary(0.9))


def test_uploaded_picture_is_the_one_that_is_worked_on(toolbox: Toolbox) -> None:
    panel = SegmentPanel(toolbox=toolbox)
    panel.run.click()
    assert "there is no picture yet" in line_of(panel)
    content = png_bytes(PIXELS)
    panel.upload.file = Upload("mine.png", content)
    assert panel.stage.view.width == WIDTH
    np.testing.assert_array_equal(pixels(toolbox, panel.controller.image), PIXELS)
    panel.queries.value = "tree,"
    clicked(panel, panel.run)
    assert panel.stage.view.labels == ["tree"]


def test_file_that_is_no_picture_is_told(toolbox: Toolbox) -> None:
    panel = segment_panel(toolbox)
    before = panel.controller.image
    panel.upload.file = Upload("a.txt", b"hi")
    assert "not a picture" in line_of(panel)
    assert panel.controller.image == before


# -- work


def gated(tmp_path: Path, **settings: Any) -> tuple[Toolbox, Gate]:
    gate = Gate()
    return make_toolbox(tmp_path, model=Gated(gate=gate), **settings), gate


def test_cancel_in_the_middle_leaves_things_as_they_were(tmp_path: Path) -> None:
    toolbox, gate = gated(tmp_path)
    panel = segment_panel(toolbox)
    assert (panel.run.disabled, panel.work.cancel.disabled) == (False, True)
    panel.run.click()
    assert gate.at_work.wait(PATIENCE)
    assert (panel.run.disabled, panel.work.cancel.disabled) == (True, False)
    panel.run.click()  # as a second click that was on its way already
    panel.work.cancel.click()
    assert line_of(panel) == "Cancelling …"
    assert panel.work.cancel.disabled
    gate.go_on.set()
    assert panel.wait(PATIENCE)
    assert line_of(panel) == "Cancelled: nothing was changed."
    assert (panel.run.disabled, panel.result, gate.passed) == (False, None, 1)
    assert len(panel.calls) == 1
    clicked(panel, panel.run)
    assert panel.result is not None


def test_progress_has_a_bar_with_a_name(tmp_path: Path) -> None:
    toolbox, gate = gated(tmp_path)
    panel = segment_panel(toolbox, "tree")
    lines: list[str] = []
    panel.work.line.observe(lambda change: lines.append(change["new"]), names="value")
    gate.go_on.set()
    clicked(panel, panel.run)
    assert any("Waiting for the model" in line for line in lines)
    assert any(re.search(r'<progress max="\d+" value="\d+" aria-label="\w', line) for line in lines)
    assert all('role="status"' in line for line in lines)


def test_failing_job_shows_its_cause_and_where_it_came_from(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of\npaint <b>&")

    panel = edit_panel(toolbox)
    monkeypatch.setattr(toolbox, "edit_image", broken)
    panel.run.click()
    assert panel.wait(PATIENCE)
    assert "RuntimeError: out of paint &lt;b&gt;&amp;" in panel.work.line.value
    assert panel.work.details.value.startswith("<details><summary>Details</summary>")
    assert "in broken" in panel.work.details.value
    assert panel.result is None
    monkeypatch.undo()
    clicked(panel, panel.run)
    assert panel.work.details.value == ""
    assert isinstance(panel.result, Edit)


def test_missing_query_is_one_line(toolbox: Toolbox) -> None:
    panel = EditPanel(PIXELS, query="house", target="tree", toolbox=toolbox)
    panel.run.click()
    assert panel.wait(PATIENCE)
    assert "'house' was not found" in line_of(panel)
    panel.body.target.value = ""
    panel.run.click()
    assert "what 'house' is to become" in line_of(panel)
    assert panel.controller.job.state == "failed", "nothing was started"


def test_unexpected_failure_of_a_button_is_shown_as_well(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = segment_panel(toolbox)
    monkeypatch.setattr(panel.controller, "run", lambda: 1 / 0)
    panel.run.click()
    assert "ZeroDivisionError" in line_of(panel)
    assert "Traceback" in panel.work.details.value


def test_two_panels_share_one_model(tmp_path: Path) -> None:
    turns = Turns()
    first, gate = gated(tmp_path / "a", turns=turns)
    second = make_toolbox(tmp_path / "b", model=Gated(gate=gate), turns=turns)
    panels = [segment_panel(first, "tree"), segment_panel(second, "tree")]
    panels[0].run.click()
    assert gate.at_work.wait(PATIENCE)
    panels[1].run.click()
    assert panels[1].controller.job.state == "running"
    until(lambda: "waiting for earlier calls" in line_of(panels[1]))
    gate.go_on.set()
    for panel in panels:
        finished(panel)
        assert panel.result is not None
    assert gate.most == 1


def test_panels_without_a_toolbox_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    hosting._toolbox.cache_clear()
    panels = [SegmentPanel(), EditPanel(), CreatePanel()]
    boxes = {id(panel.controller.toolbox) for panel in panels}
    other = SegmentPanel(model="owner/another").controller.toolbox
    assert len(boxes) == 1
    assert other.host.setup.model == "owner/another"
    assert other.workspace is panels[0].controller.toolbox.workspace
    hosting._toolbox.cache_clear()


def test_many_clicks_from_many_threads_start_one_job_at_a_time(tmp_path: Path) -> None:
    toolbox, gate = gated(tmp_path)
    panel = segment_panel(toolbox, "tree")
    threads = [threading.Thread(target=panel.run.click) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(panel.calls) <= 1
    gate.go_on.set()
    finished(panel)
    assert (len(panel.calls), gate.most) == (1, 1)


# -- changing


def test_mask_comes_first_and_then_before_and_after(toolbox: Toolbox) -> None:
    panel = edit_panel(toolbox)
    body = panel.body
    clicked(panel, body.look)
    assert body._pictures.children == (body.stage,)
    assert body.stage.view.labels == ["tree"]
    clicked(panel, panel.run)
    assert body._pictures.children == (body.compare,)
    assert isinstance(panel.result, Edit)
    assert (body.compare.height, body.compare.width) == (HEIGHT, WIDTH)
    after = np.asarray(decoded(body.compare.after), float)
    assert np.abs(after - np.asarray(panel.result.image)).mean() < 6  # JPEG
    mask = np.asarray(decoded(body.compare.mask)) > 127
    np.testing.assert_array_equal(mask, panel.result.mask > 0.5)
    assert "0 pixels changed elsewhere" in line_of(panel)


def test_brush_changes_the_mask_and_then_the_edit(toolbox: Toolbox) -> None:
    panel = edit_panel(toolbox)
    clicked(panel, panel.body.look)
    panel.body.stage.by_hand.value = True
    panel.body.stage.canvas.corrections = [{**STROKE, "box": None}]
    clicked(panel, panel.run)  # without having pressed "Apply"
    assert isinstance(panel.result, Edit)
    assert panel.result.mask[20, 36] == 1
    assert [each["name"] for each in panel.calls] == [
        "segment_image", "shelf.correct_mask", "edit_image",
    ]  # fmt: skip
    panel.body.undo.click()
    assert panel.body._pictures.children == (panel.body.stage,)
    shown = np.asarray(decoded(panel.body.stage.view.masks[0]))
    assert shown[20, 36] > 127, "what was corrected is there again"


def test_undo_branch_and_another_try(toolbox: Toolbox) -> None:
    panel = edit_panel(toolbox)
    body, start = panel.body, panel.controller.image
    body.undo.click()
    assert "nothing to undo" in line_of(panel)
    clicked(panel, panel.run)
    first = panel.controller.image
    clicked(panel, body.again)
    second = panel.controller.image
    assert (panel.result.seed, panel.controller.history()[-1].parent) == (1, start)  # type: ignore[union-attr]  # there is one
    assert [handle for _, handle in body.history.options] == [start, first, second]
    assert body.history.value == second
    body.history.value = first
    assert panel.controller.image == first
    assert toolbox.list_images().images[1].latest
    body.undo.click()
    assert (panel.controller.image, body.history.value) == (start, start)
    assert panel.result is None
    assert body._pictures.children == (body.stage,)
    assert len(body.history.options) == 3, "nothing is lost"


def test_an_edit_that_was_cut_short_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = make_toolbox(tmp_path / "slow", model=Slow.of(monkeypatch), limits=LIMIT)
    panel = edit_panel(slow)
    clicked(panel, panel.run)
    assert panel.result is not None
    assert "; stopped at the time limit after 2 of 4 attempts" in line_of(panel)


def test_calls_are_not_made_by_drawing_the_history(toolbox: Toolbox) -> None:
    panel = edit_panel(toolbox)
    clicked(panel, panel.run)
    clicked(panel, panel.body.again)
    other = EditPanel(PIXELS[::-1].copy(), toolbox=toolbox)
    first, last = other.controller.image, panel.controller.image
    other.show(last)
    assert other.body.history.value == last
    other.show(first)
    assert [each["name"] for each in panel.calls] == ["edit_image", "edit_image"]
    assert other.calls == []


def test_method_and_its_options_reach_the_edit(toolbox: Toolbox) -> None:
    panel = edit_panel(toolbox)
    options = panel.body.options
    options.method.value = "sdedit"
    options.settings["steps"].value = "6"
    options.fields["solver"].value = "dpm_solver_2m"
    clicked(panel, panel.run)
    assert panel.calls[-1]["arguments"] == {
        "image": panel.calls[-1]["arguments"]["image"],
        "query": "tree",
        "target": "house",
        "method": "sdedit",
        "steps": 6,
        "options": {"solver": "dpm_solver_2m"},
    }
    options.method.value = ""
    panel.body.undo.click()
    clicked(panel, panel.run)
    assert set(panel.calls[-1]["arguments"]) == {"image", "query", "target", "steps"}


# -- options


def form_of(toolbox: Toolbox) -> tuple[OptionsForm, EditController]:
    controller = EditController(toolbox)
    return OptionsForm(controller), controller


def test_every_option_of_an_edit_has_a_field_that_says_what_it_does(toolbox: Toolbox) -> None:
    form, controller = form_of(toolbox)
    assert list(form.settings) == list(EditOptions.model_fields)
    for name, option in options_of(EditOptions).items():
        field = form.settings[name]
        assert option.about in field.tooltip
        if option.default is None:
            assert field.value == ""
            assert option.unless_given in field.tooltip
        else:
            assert field.value == option.default
    assert controller.settings == {}


def test_what_is_typed_is_asked_and_what_is_emptied_is_not(toolbox: Toolbox) -> None:
    form, controller = form_of(toolbox)
    controller.image = toolbox.workspace.resolve("garden.png").handle
    controller.query, controller.target = "tree", "house"
    said = {"guidance": "1.5", "attempts": "2", "seed": 3, "crop": False, "soft": True}
    for name, value in said.items():
        form.settings[name].value = value
    assert controller.settings == said
    asked = controller.arguments()
    assert (asked.guidance, asked.attempts, asked.seed) == (1.5, 2, 3)
    assert (asked.crop, asked.soft) == (False, True)
    form.settings["steps"].value = "many"
    with pytest.raises(InvalidInputError, match=r"steps: .* got 'many'"):
        controller.arguments()
    form.settings["steps"].value = form.settings["guidance"].value = ""
    form.settings["crop"].value, form.settings["soft"].value = "", False
    assert controller.settings == {"attempts": "2", "seed": 3}


def test_fields_show_what_the_controller_takes_over(toolbox: Toolbox) -> None:
    form, controller = form_of(toolbox)
    controller.settings = {"steps": 7, "prompt": "", "resize_mask": True}
    assert (form.settings["steps"].value, form.settings["resize_mask"].value) == ("7", True)
    controller.method, controller.options = "blended", {"differential": True}
    assert (form.method.value, form.fields["differential"].value) == ("blended", True)
    assert controller.settings == {"steps": 7, "prompt": "", "resize_mask": True}
    form.fields["differential"].value = False
    assert controller.options == {}


@pytest.mark.parametrize("info", methods(), ids=lambda info: info.name)
def test_options_of_every_method_are_built_from_the_registry(info: Any, toolbox: Toolbox) -> None:
    form, controller = form_of(toolbox)
    form.method.value = info.name
    own = [option for option in info.options if option.name not in METHOD_OPTIONS]
    assert list(form.fields) == [option.name for option in own]
    assert (controller.method, controller.options) == (info.name, {})
    for option in own:
        field = form.fields[option.name]
        assert field.value == option.default
        assert option.description.replace("empty:", "left alone:") in field.tooltip
        if option.choices:
            assert tuple(field.options) == option.choices
        elif option.type in ("number", "integer"):
            bounds = (getattr(field, "min", None), getattr(field, "max", None))
            assert bounds in ((option.minimum, option.maximum), (None, None))
            assert (bounds == (None, None)) == (None in (option.minimum, option.maximum))
            assert isinstance(field.value, int if option.type == "integer" else float)
        else:
            kind = ipywidgets.Text if option.type == "string" else ipywidgets.Checkbox
            assert isinstance(field, kind)


def test_another_method_begins_with_its_usual_options(toolbox: Toolbox) -> None:
    form, controller = form_of(toolbox)
    form.method.value = "blended"
    first = form.fields["solver"]
    first.value = "dpm_solver_2m"
    assert controller.options == {"solver": "dpm_solver_2m"}
    form.method.value = "sdedit"
    assert (controller.options, form.fields["solver"].value) == ({}, "euler")
    form.fields["solver"].value = "dpm_solver_2m"
    form.method.value = ""
    assert (controller.method, controller.options, form.fields) == ("", {}, {})


def test_method_that_cannot_be_used_says_why(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("bad", "no_such_module:Toy", "textseg.methods")
    monkeypatch.setattr("textseg.registry.plugins.entry_points", lambda group: [point])
    form, _ = form_of(toolbox)
    form.method.value = "bad"
    assert "no_such_module" in form.about.value
    assert form.fields == {}
    form.method.value = "flowedit"
    assert form.about.value.startswith("follow the difference of two velocities")


def test_methods_of_other_packages_may_have_any_option() -> None:
    words = OptionInfo("style", "string", "oil", "how to paint")
    number, whole = (
        OptionInfo("size", kind, 3, "how large", minimum=1) for kind in ("number", "integer")
    )
    assert isinstance(field_for(words), ipywidgets.Text)
    assert isinstance(field_for(number), ipywidgets.FloatText)
    assert isinstance(field_for(whole), ipywidgets.BoundedIntText)
    assert "at least 1" in field_for(whole).tooltip


# -- making


def test_creation_shows_each_stage(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textseg.scene.Scene.caption", lambda self: "a <tree>")
    panel = create_panel(toolbox)
    assert panel.body.stage.view.image == b""
    clicked(panel, panel.run)
    generated = panel.controller.image
    assert panel.body.stage.view.image != b""
    assert line_of(panel) == "Made from “a tree”; shows: a <tree>"
    assert panel.result is None
    panel.body.query.value, panel.body.target.value = "tree", "house"
    clicked(panel, panel.body.run)
    assert isinstance(panel.result, Edit)
    assert panel.body._pictures.children == (panel.body.compare,)
    assert panel.controller.image == generated
    assert [each["name"] for each in panel.calls] == ["generate_and_edit", "edit_image"]
    assert '"edit_image"' in panel.to_tool_call()
    assert "EditArguments" in panel.to_python()


def test_last_line_tells_the_last_stage_without_a_captioner(toolbox: Toolbox) -> None:
    panel = create_panel(toolbox)
    clicked(panel, panel.run)
    assert line_of(panel) == "Made from “a tree”"
    panel.body.query.value, panel.body.target.value = "tree", "house"
    clicked(panel, panel.body.look)
    assert re.fullmatch(r"tree: \d+% of the picture", panel.describe())
    assert line_of(panel) == "Done."
    clicked(panel, panel.body.run)
    assert line_of(panel).startswith("Before and after: tree → house; ")
    panel.body.undo.click()
    assert line_of(panel) == "", "the mask of before is shown again, and what it shows below it"


# -- what assistants made


def test_results_of_an_assistant_open_in_the_panels(toolbox: Toolbox) -> None:
    tools = {tool.name: tool for tool in get_tools(toolbox)}
    found = call(tools["segment_image"], image="garden.png", query="tree").artifact
    panel = SegmentPanel(toolbox=toolbox)
    panel.show(found.queries[0].mask)
    assert panel.queries.value == "tree"
    assert panel.stage.view.width == WIDTH
    assert isinstance(panel.result, Segmentation)
    edited = call(
        tools["edit_image"], image="garden.png", query="tree", target="house", strength=0.5
    ).artifact
    other = EditPanel(toolbox=toolbox)
    other.show(edited.picture)
    assert isinstance(other.result, Edit)
    assert (other.body.query.value, other.body.target.value) == ("tree", "house")
    assert other.body.options.settings["strength"].value == "0.5"
    np.testing.assert_array_equal(np.asarray(other.result.image), pixels(toolbox, edited.picture))
    other.show(found.queries[0].mask)
    assert other.controller.by_hand
    made = call(tools["generate_and_edit"], prompt="a tree", width=40, height=24).artifact
    third = CreatePanel(toolbox=toolbox)
    third.show(made.picture)
    assert third.prompt.value == "a tree"
    assert third.body.stage.view.width == WIDTH
    panel.show(made.picture)
    assert (panel.controller.image, panel.result) == (made.picture, None)


def test_assistant_picks_up_what_a_person_corrected(grove: Toolbox) -> None:
    panel = SegmentPanel("latest", queries=["tree"], toolbox=grove)
    clicked(panel, panel.run)
    panel.controller.correct([{"action": "drop", "points": [[8, 7]]}])
    tool = next(tool for tool in get_tools(grove) if tool.name == "edit_image")
    mask = panel.controller.keep()
    facts = call(tool, query="tree", target="house", mask=mask).artifact
    edit = grove.shelf.open_result(facts.picture)
    assert isinstance(edit, Edit)
    assert panel.mask is not None
    np.testing.assert_allclose(edit.mask, panel.mask.soft, atol=1e-6)


# -- what stays


def bundle(panel: Panel) -> tuple[dict[str, Any], dict[str, Any]]:
    found = panel._repr_mimebundle_()
    json.dumps(found)
    return found


def test_every_panel_leaves_a_picture_with_words(toolbox: Toolbox) -> None:
    panels = [segment_panel(toolbox), edit_panel(toolbox), create_panel(toolbox)]
    for panel in panels:
        clicked(panel, panel.run)
        data, about = bundle(panel)
        assert set(data) == {"text/plain", WIDGET, "image/jpeg"}
        assert data[WIDGET]["model_id"] == panel.model_id
        still = decoded(base64.b64decode(data["image/jpeg"]))
        assert still.format == "JPEG"
        assert max(still.size) <= 1152
        words = about["image/jpeg"]["alt"]
        assert words
        assert data["text/plain"] == f"{type(panel).__name__}({words})"


def test_still_picture_shows_the_masks_cut_where_they_are_shown_cut(toolbox: Toolbox) -> None:
    panel = segment_panel(toolbox, "tree")
    plain = panel.still()
    clicked(panel, panel.run)
    found = panel.still()
    panel.stage.view.threshold = 0.99
    assert len({plain, found, panel.still()}) == 3


def test_still_of_a_large_picture_is_small(toolbox: Toolbox) -> None:
    large = np.kron(PIXELS, np.ones((50, 50, 1), np.uint8))
    panel = SegmentPanel(large, toolbox=toolbox)
    still = panel.still()
    assert still is not None
    assert decoded(still).size == (768, 461)


def test_panel_without_a_picture_says_so(toolbox: Toolbox) -> None:
    for panel in (
        SegmentPanel(toolbox=toolbox), EditPanel(toolbox=toolbox), CreatePanel(toolbox=toolbox),
    ):  # fmt: skip
        data, about = bundle(panel)
        assert "image/jpeg" not in data
        assert about == {}
        assert "No picture yet." in data["text/plain"]


def test_state_of_a_panel_is_in_its_traits(toolbox: Toolbox) -> None:
    panel = edit_panel(toolbox)
    clicked(panel, panel.body.look)
    panel.body.stage.view.threshold = 0.7
    states = [each["state"] for each in dependency_state([panel]).values()]
    view = next(state for state in states if "presence" in state)
    assert (view["threshold"], view["labels"], view["present"]) == (0.7, ["tree"], [True])
    texts = {
        state.get("value") for state in states if state.get("description") in ("Change", "Into")
    }
    assert texts == {"tree", "house"}
    assert any("Done." in str(state.get("value")) for state in states)


def test_every_control_has_a_name_and_says_what_it_does(toolbox: Toolbox) -> None:
    for panel in (segment_panel(toolbox), edit_panel(toolbox), create_panel(toolbox)):
        for each in every_widget(panel):
            if isinstance(each, ipywidgets.Button | ipywidgets.ToggleButton):
                assert each.description
                assert each.tooltip
            elif isinstance(each, ipywidgets.Text | ipywidgets.Dropdown | ipywidgets.Checkbox):
                assert each.description


def test_no_slider_of_ipywidgets_is_used(toolbox: Toolbox) -> None:
    """Their handles have no names that a screen reader could say."""
    for panel in (segment_panel(toolbox), edit_panel(toolbox), create_panel(toolbox)):
        assert not any("Slider" in type(each).__name__ for each in every_widget(panel))


# -- out


def test_calls_are_offered_for_copying(toolbox: Toolbox) -> None:
    panel = segment_panel(toolbox, "tree")
    buttons = {
        each.description: each
        for each in every_widget(panel)
        if isinstance(each, ipywidgets.Button)
    }
    buttons["Copy as Python"].click()
    assert "it came in from outside" in line_of(panel)
    clicked(panel, panel.run)
    buttons["Copy as Python"].click()
    offered = next(each for each in every_widget(panel) if isinstance(each, ipywidgets.Textarea))
    assert offered.value == panel.to_python()
    buttons["Copy as tool call"].click()
    assert json.loads(offered.value)["name"] == "segment_image"


def test_results_are_saved_where_a_person_says(toolbox: Toolbox, tmp_path: Path) -> None:
    found, changed, made = segment_panel(toolbox), edit_panel(toolbox), create_panel(toolbox)
    places = {found: tmp_path / "masks", changed: tmp_path / "edited.png", made: tmp_path / "a.png"}
    for panel, path in places.items():
        clicked(panel, panel.run)
        widgets = every_widget(panel)
        save = next(each for each in widgets if getattr(each, "description", "") == "Save")
        field = next(each for each in widgets if getattr(each, "description", "") == "Save to")
        save.click()
        assert "to save to" in line_of(panel)
        field.value = str(path)
        save.click()
        assert line_of(panel).startswith("Written: ")
        assert path.exists()
        save.click()
        assert "overwritten" in line_of(panel)


# -- where panels live


def test_colab_is_told_of_foreign_widgets(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    output = types.ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: told.append(True)  # type: ignore[attr-defined]  # a stand-in
    for name, module in (("google", types.ModuleType("google")),
                         ("google.colab", types.ModuleType("google.colab")),
                         ("google.colab.output", output)):  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module)
    segment_panel(toolbox)
    assert told == [True]


def test_panel_is_there_before_any_heavy_library_is(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from textseg.panels import SegmentPanel, EditPanel, CreatePanel\n"
        "from ipywidgets.widgets.widget import _instances\n"
        "print(len(_instances))\n"  # none is made by importing
        "SegmentPanel(np.zeros((24, 40, 3), np.uint8))\n"
        "EditPanel(np.zeros((24, 40, 3), np.uint8), query='tree', target='house')\n"
        "CreatePanel('a tree')\n"
        "heavy = ('torch', 'diffusers', 'transformers', 'matplotlib', 'matplotlib.pyplot')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["0", "[]"], done.stdout
