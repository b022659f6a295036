"""The pages build without a warning, and every link between them leads somewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import textseg
from docs.extensions.docstrings import mark_code
from docs.extensions.links import broken_links
from docs.extensions.repository import ROOT, lead_to_pages
from docs.extensions.versions import list_versions
from textseg import errors

MADE = ("_build", "gallery", "explained")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The pages without what builds of them left behind, and the files that they show."""
    for name in ("docs", "examples", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(*MADE))
    for path in ROOT.glob("*.md"):
        shutil.copy(path, tmp_path)
    for name in ("textseg", "agent_tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_the_pages_build_without_a_warning_beside_those_of_other_versions(checkout: Path) -> None:
    """Pictures are left out: the examples run in a test of their own."""
    site = checkout / "site"
    (site / "0.1").mkdir(parents=True)
    options = ["-q", "-W", "--keep-going", "-D", "plot_gallery=0"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "docs", "site/0.20"],
        cwd=checkout,
        env=os.environ | {"TEXTSEG_DOCS_BASE": "/pages/"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert (site / "0.20" / "explained" / "plot_how_it_works.html").exists()
    listed = json.loads((site / "switcher.json").read_text())
    assert [(each["url"], each["preferred"]) for each in listed] == [
        ("/pages/0.20/", True),
        ("/pages/0.1/", False),
    ]
    assert "url=/pages/0.20/" in (site / "index.html").read_text()
    assert "version-switcher__button" in (site / "0.20" / "index.html").read_text()


def test_versions_are_sorted_as_numbers_and_nothing_else_is_one(tmp_path: Path) -> None:
    for name in ("0.9", "0.10", "switcher.json", "dev"):
        (tmp_path / name).mkdir()
    assert [each["version"] for each in list_versions(tmp_path, "/")] == ["0.10", "0.9"]


def test_a_link_to_no_page_and_one_to_no_place_are_found(tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text(
        '<a id="here" href="#here"><a href="#gone"><a href="https://elsewhere.org/x#y">'
        '<a href="two.html#there"><a href="two.html#gone"><img src="no.png"><a href="two.html">'
    )
    (tmp_path / "two.html").write_text('<p id="there">')
    assert broken_links(tmp_path) == [
        "one.html: #gone",
        "one.html: no.png",
        "one.html: two.html#gone",
    ]


def test_links_to_files_beside_the_pages_lead_to_their_pages() -> None:
    text = "[a](../SECURITY.md#how) [b](../textseg/ray.py) [c](start/many.md#x) [d](#e) [f](no.md)"
    led = (
        "[a](/project/security.md) [b](/../textseg/ray.py) [c](/start/many.md#x) [d](#e) [f](no.md)"
    )
    assert lead_to_pages(text, ROOT / "docs") == led
    assert lead_to_pages("[x](docs/panel.png)", ROOT) == "[x](/panel.png)"


def test_what_is_indented_in_a_docstring_is_code_and_parts_are_not() -> None:
    text = "Say.\n\n    segment(1)\n\n    more\n\nArgs:\n    one: of them.\n\n    Still one."
    expected = text.replace("    segment", ".. code-block:: python\n\n    segment")
    assert mark_code(text.split("\n")) == expected.split("\n")
    assert mark_code(["As it is::", "", "    here"]) == ["As it is::", "", "    here"]


def test_every_public_name_stands_in_the_reference() -> None:
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs/reference").glob("*.md")]
    shown = set(re.findall(r"^\.\. auto\w+:: (?:textseg\.)?(\S+)$", "\n".join(pages), re.MULTILINE))
    assert {*textseg.__all__} - shown == {"__version__"}
    own = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.TextsegError)
    }
    told = "\n".join(pages).split("textseg.errors\n   :members:")[1].split("\n   :exclude")[0]
    assert {*re.findall(r"\w+", told)} == own
