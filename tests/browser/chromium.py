"""The system's Chromium: where it is, and what to say when there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def find_chromium() -> str:
    """The path of a Chromium; without one the test is skipped, or fails where it is required."""
    named = os.environ.get("TEXTSEG_CHROMIUM")
    if named and not Path(named).exists():
        pytest.fail(f"TEXTSEG_CHROMIUM={named} is no file", pytrace=False)
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    words = (
        "NO BROWSER, SO NOTHING IN IT WAS TESTED: apt-get install chromium, or name one with "
        "TEXTSEG_CHROMIUM=/path"
    )
    if required():
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def required() -> bool:
    """Whether no browser is a failure: on a build server, or where somebody said so."""
    return any(
        os.environ.get(name, "") not in ("", "0", "false")
        for name in ("CI", "TEXTSEG_REQUIRE_BROWSER")
    )
