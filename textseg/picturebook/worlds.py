"""The versions of the picture-book world: how scenes are drawn from a stream.

Version 1 is that of `scenes`: things spread over the picture, the more the smaller, on a clear day.
Version 2 has more to it: things of any size wherever they like, the same one twice, in front of
one another, with patterns and shadows, at noon or at dusk, in haze, rain or snowfall. Words,
kinds, colours, settings and `HELD_OUT` are the same. Neither ever changes: whoever wants other
scenes adds a version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from textseg.picturebook.scenes import (
    HELD_OUT,
    STREAMS,
    SceneDescription,
    Stream,
    Thing,
    outline,
    sample_scene,
    visible_shares,
)
from textseg.picturebook.settings import SETTINGS, Air, Hour, Weather
from textseg.picturebook.shapes import COLORS, KINDS, PATTERNS, Pattern

World = Literal[1, 2]
WORLDS: tuple[World, ...] = (1, 2)

SMALLEST, LARGEST = 0.125, 0.5
"""Sizes of things in version 2, as shares of the picture's side."""
LEAST_VISIBLE = 0.3
"""Share of each thing that nothing in front of it covers in version 2."""

_COUNTS = {1: 0.15, 2: 0.3, 3: 0.3, 4: 0.25}
_TWIN_SHARE = 0.15  # of the things after the first: of a kind that is there already
_PATTERN_SHARE, _SHADOW_SHARE = 0.4, 0.85
_HOURS: dict[Hour, float] = {"day": 0.45, "noon": 0.25, "dusk": 0.3}
_WEATHERS: dict[Weather, float] = {
    "clear": 0.44,
    "overcast": 0.14,
    "haze": 0.14,
    "rain": 0.14,
    "snowfall": 0.14,
}
_LOOKED_AT = 48  # side in pixels at which it is seen what covers what


def scene_of(world: World, stream: Stream, index: int) -> SceneDescription:
    """Return scene number `index` of a stream of a world; the same on any machine.

    Args:
        world: the version.
        stream: which of the disjoint streams; only "training" leaves out the `HELD_OUT` pairs.
        index: 0 or more.
    """
    if world == 1:
        return sample_scene(stream, index)
    rng = np.random.default_rng([world, STREAMS.index(stream), index])
    setting = str(rng.choice(list(SETTINGS)))
    things: list[Thing] = []
    outlines: list[np.ndarray] = []
    for _ in range(int(rng.choice(list(_COUNTS), p=list(_COUNTS.values())))):
        kind, color = _pair(rng, things, held_out=stream != "training")
        seed, pattern = int(rng.integers(1 << 31)), _pattern(rng)
        while True:
            size, row, col = _place(rng)
            thing = Thing(kind, color, row, col, size, seed, pattern)
            covered = [*outlines, outline(thing, size=_LOOKED_AT)]
            if _all_visible(covered):
                break
        things.append(thing)
        outlines = covered
    return SceneDescription(setting, tuple(things), int(rng.integers(1 << 31)), _air(rng, setting))


def _pair(rng: np.random.Generator, there: Sequence[Thing], *, held_out: bool) -> tuple[str, str]:
    """Return kind and colour of a thing, now and then those of one that is there already."""
    while True:
        kind, color = str(rng.choice(list(KINDS))), str(rng.choice(list(COLORS)))
        if there and rng.random() < _TWIN_SHARE:
            twin = there[int(rng.integers(len(there)))]
            kind, color = twin.kind, twin.color if rng.random() < 0.5 else color
        if held_out or (color, kind) not in HELD_OUT:
            return kind, color


def _pattern(rng: np.random.Generator) -> Pattern | None:
    return PATTERNS[int(rng.integers(len(PATTERNS)))] if rng.random() < _PATTERN_SHARE else None


def _place(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return size, row and column: small things as often as large ones, hardly any cut off."""
    size = SMALLEST * (LARGEST / SMALLEST) ** float(rng.random())
    row, col = (float(at) for at in rng.uniform(0.5 * size, 1 - 0.5 * size, 2))
    return size, row, col


def _all_visible(outlines: Sequence[np.ndarray]) -> bool:
    seen = visible_shares(outlines, _LOOKED_AT).sum((1, 2))
    return bool((seen >= LEAST_VISIBLE * np.sum(outlines, axis=(1, 2))).all())


def _air(rng: np.random.Generator, setting: str) -> Air:
    hours, weathers = list(_HOURS), list(_WEATHERS)
    hour = hours[int(rng.choice(len(hours), p=list(_HOURS.values())))]
    weather = weathers[int(rng.choice(len(weathers), p=list(_WEATHERS.values())))]
    shadows = float(rng.uniform(0.3, 0.6)) if rng.random() < _SHADOW_SHARE else 0.0
    if setting == "room":
        return Air(shadows=shadows)
    return Air("day" if setting == "night" else hour, weather, shadows)
