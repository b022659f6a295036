"""A picture with what was found in it: colours, outlines, and a threshold that acts at once."""

from __future__ import annotations

import traitlets

from textseg.panels.leaves.leaf import Colour, ZoomedLeaf, content, script
from textseg.segmentation.drawing import COLOURS


class MaskView(ZoomedLeaf):
    """A picture with soft masks over it, cut and mixed in the browser: nobody is asked again.

    The masks are sent once; threshold, opacity, the choice of queries and of soft or hard are
    followed within a frame, also while the kernel is busy. A pixel is inside a mask where its value
    is above 255 x ``threshold``; at whole hundredths, where the slider stops, these are the pixels
    that Python cuts out. Shares are counted on a mask as it was sent, however large it is drawn.

    Attributes:
        image: content of an image file, see ``picture_bytes``; empty: nothing to show yet.
        masks: contents of 8-bit grey PNG files, see ``soft_bytes``, one a query.
        labels: the queries.
        colors: "#rrggbb", one a query, from the start again where they run out.
        presence: probability that each query is in the picture; None where nothing can be said.
        present: the decision about it; None where it holds words that the model does not know.
        visible: whether each mask is shown; of those not mentioned, the present ones are.
        threshold: where the masks are cut, 0 to 1.
        opacity: of the colours, 0 to 1; 0 is the plain picture.
        soft: whether the colours fade with the mask instead of stopping at the cut.
        selected: which of the queries is corrected or retouched.
        repaint_ms: written by the browser, once a second at most: the median of the time that the
            last repaints took.
    """

    _esm = script("mask_view.js")

    image = content()
    masks = traitlets.List(traitlets.Bytes()).tag(sync=True, echo_update=False)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    colors = traitlets.List(Colour(), default_value=list(COLOURS), minlen=1).tag(sync=True)
    presence = traitlets.List(traitlets.Float(0.0, min=0, max=1, allow_none=True)).tag(sync=True)
    present = traitlets.List(traitlets.Bool(allow_none=True)).tag(sync=True)

    visible = traitlets.List(traitlets.Bool()).tag(sync=True)
    threshold = traitlets.Float(0.5, min=0, max=1).tag(sync=True)
    opacity = traitlets.Float(0.55, min=0, max=1).tag(sync=True)
    soft = traitlets.Bool(False).tag(sync=True)
    selected = traitlets.Int(0, min=0).tag(sync=True)

    repaint_ms = traitlets.Float(0, min=0).tag(sync=True)
