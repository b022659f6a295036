"""The server at a port: who is answered, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from agent_tools.mcp.http import Address, application, config, listen
from agent_tools.mcp_server import serve
from agent_tools.operations import offered
from tests.agents.mcp_helpers import (
    ERAS,
    PATIENCE,
    ROOT,
    Gate,
    Gated,
    facts_of,
    make_toolbox,
    until,
    until_true,
    write_garden,
)
from textseg.errors import InvalidInputError
from textseg.progress import CancelToken, ProgressCallback
from textseg.toolbox import EditArguments, EditResult, Toolbox

TOKEN = "correct-horse-battery"
HEADERS = {"Accept": "application/json, text/event-stream"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": ERAS["legacy"],
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
EDIT = {"image": "garden.png", "query": "tree", "target": "house"}


@contextlib.contextmanager
def served(toolbox: Toolbox, token: str | None = None, *, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve at a free port of loopback in a thread, as if at a host, and give the address."""
    address = Address(host, 0, token)
    listener = listen(Address("127.0.0.1", 0))
    server = uvicorn.Server(config(application(serve(toolbox), address)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def post(url: str, message: Mapping[str, Any] = HELLO, **headers: str) -> httpx2.Response:
    with httpx2.Client() as client:
        return client.post(url, json=message, headers={**HEADERS, **headers})


@pytest.mark.parametrize("mode", ERAS)
def test_both_eras_are_served(toolbox: Toolbox, mode: str) -> None:
    async def ask(url: str) -> tuple[str, CallToolResult, list[float]]:
        told: list[float] = []

        async def listen(done: float, of: float | None, text: str | None) -> None:
            told.append(done)

        async with Client(url, mode=mode) as client:
            answer = await client.call_tool("edit_image", EDIT, progress_callback=listen)
            return client.protocol_version, answer, told

    with served(toolbox) as url:
        version, answer, told = asyncio.run(ask(url))
    assert version == ERAS[mode]
    assert facts_of(answer)["check"]["changed_outside"] == 0
    assert len(told) > 2


# -- who is answered


def test_requests_that_are_meant_for_another_host_are_refused(toolbox: Toolbox) -> None:
    with served(toolbox) as url:
        port = url.rpartition(":")[2].removesuffix("/mcp")
        assert post(url, Host=f"localhost:{port}").status_code == 200
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", ""):
            assert post(url, Host=host).status_code in (400, 421)
            modern = {"MCP-Protocol-Version": ERAS["auto"]}
            assert post(url, Host=host, **modern).status_code in (400, 421)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "studio.example"])
def test_server_for_other_machines_answers_to_its_own_names_only(
    toolbox: Toolbox, host: str
) -> None:
    own = host if host == "studio.example" else socket.gethostname()
    shown = {"Authorization": f"Bearer {TOKEN}"}
    with served(toolbox, TOKEN, host=host) as url:
        assert post(url, Host=f"{own}:8000", **shown).status_code == 200
        assert post(url, Host="evil.example:8000", **shown).status_code == 421


def test_requests_in_the_name_of_other_sites_are_refused(toolbox: Toolbox) -> None:
    with served(toolbox) as url:
        for origin in ("https://evil.example", "http://localhost.evil.example", "null"):
            assert post(url, Origin=origin).status_code == 403
            modern = {"MCP-Protocol-Version": ERAS["auto"]}
            assert post(url, Origin=origin, **modern).status_code == 403


def test_no_other_site_is_allowed_to_read(toolbox: Toolbox) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    with served(toolbox) as url, httpx2.Client() as client:
        for answer in (client.options(url, headers=asked), post(url, **asked)):
            assert not [name for name in answer.headers if name.startswith("access-control")]
        assert client.get(url.removesuffix("/mcp")).status_code == 404


@pytest.mark.parametrize(
    "shown",
    [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": TOKEN}, {"X-Token": TOKEN}],
)
def test_without_the_token_nothing_is_answered(toolbox: Toolbox, shown: dict[str, str]) -> None:
    with served(toolbox, TOKEN) as url:
        for answer in (post(url, **shown), post(url.removesuffix("/mcp"), **shown)):
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "textseg" not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_of_the_token_is_read_in_any_case(toolbox: Toolbox, scheme: str) -> None:
    with served(toolbox, TOKEN) as url:
        assert post(url, Authorization=f"{scheme} {TOKEN}").status_code == 200
        assert post(url, Authorization=f"{scheme} {TOKEN.upper()}").status_code == 401


def test_methods_are_told_to_those_who_may_ask(toolbox: Toolbox) -> None:
    preflight = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    with served(toolbox) as url, httpx2.Client() as client:
        for headers in ({}, preflight):
            answer = client.options(url, headers=headers)
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["allow"] == "GET, POST, DELETE, OPTIONS"
        assert client.options(url, headers={"Origin": "https://evil.example"}).status_code == 403
        assert client.options(url, headers={"Host": "evil.example"}).status_code == 421
    with served(toolbox, TOKEN) as url, httpx2.Client() as client:
        assert client.options(url, headers=preflight).status_code == 401


@pytest.mark.parametrize("mode", ERAS)
def test_with_the_token_everything_is(toolbox: Toolbox, mode: str) -> None:
    async def ask(url: str) -> int:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as web:
            transport = streamable_http_client(url, http_client=web)
            async with Client(transport, mode=mode) as client:
                return len((await client.list_tools()).tools)

    with served(toolbox, TOKEN) as url:
        assert asyncio.run(ask(url)) == len(offered(toolbox))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "studio.example"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(InvalidInputError, match="token"):
        Address(host, 8000)
    assert Address(host, 8000, TOKEN).token == TOKEN


def test_short_token_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="16"):
        Address("127.0.0.1", 8000, "1234")


# -- clients that go


@pytest.mark.parametrize("mode", ERAS)
def test_client_that_goes_takes_nothing_finished_with_it(
    toolbox: Toolbox, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(toolbox.shelf, "preview", lambda handle: gate.wait())

    async def leave(url: str) -> list[dict[str, Any]]:
        await gone_at(gate, url, mode)
        gate.opened.set()
        async with Client(url, mode=mode) as client:
            images: list[dict[str, Any]] = facts_of(await client.call_tool("list_images", {}))[
                "images"
            ]
            return images

    with served(toolbox) as url:
        images = asyncio.run(leave(url))
    assert [image["made_by"] for image in images if image["latest"]] == ["edit"]


def test_work_for_a_client_that_has_gone_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    toolbox = make_toolbox(tmp_path, Gated(gate=gate))
    flags: list[CancelToken] = []
    monkeypatch.setattr(toolbox, "edit_image", partial(noted, flags, toolbox.edit_image))

    async def leave(url: str) -> None:
        await gone_at(gate, url, "auto")
        await until_true(lambda: flags[0].cancelled)
        gate.opened.set()

    with served(toolbox) as url:
        asyncio.run(leave(url))
        with toolbox.host.turns.turn():  # nobody works any more
            pass
    assert gate.passed == 1
    assert toolbox.workspace.count() == 1


def noted(
    flags: list[CancelToken],
    edit: Callable[..., EditResult],
    arguments: EditArguments,
    *,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> EditResult:
    """Edit, and keep the flag that stops it."""
    flags.append(cancel)
    return edit(arguments, progress=progress, cancel=cancel)


async def gone_at(gate: Gate, url: str, mode: str) -> None:
    """Ask for an edit, and drop the connection when a gate is reached."""
    async with httpx2.AsyncClient(headers=HEADERS, timeout=PATIENCE) as web:
        headers: dict[str, str] = {"MCP-Protocol-Version": ERAS[mode]}
        params: dict[str, Any] = {"name": "edit_image", "arguments": EDIT}
        if mode == "legacy":
            hello = await web.post(url, json=HELLO)
            headers["MCP-Session-Id"] = hello.headers["mcp-session-id"]
            ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            await web.post(url, json=ready, headers=headers)
        else:
            prefix = "io.modelcontextprotocol/"
            params["_meta"] = {
                f"{prefix}protocolVersion": ERAS[mode],
                f"{prefix}clientInfo": {"name": "test", "version": "0"},
                f"{prefix}clientCapabilities": {},
            }
            headers |= {"Mcp-Method": "tools/call", "Mcp-Name": "edit_image"}
        message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
        asking = asyncio.create_task(web.post(url, json=message, headers=headers))
        await until(gate.reached)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


# -- the command


def test_command_picks_a_port_and_ends_when_it_is_interrupted(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    write_garden(pictures)
    code = "from agent_tools.mcp_server import main; main()"
    options = ["--root", str(pictures), "--workspace", str(tmp_path / "results"), "--http", "0"]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            first, second = (process.stderr.readline() for _ in range(2))
            assert str(tmp_path / "results") in first
            found = re.search(r"http://127\.0\.0\.1:\d+/mcp", second)
            assert found is not None
            handle = asyncio.run(interrupted_at_work(found[0], process))
            stdout, stderr = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert (stdout, stderr) == ("", "")
    assert len(handle) == len("img_") + 26  # 128 bits, five in a letter


async def interrupted_at_work(url: str, process: subprocess.Popen[str]) -> str:
    """Interrupt a server that works on a picture, and return the handle of the picture."""
    async with Client(url, mode="legacy") as client:
        asking = asyncio.create_task(client.call_tool("edit_image", EDIT))
        images: list[dict[str, Any]] = []
        while not images and not asking.done():
            images = facts_of(await client.call_tool("list_images", {}))["images"]
        process.send_signal(signal.SIGINT)
        await asyncio.gather(asking, return_exceptions=True)
    handle: str = images[0]["handle"]
    return handle


def test_port_of_one_server_is_not_taken_by_another() -> None:
    with listen(Address("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        assert first.family == socket.AF_INET
        with pytest.raises(Exception, match=f"port {port}"):
            listen(Address("127.0.0.1", port))
