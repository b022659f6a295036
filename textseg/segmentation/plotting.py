"""Figures that a notebook shows as pictures; pyplot, which has a global state, is left alone."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Plot(Figure):
    """A figure that is a picture at the end of a cell, whichever backend is chosen, if any."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=100)
        return stream.getvalue()
