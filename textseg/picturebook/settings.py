"""The settings of the picture-book world: skies and grounds, painted as smooth float pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Setting:
    """Colours of one setting.

    Attributes:
        sky: RGB at the top and just above the horizon, 0 to 255.
        ground: RGB just below the horizon and at the bottom, 0 to 255.
        detail: what is strewn over it.
    """

    sky: tuple[RGB, RGB]
    ground: tuple[RGB, RGB]
    detail: str


SETTINGS: dict[str, Setting] = {
    "meadow": Setting(((120, 176, 226), (196, 222, 240)), ((126, 184, 84), (86, 146, 62)), "tufts"),
    "beach": Setting(
        ((112, 192, 232), (206, 232, 240)), ((238, 218, 164), (216, 188, 128)), "grains"
    ),
    "snow": Setting(
        ((164, 182, 208), (214, 222, 234)), ((238, 242, 248), (212, 222, 238)), "drifts"
    ),
    "sea": Setting(((142, 200, 236), (214, 232, 242)), ((66, 136, 186), (34, 88, 146)), "waves"),
    "night": Setting(((16, 20, 52), (44, 48, 92)), ((42, 58, 62), (26, 36, 42)), "lights"),
    "room": Setting(((226, 206, 182), (214, 190, 164)), ((164, 118, 82), (132, 90, 60)), "boards"),
}
"""Name of a setting -> its colours."""


def _smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Noise of about unit amplitude, bilinear between `cells` x `cells` random values."""
    grid = rng.uniform(-1.0, 1.0, (cells + 1, cells + 1))
    at = np.linspace(0.0, cells, size, endpoint=False)
    low = at.astype(int)
    part = at - low
    rows = grid[low] * (1 - part)[:, None] + grid[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part)


def _ramp(ends: tuple[RGB, RGB], position: np.ndarray) -> np.ndarray:
    start, end = (np.asarray(rgb, float) for rgb in ends)
    position = np.clip(position, 0.0, 1.0)[..., None]
    return np.asarray(start * (1 - position) + end * position)


def _detail(
    name: str, rng: np.random.Generator, x: np.ndarray, y: np.ndarray, below: np.ndarray
) -> np.ndarray:
    """Brightness offsets (H, W) in grey levels that make a setting recognisable."""
    size = x.shape[1]
    if name == "waves":
        phase, count = rng.uniform(0, 2 * np.pi), rng.uniform(26, 40)
        wobble = 2.0 * _smooth_noise(rng, size, 6)
        return np.asarray(11.0 * below * np.sin(count * y + phase + wobble))
    if name == "boards":
        count, phase = rng.uniform(7, 11), rng.uniform(0, 1)
        return np.asarray(
            -16.0 * below * (np.mod(count * (x - 0.5) / (0.4 + y) + phase, 1.0) < 0.08)
        )
    if name == "lights":
        spots = rng.uniform(0, 1, (14, 2))
        distance = np.min([(x - a) ** 2 + (y - 0.55 * b) ** 2 for a, b in spots], axis=0)
        return np.asarray(130.0 * (1 - below) * np.exp(-distance / 2.2e-5))
    cells, amplitude = {"tufts": (24, 13.0), "grains": (40, 9.0), "drifts": (7, 9.0)}[name]
    return np.asarray(amplitude * below * _smooth_noise(rng, size, cells))


def paint_setting(name: str, *, size: int, seed: int) -> np.ndarray:
    """Returns the empty background (size, size, 3), float in grey levels 0 to 255.

    The same name, size and seed give the same picture on any machine.
    """
    setting, rng = SETTINGS[name], np.random.default_rng([7, seed])
    x, y = np.meshgrid(np.arange(size) / size, np.arange(size) / size)
    horizon = rng.uniform(0.38, 0.62)
    hills = 0.0 if name in ("sea", "room") else rng.uniform(0.0, 0.03)
    edge = horizon + hills * np.sin(2 * np.pi * (rng.uniform(0.6, 1.6) * x + rng.uniform(0, 1)))
    below = np.clip((y - edge) * size + 0.5, 0.0, 1.0)
    picture = (1 - below)[..., None] * _ramp(setting.sky, y / edge)
    picture += below[..., None] * _ramp(setting.ground, (y - edge) / (1 - edge))
    picture += _detail(setting.detail, rng, x, y, below)[..., None]
    picture += (1 - below)[..., None] * 7.0 * _smooth_noise(rng, size, 5)[..., None]
    return np.asarray(picture * rng.uniform(0.93, 1.07, 3))
