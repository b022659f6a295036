"""The things of the picture-book world, drawn from polygons in unit coordinates.

A thing is a tuple of parts, painted in order. Points are (x, y) with x to the right and y
downwards; the thing is about one unit high and centred on the origin. A part is painted either in
a shade of the thing's own colour (a factor) or in a fixed colour (an RGB triple), so that a window
stays blue whatever the colour of the house.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Pattern = Literal["dots", "checks", "bands"]
PATTERNS: tuple[Pattern, ...] = ("dots", "checks", "bands")
"""What a surface may be covered with."""

Point = tuple[float, float]
Paint = float | tuple[int, int, int]

WOOD = (112, 74, 44)
GLASS = (188, 222, 240)
LEAF = (62, 128, 52)
CREAM = (240, 228, 204)
RUBBER = (38, 38, 42)
STEEL = (168, 170, 176)


@dataclass(frozen=True)
class Part:
    """One filled polygon of a thing.

    Attributes:
        points: corners in unit coordinates.
        paint: a factor on the thing's own colour, or a fixed RGB triple (0 to 255).
    """

    points: tuple[Point, ...]
    paint: Paint = 1.0


def _polygon(points: Sequence[Point], paint: Paint = 1.0) -> Part:
    return Part(tuple(points), paint)


def _rectangle(left: float, top: float, right: float, bottom: float, paint: Paint = 1.0) -> Part:
    return _polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint)


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    steps = 28
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def _ellipse(x: float, y: float, rx: float, ry: float, paint: Paint = 1.0) -> Part:
    return _polygon(_arc(x, y, rx, ry, 0, 360), paint)


def _house() -> tuple[Part, ...]:
    return (
        _rectangle(0.14, -0.46, 0.26, -0.2, 0.5),
        _rectangle(-0.4, -0.1, 0.4, 0.5),
        _polygon([(-0.52, -0.08), (0.0, -0.52), (0.52, -0.08)], 0.62),
        _rectangle(-0.1, 0.16, 0.1, 0.5, WOOD),
        _rectangle(-0.32, 0.04, -0.16, 0.2, GLASS),
        _rectangle(0.16, 0.04, 0.32, 0.2, GLASS),
    )


def _tree() -> tuple[Part, ...]:
    return (
        _rectangle(-0.08, 0.1, 0.08, 0.5, WOOD),
        _ellipse(-0.2, 0.0, 0.25, 0.24, 0.85),
        _ellipse(0.2, 0.02, 0.25, 0.24, 0.92),
        _ellipse(0.0, -0.22, 0.29, 0.28),
    )


def _wheel(x: float) -> tuple[Part, ...]:
    return (_ellipse(x, 0.26, 0.14, 0.14, RUBBER), _ellipse(x, 0.26, 0.06, 0.06, STEEL))


def _car() -> tuple[Part, ...]:
    return (
        _polygon([(-0.36, 0.0), (-0.22, -0.26), (0.2, -0.26), (0.4, 0.0)], 0.82),
        _polygon([(-0.25, -0.02), (-0.16, -0.2), (-0.02, -0.2), (-0.02, -0.02)], GLASS),
        _polygon([(0.04, -0.02), (0.04, -0.2), (0.16, -0.2), (0.28, -0.02)], GLASS),
        _polygon(
            [
                (-0.56, 0.04),
                (-0.46, -0.02),
                (0.46, -0.02),
                (0.58, 0.08),
                (0.58, 0.26),
                (-0.56, 0.26),
            ]
        ),
        *_wheel(-0.3),
        *_wheel(0.32),
    )


def _boat() -> tuple[Part, ...]:
    return (
        _rectangle(-0.03, -0.5, 0.03, 0.2, WOOD),
        _polygon([(0.05, -0.48), (0.05, 0.1), (0.42, 0.1)], CREAM),
        _polygon([(-0.05, -0.38), (-0.05, 0.1), (-0.34, 0.1)], 0.78),
        _polygon([(-0.54, 0.15), (0.54, 0.15), (0.34, 0.46), (-0.36, 0.46)]),
    )


def _ball() -> tuple[Part, ...]:
    return (
        _ellipse(0.0, 0.0, 0.42, 0.42),
        _polygon(_arc(0.0, 0.0, 0.42, 0.42, 20, 160), 0.8),
        _ellipse(-0.14, -0.17, 0.1, 0.09, 1.45),
    )


def _star() -> tuple[Part, ...]:
    corners = [
        (r * math.cos(a), r * math.sin(a))
        for i in range(10)
        for r, a in [(0.54 if i % 2 == 0 else 0.235, math.radians(-90 + 36 * i))]
    ]
    return (_polygon(corners), _polygon([(0.0, 0.0), corners[0], corners[1]], 0.84))


def _flower() -> tuple[Part, ...]:
    ring = [math.radians(60 * i) for i in range(6)]
    petals = tuple(
        _ellipse(0.23 * math.cos(a), -0.16 + 0.23 * math.sin(a), 0.17, 0.17, 0.9 + 0.1 * (i % 2))
        for i, a in enumerate(ring)
    )
    return (
        _rectangle(-0.04, 0.0, 0.04, 0.52, LEAF),
        _polygon([(0.0, 0.42), (0.12, 0.24), (0.28, 0.2), (0.18, 0.38)], LEAF),
        *petals,
        _ellipse(0.0, -0.16, 0.12, 0.12, (246, 214, 92)),
    )


def _mushroom() -> tuple[Part, ...]:
    dots = ((-0.24, -0.12), (0.02, -0.3), (0.24, -0.1))
    return (
        _polygon([(-0.12, -0.04), (0.12, -0.04), (0.16, 0.46), (-0.16, 0.46)], CREAM),
        _polygon(_arc(0.0, 0.0, 0.48, 0.48, 180, 360)),
        *(_ellipse(x, y, 0.07, 0.065, (250, 248, 240)) for x, y in dots),
    )


def _fish() -> tuple[Part, ...]:
    return (
        _polygon([(0.26, 0.0), (0.58, -0.26), (0.52, 0.0), (0.58, 0.26)], 0.76),
        _polygon([(-0.1, -0.22), (0.1, -0.42), (0.2, -0.16)], 0.76),
        _ellipse(-0.08, 0.0, 0.44, 0.28),
        _polygon([(-0.02, 0.04), (0.16, 0.14), (0.02, 0.18)], 0.7),
        _ellipse(-0.34, -0.06, 0.06, 0.06, (250, 250, 250)),
        _ellipse(-0.35, -0.06, 0.03, 0.03, (20, 20, 24)),
    )


def _umbrella() -> tuple[Part, ...]:
    return (
        _rectangle(-0.025, -0.5, 0.025, 0.46, WOOD),
        _polygon([(-0.025, 0.4), (0.16, 0.4), (0.16, 0.48), (-0.025, 0.48)], WOOD),
        _polygon(_arc(0.0, 0.04, 0.54, 0.48, 180, 360)),
        _polygon([(0.0, -0.44), *_arc(0.0, 0.04, 0.19, 0.06, 0, 180)], 0.74),
    )


KINDS: dict[str, tuple[Part, ...]] = {
    "house": _house(),
    "tree": _tree(),
    "car": _car(),
    "boat": _boat(),
    "ball": _ball(),
    "star": _star(),
    "flower": _flower(),
    "mushroom": _mushroom(),
    "fish": _fish(),
    "umbrella": _umbrella(),
}
"""Name of a kind of thing -> its parts."""

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (206, 44, 44),
    "green": (52, 156, 62),
    "blue": (48, 88, 206),
    "yellow": (240, 206, 44),
    "purple": (140, 60, 178),
    "orange": (238, 128, 32),
    "white": (242, 242, 240),
    "black": (40, 40, 46),
}
"""Name of a colour -> RGB, 0 to 255."""


def pattern_marks(
    pattern: Pattern, x: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return where a pattern marks a surface, 0 or 1, less than half of it.

    Args:
        pattern: which.
        x: position to the right, in units of the thing.
        y: position downwards.
        rng: decides how fine the pattern is, how it is turned and where it begins.
    """
    turn, start = rng.uniform(0, np.pi), rng.uniform(0, 1, 2)
    cell = rng.uniform(0.17, 0.28)
    across = (np.cos(turn) * x + np.sin(turn) * y) / cell + start[0]
    along = (np.cos(turn) * y - np.sin(turn) * x) / cell + start[1]
    u, v = across % 1 - 0.5, along % 1 - 0.5
    if pattern == "dots":
        return np.asarray(u**2 + v**2 < 0.32**2, float)
    if pattern == "checks":
        return np.asarray((u < 0) & (v < 0) | (u >= 0) & (v >= 0), float)
    return np.asarray(u < -0.08, float)
