"""One action by panel, command line, LangChain, MCP and Python: equal calls, facts and pixels."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client
from typer.testing import CliRunner

import textseg.toolbox
from agent_tools.langchain import get_tools
from agent_tools.mcp_server import serve
from tests.agents.helpers import MODEL, call, make_toolbox, pixels_of_file
from tests.panels.actions import ACTIONS, CALLS, MASK, anonymous, done, painted
from tests.panels.helpers import fill, finished
from tests.registering import register_model
from textseg.cli.app import app
from textseg.panels.calls import describe_call
from textseg.panels.create_controller import CreateController
from textseg.panels.segment_controller import SegmentController
from textseg.scene import Scene
from textseg.testing import GaussianModel
from textseg.toolbox import SegmentArguments, Toolbox

# Where and when a call was made; everything else has to be the same on every surface.
ITS_OWN = {
    "seconds", "image", "file", "files", "picture", "region_mask", "root", "mask", "generated",
}  # fmt: skip

OPERATIONS = ("segment_image", "edit_image", "generate_and_edit", "undo")
ON_FILES = OPERATIONS[:3]
MADE_AND_CHANGED = {
    "prompt": "a tree", "query": "tree", "target": "house", "width": 40, "height": 24, "seed": 5,
}  # fmt: skip

Asked = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _gaussian(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        return MODEL

    register_model(monkeypatch, "gaussian", load)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What was asked of the toolbox, and of its functions on files, since the test began."""
    calls: Asked = []

    def noted(name: str, method: Callable[..., Any], *, at: int) -> Callable[..., Any]:
        def call_and_note(*values: Any, **options: Any) -> Any:
            arguments = values[at] if len(values) > at else textseg.toolbox.UndoArguments()
            calls.append(anonymous(describe_call(name, arguments)))
            return method(*values, **options)

        return call_and_note

    for name in OPERATIONS:
        monkeypatch.setattr(Toolbox, name, noted(name, getattr(Toolbox, name), at=1))
    for name in ON_FILES:
        function = getattr(textseg.toolbox, name)
        monkeypatch.setattr(textseg.toolbox, name, noted(name, function, at=0))
    return calls


def shared(facts: Any) -> Any:
    """The facts without what is each surface's own."""
    if isinstance(facts, Mapping):
        return {name: shared(value) for name, value in facts.items() if name not in ITS_OWN}
    return [shared(value) for value in facts] if isinstance(facts, list) else facts


def by_panel(name: str, toolbox: Toolbox) -> Any:
    controller = done(toolbox, name)
    assert anonymous(controller.calls[-1]) == CALLS[name]
    made = controller.made if isinstance(controller, SegmentController) else controller.image
    return toolbox.workspace.record(made).result


def by_langchain(name: str, arguments: dict[str, Any], toolbox: Toolbox) -> Any:
    tool = next(tool for tool in get_tools(toolbox) if tool.name == name)
    message = call(tool, **arguments)
    assert message.status == "success", message.content
    return message.artifact.model_dump(mode="json")


def by_mcp(name: str, arguments: dict[str, Any], toolbox: Toolbox) -> Any:
    async def ask() -> Any:
        async with Client(serve(toolbox)) as client:
            return await client.call_tool(name, arguments)

    answer = asyncio.run(ask())
    assert not answer.is_error, answer.content
    return answer.structured_content


def by_command(line: str, *, mask: Path | None = None) -> Any:
    words = [str(mask) if word == MASK else word for word in shlex.split(line)]
    result = CliRunner().invoke(app, [*words, "--model", "gaussian", "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def written_pixels(facts: Any) -> np.ndarray:
    """The pixels of what a command wrote: the picture, or where the mask is."""
    if "queries" in facts:
        return pixels_of_file(Path(facts["queries"][0]["files"]["mask"])) > 127
    return pixels_of_file(Path("out.png"))


def made_by(facts: Any, toolbox: Toolbox) -> np.ndarray:
    """The pixels that a call in a workspace made: the picture, or the mask."""
    if "queries" in facts:
        return toolbox.shelf.mask(facts["queries"][0]["mask"]).binary()
    return toolbox.shelf.picture(facts["picture"]).pixels()


@pytest.mark.parametrize("name", ACTIONS)
def test_every_surface_asks_says_and_makes_the_same(
    name: str, tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = ACTIONS[name]
    panel, *boxes = (make_toolbox(tmp_path / each) for each in ("panel", "langchain", "mcp"))
    masks = [painted(box) if MASK in action.asked.values() else "" for box in boxes]
    told_by = [by_panel(name, panel)]
    for way, box, mask in zip((by_langchain, by_mcp), boxes, masks, strict=True):
        image = {} if action.tool == "generate_and_edit" else {"image": "garden.png"}
        told_by.append(way(action.tool, {**image, **_with_mask(action.asked, mask)}, box))
    monkeypatch.chdir(tmp_path / "langchain" / "photos")
    written = by_command(
        action.command, mask=boxes[0].shelf.path_of(masks[0]) if masks[0] else None
    )
    assert asked == 4 * [CALLS[name]]
    for facts, box in zip(told_by, (panel, *boxes), strict=True):
        assert shared(facts) == shared(written)
        np.testing.assert_array_equal(made_by(facts, box), written_pixels(written))


def _with_mask(asked: Mapping[str, Any], mask: str) -> dict[str, Any]:
    return {name: mask if value == MASK else value for name, value in asked.items()}


def test_making_and_changing_is_one_call_or_the_steps_of_a_panel(
    tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person sees each stage before going on; the pixels are the same."""
    boxes = [make_toolbox(tmp_path / each) for each in ("langchain", "mcp", "panel")]
    told_by = [
        way("generate_and_edit", MADE_AND_CHANGED, box)
        for way, box in zip((by_langchain, by_mcp), boxes[:2], strict=True)
    ]
    monkeypatch.chdir(tmp_path)
    line = "create 'a tree' --size 40x24 --change tree house --seed 5 -o out.png"
    written = by_command(line)
    assert asked == 3 * [CALLS["make and change"]]
    made = done(boxes[2], "make")
    assert isinstance(made, CreateController)
    editing = made.editing
    fill(editing, query="tree", target="house", seed=5)
    editing.run()
    finished(editing)
    for facts, box in zip(told_by, boxes, strict=False):
        assert shared(facts) == shared(written)
        np.testing.assert_array_equal(made_by(facts, box), written_pixels(written))
    panels = boxes[2].shelf.picture(editing.image).pixels()
    np.testing.assert_array_equal(panels, written_pixels(written))
    other = CreateController(boxes[0])
    other.open(told_by[0]["picture"])
    assert describe_call(other.editing.call().name, other.editing.call().arguments) == asked[0]


def test_every_surface_that_can_undo_asks_the_same(tmp_path: Path, asked: Asked) -> None:
    """The command line cannot: it keeps nothing that could be undone."""
    boxes = [make_toolbox(tmp_path / each) for each in ("panel", "langchain", "mcp")]
    first = [box.workspace.resolve("garden.png").handle for box in boxes]
    controller = done(boxes[0], "replace")
    for box in boxes[1:]:
        by_langchain("edit_image", {"image": "latest", **ACTIONS["replace"].asked}, box)
    asked.clear()
    controller.undo()  # type: ignore[attr-defined]  # it edits
    assert controller.calls[-1] == CALLS["undo"]
    by_langchain("undo", {}, boxes[1])
    by_mcp("undo", {}, boxes[2])
    assert asked == 3 * [CALLS["undo"]]
    latest = [box.workspace.latest() for box in boxes]
    assert [record and record.handle for record in latest] == first


def test_several_things_are_found_in_one_call_on_every_surface(tmp_path: Path) -> None:
    boxes = [make_toolbox(tmp_path / each) for each in ("langchain", "mcp", "toolbox")]
    asked = {"image": "garden.png", "queries": ["tree", "house"]}
    told_by = [
        way("segment_image", asked, box)
        for way, box in zip((by_langchain, by_mcp), boxes[:2], strict=True)
    ]
    meant = SegmentArguments(image="garden.png", queries=["tree", "house"])
    direct = boxes[2].segment_image(meant).model_dump(mode="json")
    assert [shared(facts) for facts in told_by] == 2 * [shared(direct)]
    assert [facts["query"] for facts in direct["queries"]] == ["tree", "house"]


@pytest.mark.parametrize(
    ("name", "given", "line"),
    [
        ("retouch_image", {"action": "blur", "invert": True}, "retouch {} --action blur --invert"),
        (
            "arrange_image",
            {"action": "move", "to": "right", "seed": 2},
            "arrange {} --action move --to right --seed 2",
        ),
    ],
)
def test_retouching_and_arranging_are_the_same_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: dict[str, Any], line: str
) -> None:
    boxes = [make_toolbox(tmp_path / each) for each in ("langchain", "mcp")]
    asked = {"image": "garden.png", "query": "tree", **given}
    told_by = [
        way(name, asked, box) for way, box in zip((by_langchain, by_mcp), boxes, strict=True)
    ]
    monkeypatch.chdir(tmp_path / "langchain" / "photos")
    written = by_command(f"{line.format('garden.png tree')} -o out.png")
    for facts, box in zip(told_by, boxes, strict=True):
        assert shared(facts) == shared(written)
        np.testing.assert_array_equal(made_by(facts, box), written_pixels(written))


@pytest.mark.parametrize(
    ("name", "asked", "command"),
    [
        ("describe_image", {}, "describe garden.png"),
        ("ask_image", {"about": "colour", "query": "tree"}, "ask garden.png colour tree"),
        (
            "ask_image",
            {"about": "relation", "queries": ["tree", "a tree"], "other": "house"},
            "ask garden.png relation tree 'a tree' --other house",
        ),
    ],
)
def test_answers_about_a_picture_are_the_same_on_every_surface(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    asked: dict[str, Any],
    command: str,
) -> None:
    boxes = [make_toolbox(tmp_path / each) for each in ("langchain", "mcp")]
    told_by = [
        way(name, {"image": "garden.png", **asked}, box)
        for way, box in zip((by_langchain, by_mcp), boxes, strict=True)
    ]
    monkeypatch.chdir(tmp_path / "langchain" / "photos")
    written = by_command(command)
    assert [shared(facts) for facts in told_by] == 2 * [shared(written)]


def test_python_says_the_same_as_the_tools(tmp_path: Path) -> None:
    toolbox = make_toolbox(tmp_path)
    asked = {"image": "garden.png", "query": "tree", "target": "house"}
    facts = by_langchain("edit_image", asked, toolbox)
    scene = Scene.open(tmp_path / "photos" / "garden.png", MODEL)
    edit = scene.edit("tree", "house")
    np.testing.assert_array_equal(edit.picture.pixels(), made_by(facts, toolbox))
    assert facts["share"] == edit.share
    assert facts["evaluations"]["mask"] == edit.evaluations.mask
