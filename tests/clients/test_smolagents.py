"""The tools in smolagents, which refuses unions and wants every argument declared.

It needs an environment of its own: ``make test-clients`` makes one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_tools.langchain import get_tools

smolagents = pytest.importorskip("smolagents", reason="make test-clients has it")


def test_every_tool_is_taken_over_with_its_arguments(tmp_path: Path) -> None:
    for tool in get_tools(tmp_path / "workspace"):
        taken = smolagents.Tool.from_langchain(tool)
        assert taken.name == tool.name
        assert taken.description == tool.description
        assert set(taken.inputs) == set(tool.args)


def test_tool_can_be_called(tmp_path: Path) -> None:
    listing = next(t for t in get_tools(tmp_path / "workspace") if t.name == "list_images")
    assert "no picture yet" in str(smolagents.Tool.from_langchain(listing)())


def test_error_comes_back_as_coded_text(tmp_path: Path) -> None:
    undo = next(t for t in get_tools(tmp_path / "workspace") if t.name == "undo")
    assert "nothing_to_undo" in str(smolagents.Tool.from_langchain(undo)())
