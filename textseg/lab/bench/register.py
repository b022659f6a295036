"""`textseg bench register`: how well another editor's picture is brought back into its frame.

Photographs that scikit-image ships, and scenes of the embedded world, are changed inside an ellipse
(another hue) and then as a whole, as editors that follow instructions do: moved, zoomed and tinted,
each alone and all together, and together with noise, or with patches changed outside the ellipse
too. The change inside is known, so the error there is too, before and after.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import color, data

from textseg.editing.registering import register
from textseg.errors import InvalidInputError
from textseg.images import to_uint8
from textseg.lab.bench.tables import show, write_table
from textseg.picturebook.scenes import render, sample_scene
from textseg.progress import Progress, ProgressCallback

Array = NDArray[np.float32]

PHOTOGRAPHS: Mapping[str, Callable[[], NDArray[np.uint8]]] = {
    "astronaut": data.astronaut,
    "cat": data.chelsea,
    "coffee": data.coffee,
    "rocket": data.rocket,
}
SCENES = 4
TURN = 2.0  # radians of hue
COLUMNS = (
    "pictures",
    "what was done",
    "inside",
    "inside, registered",
    "outside",
    "outside, registered",
    "refused",
    "time",
)


@dataclass(frozen=True)
class Harm:
    """What an editor does to the whole picture, at most.

    Attributes:
        shift: share of the longer side.
        zoom: share of the size, the same on both sides.
        stretch: more of it on one side than on the other.
        gain: of colours, for each channel.
        bias: in [0, 1], for each channel.
        noise: standard deviation of grain two pixels wide.
        patches: places that are changed outside as well, each a sixth of the sides.
    """

    shift: float = 0.0
    zoom: float = 0.0
    stretch: float = 0.0
    gain: float = 0.0
    bias: float = 0.0
    noise: float = 0.0
    patches: int = 0


HARMS: Mapping[str, Harm] = {
    "nothing": Harm(),
    "moved 1.5 %": Harm(shift=0.015),
    "moved 6 %": Harm(shift=0.06),
    "zoomed 3 %": Harm(zoom=0.03),
    "stretched 2 %": Harm(stretch=0.02),
    "tinted": Harm(gain=0.1, bias=0.03),
    "moved, zoomed, tinted": Harm(shift=0.015, zoom=0.03, gain=0.1, bias=0.03),
    "and grain of 2 %": Harm(shift=0.015, zoom=0.03, gain=0.1, bias=0.03, noise=0.02),
    "and 4 patches outside": Harm(shift=0.015, zoom=0.03, gain=0.1, bias=0.03, patches=4),
}


@dataclass(frozen=True, eq=False)
class Case:
    """A picture, what became of it, and what should have: all (H, W, 3); the mask is (H, W)."""

    before: Array
    after: Array
    truth: Array
    mask: Array

    def error(self, rgb: Array, *, inside: bool) -> float:
        """Return the mean absolute difference from the truth; inside is a little off the edge."""
        where = self.mask == 0
        if inside:
            where = ndimage.binary_erosion(~where, iterations=max(1, min(where.shape) // 32))
        return float(np.abs(rgb - self.truth)[where].mean())


@dataclass(frozen=True)
class Errors:
    """Errors before and after, and how long it took, in times of blurring the picture once."""

    inside: float
    inside_registered: float
    outside: float
    outside_registered: float
    refused: bool
    time_over_blur: float


def measure_registration(
    *, repeats: int = 2, seed: int = 0, progress: ProgressCallback | None = None
) -> dict[str, Any]:  # Any: JSON
    """Return the mean errors by kind of picture and of harm, ready for JSON.

    Args:
        repeats: cases of each picture and harm, each with other numbers.
        seed: decides them.
        progress: told of every picture and harm.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    report = progress or (lambda _: None)
    rows, kinds = [], {"photographs": photographs(), "scenes": scenes(seed)}
    of, done = len(HARMS) * len(kinds), 0
    for kind, pictures in kinds.items():
        for name, harm in HARMS.items():
            report(Progress("cases", done, of))
            rng = np.random.default_rng([seed, done])
            cases = (make_case(rgb, harm, rng) for rgb in pictures for _ in range(repeats))
            found = [register_case(case) for case in cases]
            rows.append({"pictures": kind, "harm": name, **_means(found)})
            done += 1
    report(Progress("cases", of, of))
    return {"rows": rows, "cases_each": repeats * SCENES, "seed": seed}


def table(report: dict[str, Any]) -> str:  # Any: what `measure_registration` returned
    """Return the report as a table in Markdown; errors are mean differences of colours in [0, 1].

    Times are multiples of those of blurring the picture once.
    """
    keys = ("inside", "inside_registered", "outside", "outside_registered")
    cells = (
        [
            row["pictures"],
            row["harm"],
            *(show(row[key], "{:.4f}") for key in keys),
            show(row["refused"], "{:.0%}"),
            show(row["time_over_blur"], "{:.0f}"),
        ]
        for row in report["rows"]
    )
    facts = f"{report['cases_each']} cases a row, seed {report['seed']}"
    return f"{write_table(COLUMNS, cells)}\n\n{facts}"


def photographs() -> list[Array]:
    """Return those that scikit-image ships, about 500 pixels wide."""
    return [np.asarray(load() / 255, np.float32) for load in PHOTOGRAPHS.values()]


def scenes(seed: int) -> list[Array]:
    """Return scenes of the embedded world."""
    drawn = [sample_scene("calibration", seed * SCENES + k) for k in range(SCENES)]
    return [np.asarray(render(scene).image / 255, np.float32) for scene in drawn]


def make_case(rgb: Array, harm: Harm, rng: np.random.Generator) -> Case:
    """Return a picture (H, W, 3) that is changed in an ellipse, and then as a whole."""
    size = rgb.shape[0], rgb.shape[1]
    mask = _ellipse(size, rng)
    lch = color.lab2lch(color.rgb2lab(rgb))
    lch[..., 2] += TURN
    hued = np.clip(color.lab2rgb(color.lch2lab(lch)), 0, 1)
    truth = np.where(mask[..., None] > 0, hued, rgb)
    for _ in range(harm.patches):
        top, left = (int(rng.integers(0, side - side // 6)) for side in size)
        patch = np.s_[top : top + size[0] // 6, left : left + size[1] // 6]
        truth[patch] = np.where(mask[patch][..., None] > 0, truth[patch], rng.uniform(0, 1, 3))
    after = _harmed(truth, harm, rng)
    return Case(rgb, after, np.asarray(truth, np.float32), mask)


def register_case(case: Case) -> Errors:
    """Return what registration makes of a case."""
    start = time.perf_counter()
    refused, found = False, case.after
    try:
        found = register(case.before, case.after, case.mask).rgb
    except InvalidInputError:
        refused = True
    seconds = time.perf_counter() - start
    return Errors(
        inside=case.error(case.after, inside=True),
        inside_registered=case.error(found, inside=True),
        outside=case.error(case.after, inside=False),
        outside_registered=case.error(found, inside=False),
        refused=refused,
        time_over_blur=seconds / _blurring(case.before),
    )


def _blurring(rgb: Array) -> float:
    start = time.perf_counter()
    ndimage.gaussian_filter(rgb, (2, 2, 0))
    return time.perf_counter() - start


def _ellipse(size: tuple[int, int], rng: np.random.Generator) -> Array:
    at = [rng.uniform(0.35, 0.65) * side for side in size]
    rows, cols = np.mgrid[: size[0], : size[1]]
    away = np.hypot((rows - at[0]) / (0.2 * size[0]), (cols - at[1]) / (0.2 * size[1]))
    return np.asarray(away < 1, np.float32)


def _harmed(rgb: NDArray[np.floating[Any]], harm: Harm, rng: np.random.Generator) -> Array:
    """Return a picture (H, W, 3) moved, zoomed, tinted and grained, in 8 bits a channel."""
    size = np.array(rgb.shape[:2])
    centre, shift = (size - 1) / 2, rng.uniform(-1, 1, 2) * harm.shift * size.max()
    zoom = 1 + rng.uniform(-1, 1) * harm.zoom + rng.uniform(-1, 1, 2) * harm.stretch
    gain, bias = 1 + rng.uniform(-1, 1, 3) * harm.gain, rng.uniform(-1, 1, 3) * harm.bias
    offset = centre - (centre + shift) / zoom
    moved = [
        ndimage.affine_transform(rgb[..., k], 1 / zoom, offset, order=1, mode="nearest")
        for k in range(3)
    ]
    grain = ndimage.gaussian_filter(rng.normal(size=rgb.shape), (1, 1, 0))
    after = np.stack(moved, -1) * gain + bias + harm.noise * grain / grain.std()
    return np.asarray(to_uint8(after.clip(0, 1)) / 255, np.float32)


def _means(found: list[Errors]) -> dict[str, float]:
    names = [each.name for each in fields(Errors)]
    return {name: statistics.fmean(getattr(each, name) for each in found) for name in names}
