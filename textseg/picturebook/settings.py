"""The settings of the picture-book world: skies and grounds, painted as smooth float pictures.

Hour and weather change how a setting looks, and what lies between the things and the eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike
from PIL import Image, ImageDraw

RGB = tuple[int, int, int]
Hour = Literal["day", "noon", "dusk"]
Weather = Literal["clear", "overcast", "haze", "rain", "snowfall"]

_FALLING_OVERSAMPLING = 2


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


@dataclass(frozen=True)
class Air:
    """Hour and weather; a room has neither, whatever is said here, and at night it is night.

    Attributes:
        hour: the light; "day" leaves the colours of the setting as they are.
        weather: what dims the light and what falls.
        shadows: how dark the shadows on the ground are, from 0 for none to 1 for black.
    """

    hour: Hour = "day"
    weather: Weather = "clear"
    shadows: float = 0.0


CLEAR_DAY = Air()


@dataclass(frozen=True)
class Falling:
    """What falls from the sky, as streaks; ranges are of shares of the picture's side.

    Attributes:
        count: how many streaks, from and up to.
        lengths: of the streaks.
        widths: of the streaks.
        round_ends: whether the lower end is a disc as wide as the streak.
        color: RGB, 0 to 255.
        opacity: how much of what is behind a streak it hides.
    """

    count: tuple[int, int]
    lengths: tuple[float, float]
    widths: tuple[float, float]
    round_ends: bool
    color: RGB
    opacity: float


FALLING: dict[Weather, Falling] = {
    "rain": Falling((50, 110), (0.05, 0.13), (0.004, 0.009), False, (206, 216, 228), 0.42),
    "snowfall": Falling((50, 130), (0.0, 0.016), (0.009, 0.02), True, (250, 250, 250), 0.8),
}
"""Weather in which something falls -> what."""


@dataclass(frozen=True)
class Backdrop:
    """An empty background.

    Attributes:
        picture: (size, size, 3), float in grey levels 0 to 255.
        ground: (size, size), share of each pixel that is ground and not sky.
    """

    picture: np.ndarray
    ground: np.ndarray


def _smooth_noise(
    rng: np.random.Generator, size: int, cells: int, dtype: DTypeLike = float
) -> np.ndarray:
    """Noise of about unit amplitude, bilinear between `cells` x `cells` random values."""
    grid = rng.uniform(-1.0, 1.0, (cells + 1, cells + 1)).astype(dtype)
    at = np.linspace(0.0, cells, size, endpoint=False)
    low = at.astype(int)
    part = (at - low).astype(dtype)
    rows = grid[low] * (1 - part)[:, None] + grid[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part)


def _ramp(ends: tuple[RGB, RGB], position: np.ndarray) -> np.ndarray:
    start, end = (np.asarray(rgb, position.dtype) for rgb in ends)
    position = np.clip(position, 0.0, 1.0)[..., None]
    return np.asarray(start * (1 - position) + end * position)


def _detail(
    name: str, rng: np.random.Generator, x: np.ndarray, y: np.ndarray, below: np.ndarray
) -> np.ndarray:
    """Brightness offsets (H, W) in grey levels that make a setting recognisable.

    `x` is (1, W), `y` (H, 1), both as shares of the side; `below` is (H, W).
    """
    size, dtype = x.shape[1], x.dtype
    if name == "waves":
        phase, count = rng.uniform(0, 2 * np.pi), rng.uniform(26, 40)
        wobble = 2.0 * _smooth_noise(rng, size, 6, dtype)
        return np.asarray(11.0 * below * np.sin(count * y + phase + wobble))
    if name == "boards":
        count, phase = rng.uniform(7, 11), rng.uniform(0, 1)
        return np.asarray(
            -16.0 * below * (np.mod(count * (x - 0.5) / (0.4 + y) + phase, 1.0) < 0.08)
        )
    if name == "lights":
        spots = rng.uniform(0, 1, (14, 2)).tolist()
        distance = np.min([(x - a) ** 2 + (y - 0.55 * b) ** 2 for a, b in spots], axis=0)
        return np.asarray(130.0 * (1 - below) * np.exp(-distance / 2.2e-5))
    cells, amplitude = {"tufts": (24, 13.0), "grains": (40, 9.0), "drifts": (7, 9.0)}[name]
    return np.asarray(amplitude * below * _smooth_noise(rng, size, cells, dtype))


def paint_setting(name: str, *, size: int, seed: int, dtype: DTypeLike = float) -> Backdrop:
    """Return the empty background on a clear day.

    The same name, size and seed give the same picture on any machine; with a coarser `dtype` than
    float64 the same within its rounding, sooner.
    """
    setting, rng = SETTINGS[name], np.random.default_rng([7, seed])
    x = (np.arange(size) / size).astype(dtype)[None]
    y = x.T
    horizon = rng.uniform(0.38, 0.62)
    hills = 0.0 if name in ("sea", "room") else rng.uniform(0.0, 0.03)
    edge = horizon + hills * np.sin(2 * np.pi * (rng.uniform(0.6, 1.6) * x + rng.uniform(0, 1)))
    edge = edge if hills else edge[:, :1]  # without hills all columns are alike
    below = np.clip((y - edge) * size + 0.5, 0.0, 1.0)
    picture = (1 - below)[..., None] * _ramp(setting.sky, y / edge)
    picture += below[..., None] * _ramp(setting.ground, (y - edge) / (1 - edge))
    picture = picture + _detail(setting.detail, rng, x, y, below)[..., None]
    picture += (1 - below)[..., None] * 7.0 * _smooth_noise(rng, size, 5, dtype)[..., None]
    picture *= rng.uniform(0.93, 1.07, 3).astype(dtype)
    return Backdrop(picture, np.broadcast_to(below, (size, size)))


def weathered(backdrop: Backdrop, name: str, air: Air) -> Backdrop:
    """Return the background at an hour and in a weather: sky and ground, far and near."""
    if name == "room":
        return backdrop
    picture, sky = backdrop.picture, (1 - backdrop.ground)[..., None]
    if name != "night" and air.hour == "dusk":
        down = np.linspace(0, 1, len(picture))[:, None, None]
        glow = np.array([250.0, 158.0, 104.0]) * (0.5 + down)  # most above the horizon
        picture = picture + sky * 0.5 * (np.clip(glow, 0, 255) - picture)
    if name != "night" and air.hour == "noon":
        picture = picture * (1 + 0.06 * sky * np.array([-1.0, 0.0, 1.0]))
    grey = picture.mean(-1, keepdims=True)
    if air.weather in ("overcast", "rain", "snowfall"):
        picture = picture + (0.3 + 0.4 * sky) * (0.92 * grey - picture)
    if air.weather == "haze":
        picture = picture + (0.3 + 0.25 * sky) * (_haze(name) - picture)
    return Backdrop(picture, backdrop.ground)


def veiled(picture: np.ndarray, name: str, air: Air, *, seed: int) -> np.ndarray:
    """Return a whole picture (size, size, 3) as hour and weather let it be seen.

    What falls depends on the seed alone, so that an edited scene keeps it. Colours are changed so
    little that their names stay true.
    """
    if name == "room":
        return picture
    if name != "night":
        tint = {"day": (1.0, 1.0, 1.0), "noon": (1.08, 1.07, 1.03), "dusk": (0.97, 0.92, 0.87)}
        picture = picture * np.array(tint[air.hour])
    if air.weather == "haze":
        picture = picture + 0.16 * (_haze(name) - picture)
    if air.weather in ("overcast", "rain", "snowfall"):
        picture = 0.93 * picture
    if air.weather in FALLING:
        falling, rng = FALLING[air.weather], np.random.default_rng([19, seed])
        share = falling.opacity * _streaks(falling, rng, len(picture))[..., None]
        picture = picture + share * (np.array(falling.color, float) - picture)
    return np.asarray(picture)


def _haze(name: str) -> np.ndarray:
    """Return the colour in which far things drown."""
    return np.array([74.0, 80.0, 104.0] if name == "night" else [214.0, 219.0, 224.0])


def _streaks(falling: Falling, rng: np.random.Generator, size: int) -> np.ndarray:
    """Return the share of each pixel (size, size) that streaks cover."""
    side = size * _FALLING_OVERSAMPLING
    slant, count = rng.uniform(-0.35, 0.35), int(rng.integers(*falling.count))
    lengths, widths = rng.uniform(*falling.lengths, count), rng.uniform(*falling.widths, count)
    starts = rng.uniform(-0.05, 1, (count, 2))
    layer = Image.new("L", (side, side))
    painter = ImageDraw.Draw(layer)
    for (x, y), length, width in zip(starts * side, lengths * side, widths * side, strict=True):
        right, bottom, half = x + slant * length, y + length, width / 2
        painter.line([(x, y), (right, bottom)], fill=255, width=max(1, round(width)))
        if falling.round_ends:
            painter.ellipse([right - half, bottom - half, right + half, bottom + half], fill=255)
    return np.asarray(layer.resize((size, size), Image.Resampling.BOX), float) / 255
