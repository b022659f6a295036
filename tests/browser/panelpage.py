"""Where things are in a panel, in whatever page that is."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page

TREE = "Picture of 400 by 240 pixels. tree: 39% of the picture"
FOUND = f"{TREE}; boat: not in this picture."  # of what the scenes look for


def panel_of(page: Page) -> Locator:
    return page.locator(".textseg-panel")


def button_of(panel: Locator, name: str) -> Locator:
    """A button by its words: its icon is a letter of the name as well."""
    return panel.locator(".jupyter-button").filter(has_text=re.compile(f"^{name}$"))


def press(panel: Locator, name: str) -> None:
    button_of(panel, name).click()


def line_of(panel: Locator) -> Locator:
    """The line about the work."""
    return panel.locator(".widget-html [role=status]")


def found_in(panel: Locator) -> Locator:
    """What is said below the picture of what was found in it."""
    return panel.locator(".ts-masks .ts-status")
