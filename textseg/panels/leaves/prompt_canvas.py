"""A picture with a mask to be corrected by hand: points, boxes, a brush, and their opposites."""

from __future__ import annotations

import traitlets

from textseg.panels.leaves.leaf import Colour, ZoomedLeaf, content, script
from textseg.segmentation.drawing import COLOURS


class PromptCanvas(ZoomedLeaf):
    """A picture with a soft mask, and what a person wants to be different.

    The right button, or Shift with a key, does the opposite of the tool. Undo, redo and reset act
    in the browser, in the order in which things were done.

    Attributes:
        image: content of an image file, see ``picture_bytes``; empty: nothing to show yet.
        mask: content of an 8-bit grey PNG file, see ``soft_bytes``; empty: no mask.
        color: of the mask, "#rrggbb".
        tool: "keep" only, or "drop", the regions that are pointed at; "paint" or "erase".
        shape: of what "keep" and "drop" point with, "point" or "box".
        radius: of the brush in pixels of the picture.
        corrections: in the order made, each what ``textseg.toolbox.Correction`` is made of. Points
            to keep that follow one another are one correction: alone, each would drop the others.
    """

    _esm = script("prompt_canvas.js")

    image = content()
    mask = content()
    color = Colour(COLOURS[0]).tag(sync=True)

    tool = traitlets.Enum(["keep", "drop", "paint", "erase"], "keep").tag(sync=True)
    shape = traitlets.Enum(["point", "box"], "point").tag(sync=True)
    radius = traitlets.Float(12, min=0.5, max=4096).tag(sync=True)
    corrections = traitlets.List(traitlets.Dict()).tag(sync=True)
