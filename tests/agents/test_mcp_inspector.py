"""The server under the official inspector, a client in another language than ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_tools.operations import EXPORT, OPERATIONS
from tests.agents.mcp_helpers import ROOT

LEAST_NODE = (22, 19)
IS_ERROR = 5  # how the inspector ends when a tool says that it failed


def why_not() -> str:
    """Return what is missing; "" where the inspector can be run."""
    node = shutil.which("node")
    if node is None:
        return "node is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(int(part) for part in version.strip("v\n").split(".")[:2]) < LEAST_NODE:
        return f"node is {version.strip()}, the inspector needs v{'.'.join(map(str, LEAST_NODE))}"
    if shutil.which("mcp-inspector") is None:
        return "no mcp-inspector: npm install -g @modelcontextprotocol/inspector"
    return ""


pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.parametrize("era", ["legacy", "modern"]),
]


def inspect(folder: Path, era: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Return how the inspector ended on a server in a folder."""
    inspector = shutil.which("mcp-inspector")
    assert inspector is not None
    return subprocess.run(
        [
            *(inspector, "--cli", sys.executable, "-m", "tests.agents.mcp_helpers", "stdio"),
            *(str(folder), "--protocol-era", era, "--format", "json", *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result


def test_schemas_are_portable(tmp_path: Path, era: str) -> None:
    done = inspect(tmp_path, era, "--method", "tools/list", "--strict")
    assert done.returncode == 0, done.stderr
    tools = [tool["name"] for tool in result_of(done)["tools"]]
    assert tools == [each.name for each in OPERATIONS if each.name != EXPORT]


@pytest.mark.parametrize(("name", "code"), [("garden.png", 0), ("../garden.png", IS_ERROR)])
def test_calls_are_answered(tmp_path: Path, era: str, name: str, code: int) -> None:
    asked = json.dumps({"image": name, "query": "tree"})
    tool = ("--tool-name", "segment_image", "--tool-args-json", asked)
    done = inspect(tmp_path, era, "--method", "tools/call", *tool)
    assert done.returncode == code, done.stderr
    result = result_of(done)
    if code == 0:
        assert result["structuredContent"]["queries"][0]["matched"]
        assert [block["type"] for block in result["content"]] == ["text", "image"]
    else:
        assert json.loads(result["content"][0]["text"])["code"] == "outside_workspace"
