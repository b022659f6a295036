"""The picture-book world: scenes of coloured things, rendered with the exact truth.

`render` turns a `SceneDescription` into a picture and, for every thing, the exact share of each
pixel in which it is visible. Scenes are drawn from streams that never meet: a stream name is part
of the random seed, so training scenes can never occur in an evaluation. Eight of the eighty
colour-thing pairs (`HELD_OUT`) never occur in training.

This file describes and draws; `sample_scene` is version 1 of what there may be in a scene.
`worlds` has the later version, with weather, shadows and patterns.

The truth for edits comes from describing the scene after the edit (`recolored`, `replaced`,
`removed`, `added`, `moved_to`) and rendering it: everything else stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from textseg.picturebook.settings import CLEAR_DAY, SETTINGS, Air, paint_setting, veiled, weathered
from textseg.picturebook.shapes import COLORS, KINDS, Part, Pattern, pattern_marks

WORLD_VERSION = 1
"""The version that is meant where none is named. What a version's seeds render to never changes."""

Stream = Literal["training", "calibration", "evaluation"]
STREAMS: tuple[Stream, ...] = ("training", "calibration", "evaluation")

HELD_OUT: frozenset[tuple[str, str]] = frozenset({
    ("yellow", "house"), ("blue", "tree"), ("purple", "car"), ("orange", "boat"),
    ("green", "star"), ("black", "flower"), ("white", "mushroom"), ("red", "fish"),
})  # fmt: skip
"""Colour-thing pairs that never occur in training scenes."""

SIDE = 128  # pixels: what the embedded model is made for
OVERSAMPLING = 3
_ONLY_LIGHTER = ("black", "yellow", "orange")  # darker ones of these have other names
SPECKLES = 0.06  # standard deviation of a speckled surface's brightness
_TEXTURES = ("plain", "plain", "stripes", "speckles")


@dataclass(frozen=True)
class Thing:
    """One thing of a scene.

    Attributes:
        kind: a name of `KINDS`.
        color: a name of `COLORS`.
        row: centre, as a share of the picture's height.
        col: centre, as a share of the picture's width.
        size: height of the unit square it is drawn in, as a share of the picture's side.
        seed: decides its shade, texture, lighting, tilt and direction.
        pattern: what its surface is covered with, or None.
    """

    kind: str
    color: str
    row: float
    col: float
    size: float
    seed: int
    pattern: Pattern | None = None


@dataclass(frozen=True)
class SceneDescription:
    """A picture before it is drawn; things later in the tuple stand in front of earlier ones.

    Attributes:
        setting: a name of `SETTINGS`.
        things: from back to front.
        seed: decides background, light and grain.
        air: hour, weather and shadows.
    """

    setting: str
    things: tuple[Thing, ...]
    seed: int
    air: Air = CLEAR_DAY


@dataclass(frozen=True)
class Rendered:
    """A picture and its truth.

    Attributes:
        scene: what was drawn.
        image: (size, size, 3) uint8.
        coverage: (things, size, size) float32, the visible share of each pixel, things in the
            scene's order.
    """

    scene: SceneDescription
    image: np.ndarray
    coverage: np.ndarray

    @property
    def masks(self) -> np.ndarray:
        """Visible masks (things, size, size), bool."""
        return np.asarray(self.coverage > 0.5)


def sample_scene(stream: Stream, index: int) -> SceneDescription:
    """Return scene number `index` of a stream; the same on any machine.

    Args:
        stream: which of the disjoint streams; only "training" leaves out the `HELD_OUT` pairs.
        index: 0 or more.
    """
    rng = np.random.default_rng([WORLD_VERSION, STREAMS.index(stream), index])
    count = int(rng.choice([1, 2, 3, 4], p=[0.22, 0.36, 0.28, 0.14]))
    slots = _slots(rng, count)
    things = [_sample_thing(rng, slot, count, held_out=stream != "training") for slot in slots]
    setting = str(rng.choice(list(SETTINGS)))
    return SceneDescription(setting, tuple(things), int(rng.integers(1 << 31)))


def _slots(rng: np.random.Generator, count: int) -> list[float]:
    """Columns of the things: spread over the picture, in random depth order."""
    if count == 1:
        return [float(rng.uniform(0.25, 0.75))]
    width = 0.78 / count
    columns = [0.11 + width * (i + 0.5) + rng.uniform(-0.16, 0.16) * width for i in range(count)]
    return [float(c) for c in rng.permutation(columns)]


def _sample_thing(rng: np.random.Generator, col: float, count: int, *, held_out: bool) -> Thing:
    low, high = {1: (0.34, 0.62), 2: (0.3, 0.5), 3: (0.25, 0.4), 4: (0.2, 0.32)}[count]
    while True:
        kind, color = str(rng.choice(list(KINDS))), str(rng.choice(list(COLORS)))
        if held_out or (color, kind) not in HELD_OUT:
            break
    size = float(rng.uniform(low, high))
    row = float(rng.uniform(0.06 + size / 2, 0.94 - size / 2))
    return Thing(kind, color, row, col, size, int(rng.integers(1 << 31)))


def render(scene: SceneDescription, *, size: int = 128) -> Rendered:
    """Draw a scene.

    Args:
        scene: what to draw.
        size: side of the square picture in pixels; the same scene may be drawn at any size.
    """
    drawn = [_draw_thing(thing, size) for thing in scene.things]
    canvas = _background(scene, [alpha for _, alpha in drawn], size)
    for color, alpha in drawn:
        canvas = canvas * (1 - alpha[..., None]) + color * alpha[..., None]
    coverage = visible_shares([alpha for _, alpha in drawn], size)
    canvas = veiled(canvas, scene.setting, scene.air, seed=scene.seed)
    return Rendered(scene, _finish(canvas, scene), coverage.astype(np.float32))


def outline(thing: Thing, *, size: int) -> np.ndarray:
    """Return the share of each pixel (size, size) that a thing covers where it stands alone."""
    return _draw_thing(thing, size)[1]


def visible_shares(alphas: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Return how much of each pixel shows each thing (things, size, size), from back to front."""
    covered: list[np.ndarray] = []
    for alpha in alphas:
        covered = [earlier * (1 - alpha) for earlier in covered] + [alpha]
    return np.stack(covered) if covered else np.zeros((0, size, size))


def _background(scene: SceneDescription, alphas: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Return the setting in its weather (size, size, 3), with the shadows of things on it."""
    bare = paint_setting(scene.setting, size=size, seed=scene.seed)
    backdrop = weathered(bare, scene.setting, scene.air)
    if not scene.air.shadows:
        return backdrop.picture
    lit = np.ones((size, size))
    for thing, alpha in zip(scene.things, alphas, strict=True):
        lit = lit * (1 - scene.air.shadows * _shadow(thing, alpha, scene))
    return np.asarray(backdrop.picture * (1 - backdrop.ground * (1 - lit))[..., None])


def _shadow(thing: Thing, alpha: np.ndarray, scene: SceneDescription) -> np.ndarray:
    """Return how much of the light each pixel of the ground (size, size) misses, 0 to 1.

    The outline lies on the ground, tipped over at its foot and leaning away from the light.
    """
    lean, rise = slant_of(scene)
    size = len(alpha)
    rows = np.flatnonzero(alpha.max(1) > 0.5)
    foot = (rows[-1] + 1) if len(rows) else size
    # output (x, y) shows the outline's point at height (foot - y) / rise above the foot
    tipped = (1, lean / rise, -lean / rise * foot, 0, 1 / rise, foot - foot / rise)
    silhouette = Image.fromarray((alpha * 255).astype(np.uint8))
    fallen = silhouette.transform(
        (size, size), Image.Transform.AFFINE, tipped, Image.Resampling.BILINEAR
    )
    soft = fallen.filter(ImageFilter.GaussianBlur(size * thing.size * 0.04 + 0.5))
    return np.asarray(soft, float) / 255


def slant_of(scene: SceneDescription) -> tuple[float, float]:
    """Return how far shadows lean and reach, for each height of what casts them.

    At noon they are short, at dusk long; without a sun only the foot has a shadow.
    """
    rng = np.random.default_rng([23, scene.seed])
    lean, rise = rng.uniform(-1, 1), rng.uniform(0.3, 0.5) * rng.choice([-1.0, 1.0])
    length = {"day": 1.0, "noon": 0.4, "dusk": 1.7}[scene.air.hour]
    if scene.air.weather != "clear" or scene.setting in ("night", "room"):
        length = 0.25
    return lean * length, rise * min(length, 1.2)


def _finish(canvas: np.ndarray, scene: SceneDescription) -> np.ndarray:
    """Add light and grain. Both depend on the seed alone, so that an edited scene keeps them."""
    rng = np.random.default_rng([11, scene.seed])
    lit = canvas * light_of(rng, scene, canvas.shape[0])[..., None]
    grain = rng.normal(0.0, 2.0, canvas.shape)
    return np.asarray(np.clip(lit + grain, 0, 255).round().astype(np.uint8))


def light_of(rng: np.random.Generator, scene: SceneDescription, size: int) -> np.ndarray:
    """Return the light (size, size) on the whole picture, stronger towards one side."""
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.16)
    x = np.linspace(-0.5, 0.5, size)[None]
    light = rng.uniform(0.9, 1.06) * (1 + strength * (np.cos(angle) * x + np.sin(angle) * x.T))
    return np.asarray(light * 0.86 if scene.setting == "night" else light)


@dataclass(frozen=True)
class Stance:
    """How a thing happens to look and stand, decided by its seed.

    Attributes:
        body: (3,) its own colour in grey levels, which may lie outside of 0 to 255.
        scale: (2,) width and height of the unit square, as shares of the picture's side; a negative
            width mirrors it.
        turn: (2, 2) its tilt.
    """

    body: np.ndarray
    scale: np.ndarray
    turn: np.ndarray

    def fill(self, part: Part) -> tuple[int, int, int]:
        """Return the colour of one of its parts."""
        paint = part.paint
        rgb = self.body * paint if isinstance(paint, float) else np.asarray(paint)
        r, g, b = (int(v) for v in np.clip(rgb, 0, 255))
        return r, g, b


def stance_of(rng: np.random.Generator, thing: Thing) -> Stance:
    """Return how a thing looks and stands; the first that its own generator decides."""
    body = np.asarray(COLORS[thing.color], float) * rng.uniform(0.88, 1.1) + rng.uniform(-9, 9, 3)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    tilt = np.radians(rng.uniform(-9, 9))
    stretch = rng.uniform(0.9, 1.12)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    return Stance(body, np.array([flip * stretch, 1.0 / stretch]) * thing.size, turn)


def _draw_thing(thing: Thing, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the thing's colours (size, size, 3) in grey levels and its coverage (size, size)."""
    rng = np.random.default_rng([13, thing.seed])
    stance, side = stance_of(rng, thing), size * OVERSAMPLING
    centre = np.array([thing.col, thing.row]) * side
    picture = Image.new("RGB", (side, side))
    silhouette, body_only = Image.new("L", (side, side)), Image.new("L", (side, side))
    painter, stencil = ImageDraw.Draw(picture), ImageDraw.Draw(silhouette)
    tracer = ImageDraw.Draw(body_only)
    for part in KINDS[thing.kind]:
        points = (np.asarray(part.points) * (stance.scale * side)) @ stance.turn.T + centre
        corners = [(float(px), float(py)) for px, py in points]
        painter.polygon(corners, fill=stance.fill(part))
        stencil.polygon(corners, fill=255)
        if thing.pattern is not None:
            tracer.polygon(corners, fill=255 if isinstance(part.paint, float) else 0)
    alpha = np.asarray(silhouette.resize((size, size), Image.Resampling.BOX), float) / 255
    mixed = np.asarray(picture.resize((size, size), Image.Resampling.BOX), float)
    # The canvas outside the outline is black: dividing by the coverage takes it out again.
    color = mixed / np.maximum(alpha, 1 / 255)[..., None]
    if thing.pattern is not None:
        own = np.asarray(body_only.resize((size, size), Image.Resampling.BOX), float) / 255
        inked = own / np.maximum(alpha, 1 / 255)
        color = patterned(color, inked, thing, size=size, samples=OVERSAMPLING)
    at = np.arange(size) / size

    def grain(shape: tuple[int, int]) -> np.ndarray:
        return rng.normal(0.0, SPECKLES, shape)

    across, down = (at - thing.col) / thing.size, (at - thing.row) / thing.size
    return color * surface_of(rng, down, across, grain)[..., None], alpha


def patterned(
    color: np.ndarray,
    own: np.ndarray,
    thing: Thing,
    *,
    size: int,
    samples: int,
    corner: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """Return a thing's colours with a pattern where it has its own colour, `own` of each pixel.

    The marks are a darker or a lighter shade of the same colour, so that its name stays true. The
    pattern is sampled at `samples` x `samples` points of each pixel of a picture `size` wide, of
    which `color` (h, w, 3) is the part from `corner` on.
    """
    assert thing.pattern is not None, "the caller asked"
    rng = np.random.default_rng([29, thing.seed])
    rows, cols = np.nonzero(own)  # few: a thing is much smaller than the picture
    within = (np.arange(samples) + 0.5) / samples
    top, left = corner
    down = ((rows[:, None, None] + top + within[:, None]) / size - thing.row) / thing.size
    across = ((cols[:, None, None] + left + within) / size - thing.col) / thing.size
    share = np.zeros_like(own)
    share[rows, cols] = pattern_marks(
        thing.pattern, across.astype(own.dtype), down.astype(own.dtype), rng
    ).mean((1, 2))
    lighter = thing.color != "white" and (thing.color in _ONLY_LIGHTER or rng.random() < 0.5)
    strength = rng.uniform(0.14, 0.23) * (0.5 if thing.color == "white" else 1.0)  # not grey
    marked = color + strength * ((255.0 if lighter else 0.0) - color)
    return np.asarray(color + (own * share)[..., None] * (marked - color))


def surface_of(
    rng: np.random.Generator,
    down: np.ndarray,
    across: np.ndarray,
    grain: Callable[[tuple[int, int]], np.ndarray],
) -> np.ndarray:
    """Return the brightness of a thing's surface (h, w): light from one side, a texture.

    `down` (h,) and `across` (w,) are places on the thing; `grain` makes its speckles.
    """
    x, y = across[None], down[:, None]
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.3)
    surface = 1 + strength * (math.cos(angle) * x + math.sin(angle) * y)
    texture = rng.choice(_TEXTURES)
    if texture == "stripes":
        angle = rng.uniform(0, np.pi)
        surface += 0.07 * np.sin(rng.uniform(14, 26) * (math.cos(angle) * x + math.sin(angle) * y))
    elif texture == "speckles":
        surface += grain((len(down), len(across)))
    return np.asarray(surface)


def recolored(scene: SceneDescription, index: int, color: str) -> SceneDescription:
    """Return the scene with thing number `index` in another colour."""
    return _with_thing(scene, index, replace(scene.things[index], color=color))


def replaced(scene: SceneDescription, index: int, kind: str) -> SceneDescription:
    """Return the scene with thing number `index` turned into another kind of the same colour."""
    return _with_thing(scene, index, replace(scene.things[index], kind=kind))


def removed(scene: SceneDescription, index: int) -> SceneDescription:
    """Return the scene without thing number `index`."""
    return replace(scene, things=scene.things[:index] + scene.things[index + 1 :])


def added(scene: SceneDescription, thing: Thing) -> SceneDescription:
    """Return the scene with one more thing, in front of all others."""
    return replace(scene, things=(*scene.things, thing))


def moved_to(scene: SceneDescription, setting: str) -> SceneDescription:
    """Return the same things in another setting."""
    return replace(scene, setting=setting)


def _with_thing(scene: SceneDescription, index: int, thing: Thing) -> SceneDescription:
    return replace(scene, things=(*scene.things[:index], thing, *scene.things[index + 1 :]))
