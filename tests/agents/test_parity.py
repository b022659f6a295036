"""One call through Python, the command line, LangChain and MCP: equal facts and equal pixels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client
from typer.testing import CliRunner

from agent_tools.langchain import get_tools
from agent_tools.mcp_server import serve
from tests.agents.helpers import MODEL, call, make_toolbox, pixels_of_file
from textseg import registry
from textseg.cli import main
from textseg.editing.result import pixels_of
from textseg.scene import Scene
from textseg.testing import GaussianModel
from textseg.toolbox import Toolbox

# Where and when a call was made; everything else has to be the same on every surface.
ITS_OWN = {
    "seconds", "image", "file", "files", "picture", "region_mask", "root", "mask", "generated",
}  # fmt: skip

CALLS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "find": (
        {"query": "tree", "seed": 3},
        ["segment", "garden.png", "tree", "--seed", "3", "-o", "out"],
    ),
    "find a part": (
        {"query": "tree", "region": "left", "exclude": "house", "threshold": 0.4},
        [
            "segment",
            "garden.png",
            "tree",
            "--region",
            "left",
            "--exclude",
            "house",
            "--threshold",
            "0.4",
            "-o",
            "out",
        ],
    ),
    "replace": (
        {"query": "tree", "target": "house", "seed": 2},
        ["edit", "garden.png", "tree", "house", "--seed", "2", "-o", "out.png"],
    ),
    "remove": (
        {"query": "tree", "operation": "remove", "strength": 0.5},
        ["edit", "garden.png", "tree", "--remove", "--strength", "0.5", "-o", "out.png"],
    ),
    "add": (
        {"target": "house", "operation": "add", "region": "bottom right"},
        ["edit", "garden.png", "", "house", "--region", "bottom right", "-o", "out.png"],
    ),
    "everything except": (
        {"query": "tree", "target": "house", "invert": True},
        ["edit", "garden.png", "tree", "house", "--invert", "-o", "out.png"],
    ),
    "make": (
        {"prompt": "a tree", "query": "tree", "target": "house", "width": 40, "height": 24},
        ["create", "a tree", "--size", "24x40", "--change", "tree", "house", "-o", "out.png"],
    ),
}
TOOL = {"segment": "segment_image", "edit": "edit_image", "create": "generate_and_edit"}


@pytest.fixture(autouse=True)
def _gaussian(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        return MODEL

    monkeypatch.setattr(registry, "MODELS", {**registry.MODELS, "gaussian": ("exact", load)})
    monkeypatch.setattr(registry, "_CACHE", {})


def shared(facts: Any) -> Any:
    """The facts without what is each surface's own."""
    if isinstance(facts, Mapping):
        return {name: shared(value) for name, value in facts.items() if name not in ITS_OWN}
    return [shared(value) for value in facts] if isinstance(facts, list) else facts


def by_command(command: list[str], photos: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(photos)
    result = CliRunner().invoke(main, [*command, "--model", "gaussian", "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


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


def made_by(facts: Any, toolbox: Toolbox) -> np.ndarray:
    """The pixels that a call in a workspace made: the picture, or the mask."""
    if "queries" in facts:
        return toolbox.shelf.mask(facts["queries"][0]["mask"]).binary()
    return pixels_of(toolbox.shelf.picture(facts["picture"]))


@pytest.mark.parametrize("name", CALLS)
def test_every_surface_says_and_makes_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, command = CALLS[name]
    tool = TOOL[command[0]]
    if tool != "generate_and_edit":
        arguments = {"image": "garden.png", **arguments}
    boxes = [make_toolbox(tmp_path / each) for each in ("langchain", "mcp")]
    written = by_command(command, tmp_path / "langchain" / "photos", monkeypatch)
    ways: list[Callable[[str, dict[str, Any], Toolbox], Any]] = [by_langchain, by_mcp]
    told = [way(tool, arguments, box) for way, box in zip(ways, boxes, strict=True)]
    assert shared(told[0]) == shared(told[1]) == shared(written)
    found = [made_by(facts, box) for facts, box in zip(told, boxes, strict=True)]
    np.testing.assert_array_equal(found[0], found[1])
    file = written["queries"][0]["files"]["mask"] if "queries" in written else "out.png"
    pixels = pixels_of_file(Path(file))
    np.testing.assert_array_equal(pixels > 127 if "queries" in written else pixels, found[0])


def test_python_says_the_same_as_the_tools(tmp_path: Path) -> None:
    toolbox = make_toolbox(tmp_path)
    asked = {"image": "garden.png", "query": "tree", "target": "house"}
    facts = by_langchain("edit_image", asked, toolbox)
    scene = Scene.open(tmp_path / "photos" / "garden.png", MODEL)
    edit = scene.edit("tree", "house")
    np.testing.assert_array_equal(pixels_of(edit.picture), made_by(facts, toolbox))
    assert facts["share"] == edit.share
    assert facts["evaluations"]["mask"] == edit.evaluations.mask
