"""Draws scenes for training several times as fast as `scenes.render`, a little differently.

Shapes, places, colours, light, textures, weather and truth of a scene are the same. Grain and
speckles come from a bank of noise, patterns are sampled more coarsely, shadows are laid down at
half size and numbers are float32; so pixels differ a little from those of `render`, whose picture
for a seed must never change. Whatever is measured goes on using `render`.

What makes it fast: a thing is drawn within its own box only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from textseg.picturebook.scenes import (
    OVERSAMPLING,
    SPECKLES,
    SceneDescription,
    Thing,
    light_of,
    patterned,
    slant_of,
    stance_of,
    surface_of,
)
from textseg.picturebook.settings import Air, paint_setting, veiled, weathered
from textseg.picturebook.shapes import KINDS

_BANK_NUMBERS = 1 << 22
_PATTERN_SAMPLES = 2  # along each side of a pixel, where `render` takes OVERSAMPLING
_GRAIN = 2.0  # grey levels, as in `render`
_NOTHING = (np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class Sketch:
    """A picture for training and its truth, as small as training keeps them.

    Attributes:
        image: (size, size, 3) uint8.
        coverage: (things, cells, cells) uint8, the visible share of each cell times 255.
    """

    image: np.ndarray
    coverage: np.ndarray


@dataclass(frozen=True)
class _Box:
    """A thing within the part of the picture that it needs.

    Attributes:
        rows: of the picture.
        columns: of the picture.
        color: (h, w, 3), in grey levels.
        alpha: (h, w), the share of each pixel that the thing covers.
    """

    rows: slice
    columns: slice
    color: np.ndarray
    alpha: np.ndarray


def render_quickly(scene: SceneDescription, *, size: int, cells: int) -> Sketch:
    """Return a scene's picture and coverage, for training.

    Args:
        scene: what to draw.
        size: side of the square picture in pixels.
        cells: latent cells along a side; divides ``size``.
    """
    boxes = [_box(thing, size) for thing in scene.things]
    backdrop = paint_setting(scene.setting, size=size, seed=scene.seed, dtype=np.float32)
    clear = scene.air == Air(shadows=scene.air.shadows)
    if not clear:
        backdrop = weathered(backdrop, scene.setting, scene.air)
    canvas = backdrop.picture.astype(np.float32, copy=False)
    if scene.air.shadows:
        lit = np.ones((size, size), np.float32)
        for thing, box in zip(scene.things, boxes, strict=True):
            lit *= 1 - scene.air.shadows * _shadow(thing, box, scene, size)
        canvas *= (1 - backdrop.ground * (1 - lit))[..., None].astype(np.float32, copy=False)
    shares = np.zeros((len(boxes), size, size), np.float32)
    for k, box in enumerate(boxes):
        under = canvas[box.rows, box.columns]
        under += box.alpha[..., None] * (box.color - under)
        shares[:k, box.rows, box.columns] *= 1 - box.alpha
        shares[k, box.rows, box.columns] = box.alpha
    if not clear:
        canvas = veiled(canvas, scene.setting, scene.air, seed=scene.seed)
    step = size // cells
    pooled = shares.reshape(-1, cells, step, cells, step).mean((2, 4))
    return Sketch(_finished(canvas, scene), (pooled * 255).round().astype(np.uint8))


@cache
def _bank() -> np.ndarray:
    return np.random.default_rng(5).standard_normal(_BANK_NUMBERS, dtype=np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal numbers, cut from the bank at a random place."""
    count = int(np.prod(shape))
    start = int(rng.integers(_BANK_NUMBERS - count))
    return _bank()[start : start + count].reshape(shape)


def _box(thing: Thing, size: int) -> _Box:
    """Return a thing as `render` draws it, within its own box; an empty box if it is outside."""
    rng = np.random.default_rng([13, thing.seed])
    stance, side = stance_of(rng, thing), size * OVERSAMPLING
    centre = np.array([thing.col, thing.row]) * side
    corners = [
        (np.asarray(part.points) * (stance.scale * side)) @ stance.turn.T + centre
        for part in KINDS[thing.kind]
    ]
    every = np.concatenate(corners) / OVERSAMPLING
    left, top = (int(v) for v in np.clip(np.floor(every.min(0)) - 1, 0, size))
    right, bottom = (int(v) for v in np.clip(np.ceil(every.max(0)) + 2, 0, size))
    rows, columns = slice(top, bottom), slice(left, right)
    height, width = bottom - top, right - left
    if height <= 0 or width <= 0:
        return _Box(slice(0, 0), slice(0, 0), *_NOTHING)
    picture, outline, own = (
        Image.new(mode, (width * OVERSAMPLING, height * OVERSAMPLING)) for mode in ("RGB", "L", "L")
    )
    for part, points in zip(KINDS[thing.kind], corners, strict=True):
        shifted = points - np.array([left, top]) * OVERSAMPLING
        flat = [(float(x), float(y)) for x, y in shifted]
        ImageDraw.Draw(picture).polygon(flat, fill=stance.fill(part))
        ImageDraw.Draw(outline).polygon(flat, fill=255)
        ImageDraw.Draw(own).polygon(flat, fill=255 if isinstance(part.paint, float) else 0)
    alpha = np.asarray(outline.reduce(OVERSAMPLING), np.float32) / 255
    inside = np.maximum(alpha, np.float32(1 / 255))
    color = np.asarray(picture.reduce(OVERSAMPLING), np.float32) / inside[..., None]
    if thing.pattern is not None:
        inked = np.asarray(own.reduce(OVERSAMPLING), np.float32) / 255 / inside
        color = patterned(
            color, inked, thing, size=size, samples=_PATTERN_SAMPLES, corner=(top, left)
        )
    down = ((np.arange(top, bottom) / size - thing.row) / thing.size).astype(np.float32)
    across = ((np.arange(left, right) / size - thing.col) / thing.size).astype(np.float32)
    surface = surface_of(rng, down, across, lambda shape: SPECKLES * _noise(rng, shape))
    return _Box(rows, columns, color * surface[..., None].astype(np.float32), alpha)


def _shadow(thing: Thing, box: _Box, scene: SceneDescription, size: int) -> np.ndarray:
    """Return how much of the light each pixel of the ground (size, size) misses, 0 to 1."""
    lean, rise = slant_of(scene)
    covered = np.flatnonzero((box.alpha > 0.5).any(1))
    foot = box.rows.start + int(covered[-1]) + 1 if len(covered) else size
    flat = Image.new("L", (size, size))
    if box.alpha.size:
        silhouette = Image.fromarray((box.alpha * 255).astype(np.uint8))
        flat.paste(silhouette, (box.columns.start, box.rows.start))
    # looked up at full size, laid down at half of it
    tipped = (2, 2 * lean / rise, -lean / rise * foot, 0, 2 / rise, foot - foot / rise)
    half = (size // 2, size // 2)
    fallen = flat.transform(half, Image.Transform.AFFINE, tipped, Image.Resampling.BILINEAR)
    soft = fallen.filter(ImageFilter.GaussianBlur((size * thing.size * 0.04 + 0.5) / 2))
    enlarged = soft.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(enlarged, np.float32) / 255


def _finished(canvas: np.ndarray, scene: SceneDescription) -> np.ndarray:
    """Return the picture with its light and grain."""
    rng = np.random.default_rng([11, scene.seed])
    lit = canvas * light_of(rng, scene, len(canvas))[..., None].astype(np.float32)
    lit += _GRAIN * _noise(rng, canvas.shape) + 0.5
    return np.asarray(np.clip(lit, 0, 255).astype(np.uint8))
