"""Servers and models for the tests of the MCP server; run as a module it serves one of them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from mcp import Client
from mcp.server.lowlevel import Server
from mcp_types import CallToolResult, TextContent
from PIL import Image

from agent_tools.mcp.command import TOKEN_VARIABLE
from agent_tools.mcp.http import Address, listen, run_http
from agent_tools.mcp.stdio import run_stdio
from agent_tools.mcp_server import serve
from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.images import to_uint8
from textseg.testing import GaussianModel
from textseg.toolbox import Toolbox
from textseg.toolbox.turns import Turns
from textseg.workspace import Workspace

HEIGHT, WIDTH = 24, 40
MODEL = GaussianModel()
ROOT = Path(__file__).parents[2]

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}

PATIENCE = 60  # seconds until a test gives up on what never comes

T = TypeVar("T")


@dataclass
class Gate:
    """Where a thread reports that it has come, and waits until it is let through."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    passed: int = 0

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE), "nobody opened the gate"
        self.passed += 1


@dataclass(frozen=True)
class Gated(GaussianModel):
    """The exact model, which answers only when it is let to."""

    gate: Gate = field(default_factory=Gate)

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        self.gate.wait()
        return super().predict(z, sigma, text)


@dataclass(frozen=True)
class Waiting(GaussianModel):
    """The exact model in another process: says by a file that it has come, and waits for one."""

    folder: Path = field(default_factory=Path)

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        (self.folder / "reached").touch()
        end = time.monotonic() + PATIENCE
        while not (self.folder / "opened").exists() and time.monotonic() < end:
            time.sleep(0.01)
        return super().predict(z, sigma, text)


@dataclass(frozen=True)
class Crashing(GaussianModel):
    """A model with a fault of its own, which names a file of the person's."""

    path: str = "/home/somebody/secret/model.safetensors"

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        raise FileNotFoundError(2, "No such file or directory", self.path)


@dataclass(frozen=True)
class Talkative(GaussianModel):
    """A model that writes to standard output, in three ways, and reads standard input."""

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        print("said by print")  # noqa: T201  # that is what it is for
        os.write(1, b"said by write\n")
        subprocess.run(["echo", "said by a child"], check=True)
        assert sys.stdin.read() == "", "it got to read the protocol"
        return super().predict(z, sigma, text)


def write_garden(folder: Path, name: str = "garden.png", *, seed: int = 4) -> Path:
    """Write a picture with a tree in it."""
    path = folder / name
    Image.fromarray(to_uint8(MODEL.picture(["tree"], HEIGHT, WIDTH, seed=seed))).save(path)
    return path


def make_toolbox(folder: Path, model: GaussianModel = MODEL) -> Toolbox:
    """Return a toolbox in a folder: pictures in ``pictures``, results in ``results``."""
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    write_garden(pictures)
    workspace = Workspace.open(folder / "results", roots=[pictures])
    return Toolbox(workspace, model=model, turns=Turns())


def with_client(
    server: Server[Any], job: Callable[[Client], Awaitable[T]], *, mode: str = "auto"
) -> T:
    """Return what a job gives with a client in memory."""

    async def run() -> T:
        async with Client(server, mode=mode) as client:
            return await job(client)

    return asyncio.run(run())


def call(
    server: Server[Any], tool: str, arguments: Mapping[str, Any], *, mode: str = "auto"
) -> CallToolResult:
    """Return the answer to one call in memory."""
    return with_client(server, lambda client: client.call_tool(tool, dict(arguments)), mode=mode)


def facts_of(result: CallToolResult) -> dict[str, Any]:
    """Return the structured content of an answer that is no failure."""
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def text_of(result: CallToolResult) -> str:
    """Return the text that an answer begins with."""
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


async def until(event: threading.Event) -> None:
    """Wait for an event that a thread sets."""
    assert await asyncio.to_thread(event.wait, PATIENCE), "it never happened"


async def until_true(condition: Callable[[], bool]) -> None:
    """Wait for what another thread or process brings about."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.01)


def main(transport: str, folder: str, kind: str = "plain") -> None:
    """Serve a toolbox in a folder, over "stdio" or "http", with a model of a kind."""
    place = Path(folder)
    models = {"plain": MODEL, "talkative": Talkative(), "waiting": Waiting(folder=place)}
    server = serve(make_toolbox(place, models[kind]))
    if transport == "stdio":
        run_stdio(server)
    address = Address("127.0.0.1", 0, os.environ.get(TOKEN_VARIABLE))
    run_http(server, listen(address), address)


if __name__ == "__main__":
    main(*sys.argv[1:])
