"""The server as a process of its own over standard input and output."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any, TypeVar

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult
from PIL import Image

from tests.agents.mcp_helpers import ERAS, PATIENCE, ROOT, facts_of, until_true
from textseg.images import open_picture
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.workspace import Workspace

COMMAND = (sys.executable, "-W", "error", "-c", "from agent_tools.mcp_server import main; main()")

T = TypeVar("T")


@dataclass(frozen=True)
class Process:
    """A server process and the two ends of the protocol."""

    process: subprocess.Popen[bytes]
    stdin: IO[bytes]
    stdout: IO[bytes]

    def send(self, *messages: Mapping[str, Any]) -> None:
        for message in messages:
            self.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.stdin.flush()

    def end(self) -> int:
        """Return the exit code of what is about to end."""
        return self.process.wait(PATIENCE)


def helper(folder: Path, kind: str) -> tuple[str, ...]:
    return (
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.agents.mcp_helpers",
        "stdio",
        str(folder),
        kind,
    )


def with_process(line: Sequence[str], job: Callable[[Client], Awaitable[T]], errors: Path) -> T:
    """Return what a job gives with a client of a process; what it says goes to a file."""
    start = StdioServerParameters(command=line[0], args=list(line[1:]), cwd=ROOT)

    async def run() -> T:
        with errors.open("w") as log:
            async with Client(stdio_client(start, errlog=log)) as client:
                return await job(client)

    return asyncio.run(run())


@contextmanager
def started(line: Sequence[str], errors: Path) -> Iterator[Process]:
    """Give a process with pipes, which is gone afterwards."""
    with (
        errors.open("wb") as log,
        subprocess.Popen(line, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            yield Process(process, process.stdin, process.stdout)
        finally:
            process.kill()


HELLO = (
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": ERAS["legacy"],
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"},
        },
    },
    {"method": "notifications/initialized"},
)
SEGMENT = {
    "id": 2,
    "method": "tools/call",
    "params": {"name": "segment_image", "arguments": {"image": "garden.png", "query": "tree"}},
}


# -- the real thing


def test_command_finds_changes_and_undoes_in_a_folder(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    sea = render(PICTURES["sea"][0]).image
    Image.fromarray(sea).save(pictures / "sea.png")
    line = [*COMMAND, "--root", str(pictures), "--workspace", str(tmp_path / "results")]

    async def course(client: Client) -> list[CallToolResult]:
        assert client.protocol_version == ERAS["auto"]
        fish = {"query": "orange fish"}
        return [
            await client.call_tool("segment_image", {"image": "sea.png", **fish}),
            await client.call_tool("edit_image", {**fish, "target": "red fish"}),
            await client.call_tool("undo", {}),
        ]

    found, edited, undone = map(facts_of, with_process(line, course, tmp_path / "errors"))
    assert found["queries"][0]["matched"]
    assert edited["check"]["changed_outside"] == 0
    red, green, _ = edited["check"]["mean_rgb_after"]
    assert red > 2 * green  # of the orange fish before, 1.5 times
    assert undone["image"]["handle"] == found["image"]

    workspace = Workspace.open(tmp_path / "results")
    latest = workspace.latest()
    assert latest is not None
    assert workspace.picture(latest).size == sea.shape[:2]
    assert workspace.picture(workspace.record(edited["picture"])).size == sea.shape[:2]
    assert (open_picture(pictures / "sea.png").rgb * 255).round().astype("uint8").tolist() == (
        sea.tolist()
    )
    assert str(tmp_path / "results") in (tmp_path / "errors").read_text()


def test_tools_are_listed_before_torch_is_loaded(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from mcp import Client\n"
        "from agent_tools.mcp_server import serve\n"
        "from textseg.toolbox import open_toolbox\n"
        "async def run():\n"
        f"    async with Client(serve(open_toolbox({str(tmp_path)!r}))) as client:\n"
        "        await client.list_tools()\n"
        "        assert (await client.call_tool('list_images', {})).structured_content\n"
        "        await client.list_resources()\n"
        "asyncio.run(run())\n"
        "print(*sys.modules)"
    )
    line = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert "mcp" in modules
    assert modules.isdisjoint({"torch", "diffusers", "transformers", "langchain_core"})


@pytest.mark.parametrize("package", ["agent_tools", "agent_tools.mcp_server"])
def test_import_does_without_the_sdk(package: str) -> None:
    code = f"import sys\nsys.modules['mcp'] = None\nimport {package}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True)


# -- the wire


def test_stdout_is_the_protocol_and_nothing_else(tmp_path: Path) -> None:
    with started(helper(tmp_path, "talkative"), tmp_path / "errors") as server:
        server.send(*HELLO, SEGMENT)
        hello, answer = (json.loads(server.stdout.readline()) for _ in range(2))
        server.stdin.close()
        assert server.stdout.read() == b""
        assert server.end() == 0
    assert (hello["id"], answer["id"]) == (1, 2)
    assert hello["result"]["protocolVersion"] == ERAS["legacy"]
    assert answer["result"]["structuredContent"]["queries"][0]["matched"]
    errors = (tmp_path / "errors").read_text()
    for how in ("print", "write", "a child"):
        assert f"said by {how}" in errors


# -- the end


def test_client_that_leaves_in_the_middle_ends_the_process(tmp_path: Path) -> None:
    with started(helper(tmp_path, "waiting"), tmp_path / "errors") as server:
        server.send(*HELLO, SEGMENT)
        asyncio.run(until_true((tmp_path / "reached").exists))
        server.stdout.close()
        server.stdin.close()
        assert server.end() == 0
    assert "Traceback" not in (tmp_path / "errors").read_text()
    assert Workspace.open(tmp_path / "results").count() == 1


def test_interrupt_ends_the_process_though_the_client_stays(tmp_path: Path) -> None:
    with started(helper(tmp_path, "waiting"), tmp_path / "errors") as server:
        server.send(*HELLO, SEGMENT)
        asyncio.run(until_true((tmp_path / "reached").exists))
        server.process.send_signal(signal.SIGINT)
        assert server.end() == -signal.SIGINT
    assert "Traceback" not in (tmp_path / "errors").read_text()
    assert Workspace.open(tmp_path / "results").count() == 1
