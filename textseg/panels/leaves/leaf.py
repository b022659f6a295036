"""What the leaves have in common: the picture's size, one style sheet, one way to load a script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent


def script(name: str) -> str:
    """Return a leaf's ES module: what all of them use, and the file of that name.

    A module that a widget is sent as text cannot import its neighbour, so the two are one.
    """
    return "\n".join((HERE / part).read_text(encoding="utf-8") for part in ("leaf.js", name))


class Colour(traitlets.Unicode[str, str | bytes]):
    """A trait that is a colour, "#rrggbb"."""

    info_text = 'a colour, "#rrggbb"'

    def validate(self, obj: Any, value: Any) -> str:  # Any: as traitlets has it
        """Return the value where it is a colour.

        Raises:
            TraitError: it is none.
        """
        text = super().validate(obj, value)
        if not isinstance(text, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
            self.error(obj, value)
        return text


class Leaf(anywidget.AnyWidget):
    """A widget that is nothing but its traits.

    Of the keys that are pressed in it only the one that saves, Ctrl or Cmd with S, reaches the
    notebook, and nothing is fetched from anywhere.
    """

    _css = (HERE / "leaf.css").read_text(encoding="utf-8")


class PictureLeaf(Leaf):
    """A leaf that shows a picture.

    Attributes:
        height: of the picture in pixels; what is sent of it may be smaller.
        width: likewise.
    """

    height = traitlets.Int(0, min=0).tag(sync=True)
    width = traitlets.Int(0, min=0).tag(sync=True)


def content() -> traitlets.Bytes:
    """Return a trait for the content of an image file: large, and never sent back to the sender."""
    return traitlets.Bytes(b"").tag(sync=True, echo_update=False)
