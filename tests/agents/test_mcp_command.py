"""What the command refuses, in one line and with an exit code."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent_tools.mcp import stdio
from agent_tools.mcp.command import app
from tests.agents.mcp_helpers import ROOT
from textseg.images import MAX_PIXELS
from textseg.toolbox import Toolbox


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return how the command ended in a process of its own, with nothing on standard input."""
    code = "from agent_tools.mcp_server import main; main()"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(*options: str, **environment: str) -> Result:
    """Return how the command ended in this process, where it must not come to serving."""
    return CliRunner().invoke(app, options, env=environment)


def said(result: Result, code: int) -> str:
    """Return the one line that the command said before it ended with a code."""
    assert (result.exit_code, result.stdout) == (code, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("textseg-mcp: ")
    return line


@pytest.mark.parametrize("module", ["mcp", "mcp_types"])  # not at all, or only version 1
def test_without_the_sdk_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    line = said(refused("--root", str(tmp_path)), 1)
    assert line.endswith("pip install 'textseg[mcp]'")


@pytest.mark.parametrize("kind", ["missing", "disk", "home", "above home", "file"])
def test_root_that_is_missing_or_too_wide_is_refused(tmp_path: Path, kind: str) -> None:
    home = tmp_path / "people" / "somebody"
    home.mkdir(parents=True)
    (tmp_path / "file").touch()
    root = {
        "missing": tmp_path / "nowhere",
        "disk": Path("/"),
        "home": home,
        "above home": tmp_path / "people",
        "file": tmp_path / "file",
    }[kind]
    line = said(refused("--root", str(root), HOME=str(home)), 2)
    assert repr(str(root)) in line


def test_root_has_to_be_given() -> None:
    result = refused()
    assert result.exit_code == 2
    assert "--root" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--host", "0.0.0.0", "--http", "0"),
        ("--host", "192.0.2.1"),
        ("--token-file", "token"),
        ("--http", "0", "--token-file", "missing"),
        ("--http", "0", "--token-file", "short"),
        ("--model", ""),
        ("--model", "no-such-model"),
        ("--http", "0", "--model", "no-such-model"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "short").write_text("1234\n")
    given = [str(tmp_path / each) if each in ("short", "missing") else each for each in options]
    said(refused("--root", str(tmp_path), "--workspace", str(tmp_path / "results"), *given), 2)
    assert not (tmp_path / "results").exists()


def test_model_that_does_not_exist_is_told_with_those_that_do(tmp_path: Path) -> None:
    line = said(refused("--root", str(tmp_path), "--model", "no-such-model"), 2)
    assert "unknown model 'no-such-model'; known: " in line
    assert "picturebook" in line
    line = said(refused("--root", str(tmp_path), "--model", str(tmp_path / "missing")), 1)
    assert "there is no model folder" in line


def test_workspace_that_cannot_be_written_is_told_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, **settings: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    line = said(refused("--root", str(tmp_path), "--workspace", str(tmp_path / "results")), 1)
    assert f"{tmp_path / 'results'}: " in line
    assert line.endswith("make room on the disk")


@pytest.mark.skipif(os.name != "posix", reason="closes streams")
def test_without_standard_error_it_serves_until_the_client_is_gone(tmp_path: Path) -> None:
    code = "from agent_tools.mcp_server import main; main()"
    options = ["--root", str(tmp_path), "--workspace", str(tmp_path / "results")]
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *options],
        cwd=ROOT,
        input=json.dumps(hello).encode() + b"\n",
        stdout=subprocess.PIPE,
        preexec_fn=partial(os.close, 2),
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["id"] == 1


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_interrupt_during_imports_is_no_traceback(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Slow:\n"
        "    def find_spec(name, path, target=None):\n"
        "        if name == 'typer':\n"
        "            print('importing', flush=True)\n"
        "            time.sleep(60)\n"
        "sys.meta_path.insert(0, Slow)\n"
        "from agent_tools.mcp_server import main\n"
        "main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "--root", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == -signal.SIGINT


def test_largest_picture_is_for_who_starts_the_server_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Toolbox] = []
    monkeypatch.setattr("agent_tools.mcp.server.build", lambda toolbox, **_: served.append(toolbox))
    monkeypatch.setattr(stdio, "run_stdio", lambda _: None)
    started = ("--root", str(tmp_path), "--workspace", str(tmp_path / "kept"))
    for options, limit in (((), MAX_PIXELS), (("--max-pixels", "77"), 77)):
        assert CliRunner().invoke(app, [*started, *options]).exit_code == 0
        assert served.pop().workspace.limits.max_pixels == limit


def test_token_that_is_too_short_is_refused_from_the_environment_too(tmp_path: Path) -> None:
    result = refused("--root", str(tmp_path), "--http", "0", TEXTSEG_MCP_TOKEN="1234")
    line = said(result, 2)
    assert "4 characters" in line
    assert "1234" not in line


def test_without_a_workspace_it_says_where_results_are(tmp_path: Path) -> None:
    done = run("--root", str(tmp_path), TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")
    folder = Path(done.stderr.strip().rpartition(" ")[2])
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700


def test_port_that_is_taken_is_an_error_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        results = str(tmp_path / "results")
        line = said(refused("--root", str(tmp_path), "--workspace", results, "--http", port), 1)
    assert f"port {port}" in line
    assert not os.path.exists(results)
