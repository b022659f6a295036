"""Pages of several versions beside each other, of which the header of each offers the others.

Only where TEXTSEG_DOCS_BASE says under which address they will lie, "/" for a host of their own. A
build then goes into a folder with the name of its version (`make docs-version`), and what lies
beside that folder is listed anew.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

LIST = "switcher.json"
VERSION = re.compile(r"\d+(?:\.\d+)+")


def list_versions(site: Path, base: str) -> list[dict[str, Any]]:  # Any: JSON
    """Return what the theme's switcher reads: the versions whose folders are there, newest first.

    Args:
        site: the folder that holds a folder a version.
        base: the address that ``site`` will have, with a slash at its end.
    """
    names = [each.name for each in site.iterdir() if VERSION.fullmatch(each.name)]
    names.sort(key=lambda name: [*map(int, name.split("."))], reverse=True)
    return [
        {"name": name, "version": name, "url": f"{base}{name}/", "preferred": name == names[0]}
        for name in names
    ]


def offer_versions(app: Sphinx, config: Config) -> None:
    """Put the switcher into the header."""
    # its address is told from the top of a version's pages
    switcher = {"json_url": f"../{LIST}", "version_match": config.version}
    config.html_theme_options |= {
        "switcher": switcher,
        "check_switcher": False,  # written after the pages
        "navbar_center": ["version-switcher", "navbar-nav"],
        "show_version_warning_banner": True,
    }


def write_versions(app: Sphinx, error: Exception | None) -> None:
    """List the versions, and lead whoever comes without one to the newest."""
    if error is None:
        site = app.outdir.parent
        listed = list_versions(Path(site), os.environ["TEXTSEG_DOCS_BASE"])
        (site / LIST).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
        newest = f'<meta http-equiv="refresh" content="0; url={listed[0]["url"]}">\n'
        (site / "index.html").write_text(newest, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Do nothing without an address."""
    if "TEXTSEG_DOCS_BASE" in os.environ:
        app.connect("config-inited", offer_versions, priority=100)  # before the theme looks
        app.connect("build-finished", write_versions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
