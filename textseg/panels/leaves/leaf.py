"""What the leaves have in common: the picture's size, one style sheet, one way to load a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from textseg.panels.leaves.pictures import picture_bytes, soft_bytes

TILE_SIDE = 1600  # pixels: what screens show of a part, with some around it
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


class ZoomedLeaf(PictureLeaf):
    """A picture that can be zoomed into, down to its own pixels.

    What is sent first may be smaller than the picture; a part that is seen enlarged is asked for.

    Attributes:
        wanted: what is seen: [top, left, bottom, right] in pixels of the picture; [] for all of it.
        tile: content of an image file with that part, or what was seen before; empty: nothing yet.
        tile_masks: contents of 8-bit grey PNG files, its part of each mask.
        tile_box: where in the picture that is.
    """

    wanted = traitlets.List(traitlets.Int()).tag(sync=True)
    tile = traitlets.Bytes(b"").tag(sync=True, echo_update=False)
    tile_masks = traitlets.List(traitlets.Bytes()).tag(sync=True, echo_update=False)
    tile_box = traitlets.List(traitlets.Int()).tag(sync=True)

    def show_part(self, rgb: NDArray[np.uint8], masks: Sequence[NDArray[np.float32]]) -> None:
        """Send the part that is seen of a picture (H, W, 3) and of its masks (H, W), if any is."""
        box = _inside(self.wanted, rgb.shape[:2])
        if box is None:
            self.tile = b""
            return
        top, left, bottom, right = box
        part = slice(top, bottom), slice(left, right)
        with self.hold_sync():
            self.tile_box = box
            self.tile_masks = [soft_bytes(mask[part], longest=TILE_SIDE) for mask in masks]
            shown = rgb[part].astype(np.float32) / np.float32(255)
            self.tile = picture_bytes(shown, longest=TILE_SIDE)


def _inside(box: Sequence[int], size: tuple[int, ...]) -> list[int] | None:
    """Return a box within a picture; None where nothing of it is, or no box was given."""
    if len(box) != 4:
        return None
    (top, left, bottom, right), (height, width) = box, size
    clipped = [max(0, top), max(0, left), min(height, bottom), min(width, right)]
    return clipped if clipped[0] < clipped[2] and clipped[1] < clipped[3] else None


def content() -> traitlets.Bytes:
    """Return a trait for the content of an image file: large, and never sent back to the sender."""
    return traitlets.Bytes(b"").tag(sync=True, echo_update=False)
