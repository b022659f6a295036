"""The panels in Voila, which shows what a notebook's cells put out as a page of its own."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.cells import CREATE, EDIT, PRELUDE, SEGMENT
from tests.browser.lab import START, Server, free_port, running, write_notebook
from tests.browser.panelpage import FOUND, TREE, found_in, panel_of, press
from tests.browser.watching import Watch

pytestmark = pytest.mark.browser

# Voila's own page links these icons; here they are answered with nothing, so that no request leaves
ICONS = "https://cdn.jsdelivr.net/npm/@fortawesome/"
# wants a whole JupyterLab around it, and complains in the console where there is none
ALIEN = "jupyterlab-jupytext"


@pytest.fixture(scope="module")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    scratch = tmp_path_factory.mktemp("voila")
    port = free_port()
    server = Server(
        f"http://127.0.0.1:{port}",
        secrets.token_hex(16),
        scratch / "root",
        scratch / "log",
        answers="/",
    )
    server.folder.mkdir()
    own = (
        "--no-browser",
        "--Voila.ip=127.0.0.1",
        f"--Voila.port={port}",
        "--Voila.port_retries=0",
        f"--Voila.token={server.token}",
        f"--Voila.root_dir={server.folder}",
        f"--VoilaConfiguration.extension_denylist={ALIEN}",
    )
    with running(server, "voila", *own):
        yield server


@pytest.fixture
def page(browser: Browser, voila: Server, tmp_path: Path) -> Iterator[Page]:
    """A page that may neither complain nor ask anything of the world outside."""
    found = browser.new_page(viewport={"width": 1200, "height": 1600})
    found.set_default_timeout(20_000)
    watch = Watch(found, voila.url, voila.url.replace("http", "ws"), ICONS)
    found.route(f"{ICONS}**", lambda route: route.fulfill(content_type="text/css", body=""))
    yield found
    found.screenshot(path=Path(os.environ.get("SHOTS", tmp_path)) / "voila.png", full_page=True)
    found.close()
    watch.check()


def test_panels_work_in_voila(page: Page, voila: Server) -> None:
    name = write_notebook(voila.folder, PRELUDE, SEGMENT, EDIT, CREATE)
    page.goto(f"{voila.url}/voila/render/{name}?token={voila.token}", timeout=START * 1000)
    expect(panel_of(page)).to_have_count(3, timeout=START * 1000)
    first, second, third = panel_of(page).all()
    press(first, "Find")
    expect(found_in(first)).to_have_text(FOUND, timeout=START * 1000)
    picture = first.get_by_role("img")
    expect(picture).to_have_accessible_name(re.compile("tree: 39% of the picture"))
    slider = first.get_by_role("slider", name="Threshold")
    slider.press("End")
    expect(picture).to_have_accessible_name(re.compile("tree: 0% of the picture"))
    press(first, "Copy as Python")
    expect(first.get_by_role("textbox", name="To copy")).to_have_value(re.compile("1\\.0"))
    press(second, "Show mask")
    expect(found_in(second)).to_have_text(f"{TREE}.", timeout=START * 1000)
    expect(third.get_by_role("textbox", name="Show", exact=True)).to_have_value("a tree")
