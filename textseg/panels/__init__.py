"""Panels for notebooks: find, correct, change and compare, with the pictures in front of you.

    from textseg.panels import SegmentPanel

    SegmentPanel("photo.jpg")

A panel is made of ordinary widgets around a controller, which does what the buttons say and knows
no widget, and of leaves, which draw in the browser and know nothing but their traits. Each name is
loaded when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textseg.panels.create_panel import CreatePanel
    from textseg.panels.edit_panel import EditPanel
    from textseg.panels.leaves.compare_view import CompareView
    from textseg.panels.leaves.mask_view import MaskView
    from textseg.panels.leaves.prompt_canvas import PromptCanvas
    from textseg.panels.segment_panel import SegmentPanel

__all__ = [
    "CompareView",
    "CreatePanel",
    "EditPanel",
    "MaskView",
    "PromptCanvas",
    "SegmentPanel",
]

_HOMES = {
    "CompareView": "textseg.panels.leaves.compare_view",
    "CreatePanel": "textseg.panels.create_panel",
    "EditPanel": "textseg.panels.edit_panel",
    "MaskView": "textseg.panels.leaves.mask_view",
    "PromptCanvas": "textseg.panels.leaves.prompt_canvas",
    "SegmentPanel": "textseg.panels.segment_panel",
}


def __getattr__(name: str) -> object:
    """Import a public name from where it lives, on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
