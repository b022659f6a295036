"""A real browser; in it a blank page for a single leaf, or a notebook in JupyterLab."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.lab import Notebook, Server, running_lab
from tests.browser.leafpage import LeafPage


# Not for the session: as long as it is there, an event loop counts as running in this thread, and
# tests elsewhere that start their own could not.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def leaf_page(browser: Browser) -> LeafPage:
    return LeafPage(browser.new_page())  # a new one for each test would take most of the time


@pytest.fixture
def blank(leaf_page: LeafPage) -> Iterator[LeafPage]:
    """A blank page for one leaf; it may neither complain nor ask anything of the world outside."""
    leaf_page.clear()
    yield leaf_page
    leaf_page.watch.check()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab on the loopback."""
    with running_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


class Desk:
    """Lends a notebook to one test after another; none that a test failed with."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self._browser, self._server = browser, server
        self._free: list[Notebook] = []

    def lend(self) -> Notebook:
        return self._free.pop() if self._free else self._new()

    def take_back(self, notebook: Notebook) -> None:
        """Take a notebook that is as it should be, to be lent again."""
        notebook.close()
        self._free.append(notebook)

    def _new(self) -> Notebook:
        page = self._browser.new_page(viewport={"width": 1200, "height": 1600})
        page.set_default_timeout(20_000)
        return Notebook(page, self._server)


@pytest.fixture(scope="module")
def desk(browser: Browser, lab: Server) -> Desk:
    return Desk(browser, lab)


@pytest.fixture
def nb(desk: Desk, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Notebook]:
    """A notebook in JupyterLab; a picture of how it ended if it failed or SHOTS names a folder."""
    failed = request.session.testsfailed
    found = desk.lend()
    found.watch.forget()
    expect.set_options(timeout=20_000)  # ms; reached only when something is wrong
    yield found
    expect.set_options(timeout=5_000)  # Playwright's own
    well = request.session.testsfailed == failed
    if "SHOTS" in os.environ or not well:
        shots = Path(os.environ.get("SHOTS", tmp_path))
        found.page.screenshot(path=shots / f"{request.node.name}.png")
    if well:
        desk.take_back(found)
    else:
        found.page.close()
    found.watch.check()
