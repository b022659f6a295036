"""How two pictures differ: measured, and side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from textseg.images import to_uint8
from textseg.toolbox.changing import VISIBLE
from textseg.toolbox.shelf_facts import CompareResult, DifferenceFacts

if TYPE_CHECKING:
    from PIL import Image

    from textseg.workspace import Record

GAP = 8  # pixels between two pictures

Pictures = tuple[NDArray[np.float32], NDArray[np.float32]]


def compared(
    image: Record, other: Record, pictures: Pictures, *, steps: list[str]
) -> CompareResult:
    """Return how an image differs from another; ``pictures`` are theirs, the other's first."""
    before, after = pictures
    return CompareResult(
        image=image.handle,
        other=other.handle,
        width=image.width,
        height=image.height,
        other_width=other.width,
        other_height=other.height,
        difference=_difference(before, after) if before.shape == after.shape else None,
        steps=steps,
    )


def _difference(before: NDArray[np.float32], after: NDArray[np.float32]) -> DifferenceFacts:
    change = np.abs(after - before)
    most = change.max(-1)
    rows, cols = np.flatnonzero(most.any(1)), np.flatnonzero(most.any(0))
    return DifferenceFacts(
        pixels=int(np.count_nonzero(most)),
        share=float((most > VISIBLE).mean()),
        mean=float(change.mean()),
        box=[int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1]
        if rows.size
        else None,
    )


def side_by_side(pictures: Pictures) -> Image.Image:
    """Return pictures (H, W, 3) from left to right, each as high as the lowest one."""
    from PIL import Image

    shown = [Image.fromarray(to_uint8(rgb)) for rgb in pictures]
    height = min(image.height for image in shown)
    shown = [
        image.resize((max(1, round(image.width * height / image.height)), height))
        for image in shown
    ]
    width = sum(image.width for image in shown) + GAP * (len(shown) - 1)
    sheet = Image.new("RGB", (width, height), "white")
    left = 0
    for image in shown:
        sheet.paste(image, (left, 0))
        left += image.width + GAP
    return sheet
