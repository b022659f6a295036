"""Figures that a notebook shows as pictures; pyplot, which has a global state, is left alone."""

from __future__ import annotations

from matplotlib.figure import Figure

from textseg.segmentation.drawing import png


class Plot(Figure):
    """A figure that is a picture at the end of a cell, whichever backend is chosen, if any."""

    def _repr_png_(self) -> bytes:
        return png(self)
