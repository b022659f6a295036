"""A real browser; in it a blank page for a single leaf, or a notebook in JupyterLab."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

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


@pytest.fixture
def nb(
    browser: Browser, lab: Server, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Notebook]:
    """A notebook in JupyterLab; SHOTS names the folder for a picture of how it ended."""
    context = browser.new_context(viewport={"width": 1200, "height": 1600})
    page = context.new_page()
    page.set_default_timeout(20_000)
    found = Notebook(page, lab)
    yield found
    shots = Path(os.environ.get("SHOTS", tmp_path))
    page.screenshot(path=shots / f"{request.node.name}.png")
    context.close()
    found.watch.check()
