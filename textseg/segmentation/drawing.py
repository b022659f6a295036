"""Pictures of masks for people: the thing in colour, the rest grey, a line around it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage import transform

from textseg.images import to_uint8

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# M. Okabe, K. Ito 2008, "Color Universal Design": told apart with any kind of colour vision
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
SHOWN_SIDE = 384  # smaller pictures are enlarged for display
PANEL_INCHES = 3.2


@dataclass(frozen=True)
class MaskLayer:
    """A soft mask (H, W) to draw in one colour ("#rrggbb"), with a line where it crosses ``line``.

    ``line`` None draws none.
    """

    soft: NDArray[np.float32]
    colour: str
    line: float | None = 0.5


@dataclass(frozen=True)
class FigureField:
    """One field of a figure: a title over a PIL image, or over values drawn on a colour scale."""

    title: str
    content: Image.Image | NDArray[Any]
    top: float | None = None


def overlay(
    rgb: NDArray[np.float32], layers: Sequence[MaskLayer], *, enlarge: int = 1
) -> Image.Image:
    """Return the picture (H, W, 3) with the layers lit up and what is in none of them greyed.

    ``enlarge`` draws every pixel as a square of that many, so that lines get finer.
    """
    canvas = rgb.repeat(enlarge, 0).repeat(enlarge, 1)
    softs = [_resized(layer.soft, canvas.shape[:2]) for layer in layers]
    lit = np.max(softs, axis=0)[..., None]
    grey = canvas @ np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601 luma
    canvas = lit * canvas + (1 - lit) * (0.12 + 0.5 * grey[..., None])
    for layer, soft in zip(layers, softs, strict=True):
        canvas = canvas + 0.12 * soft[..., None] * (_rgb(layer.colour) - canvas)
        if layer.line is not None:
            canvas = _outlined(canvas, soft > layer.line, _rgb(layer.colour))
    return Image.fromarray(to_uint8(canvas))


def display_scale(size: tuple[int, int]) -> int:
    """Return how often a picture (H, W) should be enlarged to be seen well."""
    return max(1, -(-SHOWN_SIDE // max(size)))


def png(image: Image.Image | Figure) -> bytes:
    """Return the content of a PNG file of a PIL image or a matplotlib figure."""
    stream = io.BytesIO()
    if isinstance(image, Image.Image):
        image.save(stream, format="PNG")
    else:
        image.savefig(stream, format="png", dpi=100)
    return stream.getvalue()


def figure(panels: Sequence[FigureField], *, columns: int = 4) -> Figure:
    """Return a matplotlib figure of the panels, row by row; it belongs to no window or notebook."""
    from textseg.segmentation.plotting import Plot

    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    found = Plot(figsize=(PANEL_INCHES * columns, PANEL_INCHES * rows), layout="constrained")
    axes = list(found.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        ax.set_axis_off()
    for ax, panel in zip(axes, panels, strict=False):
        _draw(found, ax, panel)
    return found


def _draw(into: Figure, ax: Axes, panel: FigureField) -> None:
    ax.set_title(panel.title, fontsize=10, parse_math=False)
    if isinstance(panel.content, Image.Image):
        ax.imshow(panel.content)
        return
    values = np.nan_to_num(panel.content)
    drawn = ax.imshow(values, cmap="cividis", vmin=0, vmax=panel.top or None)
    into.colorbar(drawn, ax=ax, fraction=0.035)


def _outlined(
    canvas: NDArray[np.float32], binary: NDArray[np.bool_], colour: NDArray[np.float32]
) -> NDArray[np.float32]:
    if not binary.any():
        return canvas
    width = max(1, round(min(binary.shape) / 150))
    away = ndimage.distance_transform_edt(~binary)
    line = (away > 0) & (away <= width)
    casing = (away > width) & (away <= 2 * width)  # dark: the line shows on any background
    found = np.where(casing[..., None], 0.35 * canvas, canvas)
    return np.asarray(np.where(line[..., None], colour, found), np.float32)


def _resized(soft: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(transform.resize(soft, size[:2], order=1, preserve_range=True), np.float32)


def _rgb(colour: str) -> NDArray[np.float32]:
    return np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)], np.float32)
