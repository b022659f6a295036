"""What an edit method makes of a picture, of the whole frame or of the part around a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textseg.editing.apply import FollowWalk, Paths, Words, edited_latents
from textseg.editing.base import EditMethod, Walking
from textseg.editing.masks import box_around, latent_mask
from textseg.editing.painting import Canvas, Painting
from textseg.editing.result import Evaluations, resized
from textseg.encoded import EncodedPicture
from textseg.images import new_tensor, pad_to_multiple, to_rgb

CROP_MARGIN = 0.25  # of the longer side of what may change


@dataclass(frozen=True)
class Order:
    """How a picture is to be made again: by which method, after which texts, from which noise.

    ``examples`` are latents (1, c, h, w) of further pictures.
    """

    method: EditMethod
    words: Words
    seed: int
    follow: FollowWalk
    examples: tuple[Tensor, ...] = ()


@dataclass(frozen=True, eq=False)
class Remade:
    """The whole frame (H, W, 3) as the method made it, before any composite, cost and remarks."""

    rgb: NDArray[np.float32]
    evaluations: Evaluations
    notes: tuple[str, ...] = ()


Part = tuple[int, int, int, int]
"""Of a picture: top, left, bottom and right in pixels, the latter two exclusive."""


def remake(
    encoded: EncodedPicture, paths: Paths, region: NDArray[np.float32], order: Order
) -> Remade:
    """Return what the method makes of the whole frame; ``region`` is (H, W) in [0, 1]."""
    if isinstance(order.method, Painting):
        return paint(encoded, region, order, order.method)
    assert isinstance(order.method, Walking), "a method walks or paints"
    model, size = encoded.model, encoded.picture.size
    cells, follow = cells_of(encoded, region), order.follow
    found = edited_latents(
        model,
        paths,
        cells,
        method=order.method,
        words=order.words,
        seed=order.seed,
        follow=follow,
        examples=order.examples,
    )
    follow.report("decoding", 0, 1)
    with torch.no_grad():
        pixels = to_rgb(encoded.padding.crop(model.decode_latents(found.z)))
    follow.report("decoding", 1, 1)
    return Remade(pixels if pixels.shape[:2] == size else resized(pixels, size), found.evaluations)


def paint(
    encoded: EncodedPicture, region: NDArray[np.float32], order: Order, method: Painting
) -> Remade:
    """Return what a method paints that gives pixels."""
    (prompt,), (negative,) = order.words.target.prompts, order.words.negative.prompts
    canvas = Canvas(
        encoded.rgb, region, prompt=prompt, negative=negative, seed=order.seed, follow=order.follow
    )
    painted = method.paint(canvas)
    return Remade(painted.rgb, Evaluations(decode=painted.steps), painted.notes)


def cells_of(encoded: EncodedPicture, region: NDArray[np.float32]) -> Tensor:
    """Return the mask (1, 1, h, w) of latent cells for a region (H, W) of the picture."""
    at_work = new_tensor(region)[None, None]
    if encoded.padding.size != encoded.picture.size:
        at_work = torch.nn.functional.interpolate(
            at_work, size=encoded.padding.size, mode="bilinear", antialias=True
        ).clamp(0, 1)
    padded, _ = pad_to_multiple(at_work, encoded.model.size_multiple)
    return latent_mask(padded, encoded.model.latent_stride).to(encoded.latents)


def remake_around(
    encoded: EncodedPicture,
    region: NDArray[np.float32],
    order: Order,
    opened: Callable[[Part], tuple[EncodedPicture, Paths]],
) -> Remade:
    """Return the same, made from the box around what may change; all else stays.

    Args:
        encoded: the picture.
        region: (H, W) in [0, 1], where it may change.
        order: how it is to be made.
        opened: reads a part of the picture.
    """
    rows, cols = region.any(1).sum(), region.any(0).sum()
    margin = max(1, round(CROP_MARGIN * max(rows, cols)))
    top, left, bottom, right = box_around(region, margin, encoded.model.size_multiple)
    box = (slice(top, bottom), slice(left, right))
    part, paths = opened((top, left, bottom, right))
    inner = remake(part, paths, region[box], order)
    remade = encoded.rgb.copy()
    remade[box] = inner.rgb
    return Remade(remade, inner.evaluations, inner.notes)
