"""A picture before and after, one over the other, with a line between them to be moved."""

from __future__ import annotations

import traitlets

from textseg.panels.leaves.leaf import PictureLeaf, content, script


class CompareView(PictureLeaf):
    """Two pictures of one size: left of a line the first, right of it the second.

    Attributes:
        before: content of an image file, see ``picture_bytes``.
        after: likewise.
        mask: content of an 8-bit grey PNG file, see ``soft_bytes``, whose outline is drawn on
            demand; empty: there is none.
        change: what was done between the two, in words for those who hear them, e.g. "tree → boat";
            empty: not told.
        position: of the line, in percent of the width.
        beside: whether the two lie side by side instead.
        outline: whether the outline of the mask is shown.
    """

    _esm = script("compare_view.js")

    before = content()
    after = content()
    mask = content()
    change = traitlets.Unicode("").tag(sync=True)

    position = traitlets.Float(50, min=0, max=100).tag(sync=True)
    beside = traitlets.Bool(False).tag(sync=True)
    outline = traitlets.Bool(False).tag(sync=True)
