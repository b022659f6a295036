"""Pictures of masks for people: the thing in colour, the rest grey, a line around it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage import transform

from textseg.images import png_bytes, to_uint8
from textseg.segmentation.guide import shrunk

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
    rgb: NDArray[np.float32], layers: Sequence[MaskLayer], *, enlarge: float = 1
) -> Image.Image:
    """Return the picture (H, W, 3) with the layers lit up and what is in none of them greyed.

    ``enlarge`` draws every pixel as a square of that many, so that lines get finer; less than 1
    makes the picture smaller.
    """
    planes = _planes(rgb, enlarge)  # (3, H, W)
    softs = [_resized(layer.soft, planes.shape[1:]) for layer in layers]
    red, green, blue = planes
    dim = 0.12 + 0.5 * (0.299 * red + 0.587 * green + 0.114 * blue)  # ITU-R BT.601 luma
    planes = dim + np.max(softs, axis=0) * (planes - dim)
    for layer, soft in zip(layers, softs, strict=True):
        colour = _rgb(layer.colour)[:, None, None]
        planes += np.float32(0.12) * soft * (colour - planes)
        if layer.line is not None:
            _outline(planes, soft > layer.line, colour)
    return Image.fromarray(np.ascontiguousarray(np.moveaxis(to_uint8(planes), 0, -1)))


def display_scale(size: tuple[int, int]) -> int:
    """Return how often a picture (H, W) should be enlarged to be seen well."""
    return max(1, -(-SHOWN_SIDE // max(size)))


def png(image: Image.Image | Figure) -> bytes:
    """Return the content of a PNG file of a PIL image or a matplotlib figure."""
    if isinstance(image, Image.Image):
        return png_bytes(image)
    stream = io.BytesIO()
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


def _outline(
    planes: NDArray[np.float32], binary: NDArray[np.bool_], colour: NDArray[np.float32]
) -> None:
    """Draw a line around a mask (H, W) into a picture (3, H, W)."""
    if not binary.any():
        return
    width = max(1, round(min(binary.shape) / 150))
    rows, cols = _box(binary, 2 * width)
    part, away = planes[:, rows, cols], ndimage.distance_transform_edt(~binary[rows, cols])
    part[:, (away > width) & (away <= 2 * width)] *= 0.35  # dark: so the line shows anywhere
    part[:, (away > 0) & (away <= width)] = colour[..., 0]


def _box(binary: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """Return the rows and columns that hold a mask (H, W), and so many pixels around."""
    rows, cols = (np.flatnonzero(binary.any(axis)) for axis in (1, 0))
    top, left = (max(0, int(at[0]) - margin) for at in (rows, cols))
    bottom, right = (int(at[-1]) + margin + 1 for at in (rows, cols))
    return slice(top, bottom), slice(left, right)


def _planes(rgb: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Return the channels (3, h, w) of a picture (H, W, 3) at ``scale`` times its size."""
    if scale < 1:
        rgb = shrunk(rgb, (round(scale * rgb.shape[0]), round(scale * rgb.shape[1])))
    elif scale > 1:
        rgb = rgb.repeat(round(scale), 0).repeat(round(scale), 1)
    return np.ascontiguousarray(np.moveaxis(rgb, -1, 0))


def _resized(soft: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    if soft.shape == size[:2]:
        return soft
    if soft.size > math.prod(size[:2]):
        return shrunk(soft[..., None], size[:2])[..., 0]
    return np.asarray(transform.resize(soft, size[:2], order=1, preserve_range=True), np.float32)


def _rgb(colour: str) -> NDArray[np.float32]:
    return np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)], np.float32)
