"""Calls to be copied from panels: as Python and as tool calls, with equal pixels.

That panels ask what everybody else asks is tested in ``tests/agents/test_parity.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent_tools.langchain import get_tools
from tests.agents.helpers import call
from tests.panels.actions import ACTIONS, done
from tests.panels.helpers import (
    HEIGHT,
    MODEL,
    WIDTH,
    finished,
    make_toolbox,
    pixels,
)
from tests.registering import register_model
from textseg.editing.result import Edit
from textseg.errors import InvalidInputError
from textseg.images import Picture
from textseg.panels.calls import call_behind, python_text, tool_text
from textseg.panels.controller import Controller
from textseg.panels.create_controller import CreateController
from textseg.panels.edit_controller import EditController
from textseg.panels.segment_controller import SegmentController
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation
from textseg.testing import GaussianModel
from textseg.toolbox import (
    ArrangeArguments,
    Limits,
    RetouchArguments,
    SegmentArguments,
    Setup,
    Toolbox,
)
from textseg.toolbox.inputs import SegmentInput


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolbox:
    """A toolbox whose model is loaded by its name, so that copied code gets the same."""

    def load(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        return MODEL

    register_model(monkeypatch, "gaussian", load)
    return make_toolbox(tmp_path, model=None, setup=Setup(model="gaussian"))


def shown(controller: Controller) -> Controller:
    """The controller that has what was made."""
    return controller.editing if isinstance(controller, CreateController) else controller


def executed(code: str, **names: object) -> Any:
    """What code that was copied makes."""
    space: dict[str, Any] = dict(names)
    exec(code, space)  # what is tested is just that
    return space["made"]


def numbers(result: Any) -> np.ndarray:
    """What has to be the same, bit for bit."""
    if isinstance(result, Segmentation | Mask):
        return result.soft
    picture = result.picture if isinstance(result, Edit) else result
    assert isinstance(picture, Picture)
    return picture.pixels()


# -- copied calls


@pytest.mark.parametrize("name", ACTIONS)
def test_copied_python_makes_the_same_bit_for_bit(toolbox: Toolbox, name: str) -> None:
    controller = shown(done(toolbox, name))
    made = executed(controller.to_python())
    if isinstance(controller, SegmentController):
        expected: Any = controller.mask() if "part" in name else controller.opened()
    else:
        assert isinstance(controller, EditController)
        expected = controller.result or toolbox.shelf.picture(controller.image)
    assert type(made) is type(expected)
    np.testing.assert_array_equal(numbers(made), numbers(expected))


@pytest.mark.parametrize("name", ACTIONS)
def test_copied_tool_call_makes_the_same_bit_for_bit(toolbox: Toolbox, name: str) -> None:
    controller = shown(done(toolbox, name))
    copied = json.loads(controller.to_tool_call())
    tool = next(tool for tool in get_tools(toolbox) if tool.name == copied["name"])
    assert set(copied["arguments"]) <= set(tool.args)
    facts = call(tool, **copied["arguments"]).artifact
    if isinstance(controller, SegmentController):
        mask = controller.mask()
        assert mask is not None
        np.testing.assert_array_equal(toolbox.shelf.mask(facts.queries[0].mask).soft, mask.soft)
    else:
        np.testing.assert_array_equal(
            pixels(toolbox, facts.picture), pixels(toolbox, controller.image)
        )


def segmented(toolbox: Toolbox, **settings: Any) -> SegmentController:
    controller = SegmentController(toolbox, toolbox.workspace.resolve("garden.png").handle)
    for name, value in {"queries": ["house", "tree"], **settings}.items():
        setattr(controller, name, value)
    controller.run()
    finished(controller)
    controller.selected = 1
    return controller


def test_call_that_finds_several_things_is_a_tool_call_too() -> None:
    arguments = SegmentArguments(image="latest", queries=["house", "tree", "boat"])
    copied = json.loads(tool_text(call_of(arguments)))["arguments"]
    assert SegmentInput.model_validate(copied).arguments() == arguments


def same_mask(controller: SegmentController) -> bool:
    mask = controller.mask()
    assert mask is not None
    return bool(np.array_equal(executed(controller.to_python()).soft, mask.soft))


def test_copy_of_a_mask_that_was_cut_elsewhere_cuts_it_there(toolbox: Toolbox) -> None:
    controller = segmented(toolbox)
    controller.cut = 0.9
    assert same_mask(controller)
    copied = json.loads(controller.to_tool_call())["arguments"]
    assert (copied["query"], copied["threshold"]) == ("tree", 0.9)
    assert controller.calls[0]["arguments"]["queries"] == ["house", "tree"]


def test_narrowed_mask_that_was_cut_elsewhere_is_python_but_no_tool_call(toolbox: Toolbox) -> None:
    controller = segmented(toolbox, invert=True)
    assert same_mask(controller)
    controller.cut = 0.9
    assert same_mask(controller)
    with pytest.raises(InvalidInputError, match="threshold moved afterwards"):
        controller.to_tool_call()


def test_corrected_mask_is_python_but_no_tool_call(toolbox: Toolbox) -> None:
    controller = segmented(toolbox)
    controller.correct(
        [
            {"action": "keep", "box": [0, 0, WIDTH, HEIGHT]},
            {"action": "paint", "points": [[20, 36], [20, 38]]},
            {"action": "keep", "points": [[20, 36]]},
        ]
    )
    assert same_mask(controller)
    with pytest.raises(InvalidInputError, match=r"no tool.*correct_mask; give them the handle"):
        controller.to_tool_call()


def test_edit_inside_a_corrected_mask_can_be_copied(toolbox: Toolbox) -> None:
    finding = segmented(toolbox)
    finding.correct([{"action": "paint", "points": [[20, 36]]}])
    controller = EditController(toolbox)
    controller.query, controller.target = "tree", "house"
    controller.open(finding.made)
    controller.run()
    finished(controller)
    made = executed(controller.to_python())
    np.testing.assert_array_equal(made.picture.pixels(), pixels(toolbox, controller.image))
    assert json.loads(controller.to_tool_call())["arguments"]["mask"] == finding.made


def test_settings_that_no_tool_takes_are_named(toolbox: Toolbox) -> None:
    controller = EditController(toolbox, toolbox.workspace.resolve("garden.png").handle)
    controller.query, controller.target, controller.method = "tree", "house", "sdedit"
    controller.settings, controller.options = {"steps": 6}, {"solver": "dpm_solver_2m"}
    controller.run()
    finished(controller)
    with pytest.raises(InvalidInputError, match="steps, method, options of edit_image"):
        controller.to_tool_call()
    made = executed(controller.to_python())
    np.testing.assert_array_equal(made.picture.pixels(), pixels(toolbox, controller.image))


def test_each_stage_of_a_creation_can_be_copied(toolbox: Toolbox) -> None:
    tool = next(tool for tool in get_tools(toolbox) if tool.name == "generate_and_edit")
    asked = {"prompt": "a tree", "query": "tree", "target": "house", "width": 40, "height": 24}
    facts = call(tool, **asked).artifact
    change = facts.changes[0]
    for handle in (facts.generated, change.picture, change.region_mask):
        behind = call_behind(toolbox, handle)
        made, expected = executed(python_text(toolbox, behind)), toolbox.workspace.record(handle)
        if expected.kind == "image":
            np.testing.assert_array_equal(numbers(made), pixels(toolbox, handle))
        else:
            np.testing.assert_array_equal(made.soft, toolbox.shelf.mask(handle).soft)
        assert json.loads(tool_text(behind))["arguments"] == asked


def test_mask_of_an_edit_can_be_copied(toolbox: Toolbox) -> None:
    controller = done(toolbox, "replace")
    assert isinstance(controller, EditController)
    mask = toolbox.workspace.record(controller.image).result["region_mask"]
    assert isinstance(mask, str)
    made = executed(python_text(toolbox, call_behind(toolbox, mask)))
    np.testing.assert_array_equal(made.soft, toolbox.shelf.mask(mask).soft)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("retouch_image", RetouchArguments(image="latest", query="tree", action="dim", amount=0.3)),
        ("retouch_image", RetouchArguments(image="latest", query="tree", action="crop")),
        ("arrange_image", ArrangeArguments(image="latest", query="tree", action="copy")),
    ],
)
def test_what_no_model_made_can_be_copied(
    toolbox: Toolbox, name: str, arguments: RetouchArguments | ArrangeArguments
) -> None:
    toolbox.workspace.resolve("garden.png")
    result = getattr(toolbox, name)(arguments)
    for handle in (result.picture, result.region_mask):
        behind = call_behind(toolbox, handle)
        again = executed(python_text(toolbox, behind))
        there = toolbox.shelf.picture if handle == result.picture else toolbox.shelf.mask
        np.testing.assert_array_equal(numbers(again), numbers(there(handle)))
        asked = json.loads(tool_text(behind))
        tool = next(tool for tool in get_tools(toolbox) if tool.name == asked["name"])
        repeated = call(tool, **asked["arguments"]).artifact
        assert repeated.model_dump()["share"] == result.share


def test_what_came_in_from_outside_is_made_by_no_call(toolbox: Toolbox) -> None:
    image = toolbox.workspace.resolve("garden.png").handle
    mask = toolbox.shelf.import_mask(np.ones((HEIGHT, WIDTH), bool), image).mask
    for handle in (image, mask):
        with pytest.raises(InvalidInputError, match="came in from outside"):
            call_behind(toolbox, handle)
    with pytest.raises(InvalidInputError, match="nothing yet"):
        SegmentController(toolbox).to_python()


def test_copied_python_opens_the_toolbox_as_it_is(tmp_path: Path) -> None:
    """A model that was handed over loaded cannot be named: the code says what it expects."""
    toolbox = make_toolbox(tmp_path, limits=Limits(draws=200))
    controller = segmented(toolbox, draws=150)
    code = controller.to_python()
    assert "# model: the one called 'gaussian'" in code
    mask = controller.mask()
    assert mask is not None
    np.testing.assert_array_equal(executed(code, model=MODEL).soft, mask.soft)
    with pytest.raises(InvalidInputError, match="draws of segment_image"):
        controller.to_tool_call()


def test_value_that_tools_refuse_is_told(toolbox: Toolbox) -> None:
    arguments = SegmentArguments(image="latest", queries=["tree"], seed=2**60)
    with pytest.raises(InvalidInputError, match="seed"):
        tool_text(call_of(arguments))


def call_of(arguments: SegmentArguments) -> Any:
    from textseg.panels.calls import SEGMENT, Call

    return Call(SEGMENT, arguments, "queries[0].mask")
