"""What a page must not do: complain, or ask anything of the world outside."""

from __future__ import annotations

from playwright.sync_api import Page

INSIDE = ("data:", "blob:", "about:")


class Watch:
    """Collects the errors and the requests to elsewhere of a page."""

    def __init__(self, page: Page, *allowed: str) -> None:
        self.errors: list[str] = []
        self.external: list[str] = []
        self._allowed = (*INSIDE, *allowed)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("request", lambda request: self._see(request.url))

    def check(self) -> None:
        """Fail when there was any."""
        assert not self.errors, self.errors  # pytest shows what a test file compares, not this one
        assert not self.external, self.external

    def forget(self) -> None:
        """Begin anew."""
        self.errors.clear()
        self.external.clear()

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    def _see(self, url: str) -> None:
        if not url.startswith(self._allowed):
            self.external.append(url)
