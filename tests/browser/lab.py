"""A JupyterLab on this machine's loopback, and a notebook in it, driven through the page."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page

from tests.browser.watching import Watch

ROOT = Path(__file__).parents[2]
START = 90.0  # seconds that a server may take on a busy machine

OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}
}

HAS_STATUS = """
(status) => {
  const shown = window.jupyterapp?.shell.currentWidget;
  return shown?.context?.isReady && shown.sessionContext?.session?.kernel?.status === status;
}
"""
ASK = """
async (expression) => {
  const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
  const asked = {code: "", user_expressions: {x: expression}, store_history: false, silent: false};
  return (await kernel.requestExecute(asked).done).content.user_expressions.x;
}
"""
OPEN = """
async ([path, id]) => {
  await window.jupyterapp.commands.execute("docmanager:open", {path, kernel: {id}});
}
"""
CLOSE = """
async (code) => {
  const {currentWidget} = window.jupyterapp.shell;
  const {kernel} = currentWidget.sessionContext.session;
  const {content} = await kernel.requestExecute({code}).done;
  if (content.status !== "ok") throw new Error(JSON.stringify(content));
  const {id} = kernel;
  const gone = new Promise((go) => currentWidget.disposed.connect(go));
  currentWidget.context.model.dirty = false; // or it asks whether to save
  currentWidget.close();
  await gone;
  return id;
}
"""
FORGET = """
import ipywidgets
ipywidgets.Widget.close_all()
get_ipython().run_line_magic("reset", "-f")
"""
INTERRUPT = """
() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()
"""
START_CODE = """
(code) => {
  window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code});
}
"""


@dataclass(frozen=True)
class Server:
    """A JupyterLab that runs, or another server of notebooks.

    Attributes:
        url: without a path.
        token: that it wants to see.
        folder: of its notebooks; what else is its own lies beside it.
        log: what it says.
        answers: path that answers as soon as it is ready.
    """

    url: str
    token: str
    folder: Path
    log: Path
    answers: str = "/api"


@contextmanager
def running_lab(scratch: Path) -> Iterator[Server]:
    """Start a JupyterLab with nothing of the user's in it; it ends with the block."""
    server = Server(
        f"http://127.0.0.1:{free_port()}", secrets.token_hex(16), scratch / "root", scratch / "log"
    )
    server.folder.mkdir()
    write_settings(scratch / "settings")
    port = server.url.rpartition(":")[2]
    own = (
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={server.token}",
        f"--ServerApp.root_dir={server.folder}",
    )
    with running(server, "jupyterlab", *OPTIONS, *own):
        yield server


@contextmanager
def running(server: Server, module: str, *options: str) -> Iterator[None]:
    """Run a module that serves what ``server`` says; it ends with the block."""
    process = launched(server, module, *options)
    try:
        wait_for(server, process)
        yield
    finally:
        stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_settings(folder: Path) -> None:
    for name, values in SETTINGS.items():
        file = folder / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")


def environment(scratch: Path) -> dict[str, str]:
    """The environment of the server: this one, but for the user's settings of Jupyter."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
    return {
        **kept,
        "JUPYTER_CONFIG_DIR": str(scratch / "config"),
        "JUPYTER_DATA_DIR": str(scratch / "data"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(scratch / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }


def launched(server: Server, module: str, *options: str) -> subprocess.Popen[bytes]:
    with server.log.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *options],
            env=environment(server.folder.parent),
            cwd=server.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # kernels are ended with it
        )


def wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"the server did not start:\n{server.log.read_text()[-3000:]}")
        try:
            urllib.request.urlopen(
                f"{server.url}{server.answers}?token={server.token}", timeout=2
            ).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)  # the group that was started here, and no other
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def write_notebook(folder: Path, *cells: str) -> str:
    """Write a notebook of these cells under a new name, and return that."""
    nb: Any = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    name = f"t{uuid.uuid4().hex[:8]}.ipynb"
    nbformat.write(nb, folder / name)
    return name


class Notebook:
    """A notebook in a page, and others after it; ``watch`` says what went wrong in it.

    JupyterLab is loaded and a kernel started for the first, which takes as long as a test does;
    those that follow find both there, and nothing of the earlier ones.
    """

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.watch = Watch(page, server.url, server.url.replace("http", "ws"))
        self._kernel = ""

    def open(self, *cells: str) -> Page:
        """Make a notebook of these cells, open it and run them all."""
        name = write_notebook(self.server.folder, *cells)
        if self._kernel:
            self.page.evaluate(OPEN, [name, self._kernel])
        else:
            self.page.goto(f"{self.server.url}/doc/tree/{name}?token={self.server.token}")
        self.wait_until("idle")
        ran = self.page.evaluate(
            "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
        )
        assert ran, "a cell raised"
        return self.page

    def close(self) -> None:
        """Close the notebook, and let its kernel forget what it did."""
        self._kernel = self.page.evaluate(CLOSE, FORGET)

    def wait_until(self, status: str) -> None:
        """Wait until the notebook is there and its kernel is "idle" or "busy"."""
        self.page.wait_for_function(HAS_STATUS, arg=status, timeout=START * 1000)

    def cells(self) -> int:
        """Return how many cells the notebook has."""
        found: int = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
        )
        return found

    def status(self) -> str:
        """Return what the kernel does, "idle" or "busy"."""
        found: str = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"
        )
        return found

    def ask(self, expression: str) -> str:
        """Return the value of an expression in the kernel, as its ``repr``."""
        answer = self.page.evaluate(ASK, expression)
        assert answer["status"] == "ok", answer
        return str(answer["data"]["text/plain"])

    def start(self, code: str) -> None:
        """Run code in the kernel and do not wait for it."""
        self.page.evaluate(START_CODE, code)

    def interrupt(self) -> None:
        """Stop what the kernel does."""
        self.page.evaluate(INTERRUPT)

    def until(self, expression: str, want: str, *, timeout: float = 10) -> None:
        """Wait until an expression in the kernel has this ``repr``."""
        end = time.monotonic() + timeout
        while (found := self.ask(expression)) != want:
            assert time.monotonic() < end, f"{expression} is {found}, not {want}"
            time.sleep(0.05)

    def theme(self, name: str) -> None:
        """Change to "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name
        )
        shown = f'body[data-jp-theme-name="{name}"]'
        self.page.wait_for_selector(shown, state="attached")
