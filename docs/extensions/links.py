"""Links within the pages, looked at after the build: a place that is not there is a warning."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


class Page(HTMLParser):
    """The places of a page and where its links lead, as they are written."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.places: set[str] = {""}
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what has a name, and what leads somewhere or shows something."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.places.add(value)
            if name in ("href", "src") and value:
                self.links.add(value)


def broken_links(root: Path) -> list[str]:
    """Return "page: link" for each link below ``root`` that leads to no file or place there."""
    files = [path for path in sorted(root.rglob("*.html")) if "_static" not in path.parts]
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in files}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            missing = target in pages and unquote(url.fragment) not in pages[target].places
            if missing or not target.exists():
                found.append(f"{path.relative_to(root)}: {link}")
    return found


def look(app: Sphinx, error: Exception | None) -> None:
    """Warn of broken links when pages were written."""
    if error is None and app.builder.name == "html":
        for link in broken_links(Path(app.outdir).resolve()):
            logger.warning("this leads nowhere: %s", link)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at the links of every build."""
    app.connect("build-finished", look, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
