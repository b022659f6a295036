"""Links to files beside this folder lead to their pages; a forge follows them as they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changelog.md",
    "notebooks/README.md": "project/notebooks.md",
    "textseg/picturebook/MODEL_CARD.md": "model_card.md",
}
ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def lead_to_pages(text: str, folder: Path) -> str:
    """Return Markdown of ``folder`` whose links hold from everywhere.

    Those to a file that has a page here lead to the page, as they do to pages; others to the file.
    """

    def page(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / found[1]))  # not where a symbolic link leads
        if not (target.is_relative_to(ROOT) and target.is_file()):
            return found[0]
        name = target.relative_to(ROOT).as_posix()
        if name in PAGES:
            return f"](/{PAGES[name]})"  # its headings are others
        place = name.removeprefix("docs/") if name.startswith("docs/") else f"../{name}"
        return f"](/{place}{found[2] or ''})"

    return LINK.sub(page, text)


def read_page(app: Sphinx, name: str, content: list[str]) -> None:
    """Lead the links of a page."""
    content[0] = lead_to_pages(content[0], (Path(app.srcdir) / name).parent)


def read_file(app: Sphinx, path: Path, name: str, content: list[str]) -> None:
    """Lead the links of a file that a page shows."""
    content[0] = lead_to_pages(content[0], (Path(app.srcdir) / path).parent)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page and file as it is read."""
    app.connect("source-read", read_page)
    app.connect("include-read", read_file)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
