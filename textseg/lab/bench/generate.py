"""`textseg bench generate`: whether pictures from text show what the text asked for.

Two networks look at each picture, neither of which made it, and which learned apart from each
other: CLIP has to find the thing in its colour in some box, and the captioner has to name it so.
Rendered scenes of the same prompts tell how far these two can be believed: how often they find what
is there, and how often what is not, another kind in the same colour or the same in another colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.captioning import Captioner
from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError
from textseg.files import refuse_existing, usable_folder, write_files
from textseg.images import to_uint8
from textseg.lab.bench.readers import Pair, read_caption
from textseg.lab.bench.tables import show, write_table
from textseg.lab.crops import Box
from textseg.lab.judge import PAIRS, Judge, load_judge
from textseg.lab.visible import with_article
from textseg.picturebook.captions import SETTING_PHRASES
from textseg.picturebook.scenes import (
    HELD_OUT,
    SIDE,
    WORLD_VERSION,
    SceneDescription,
    Thing,
    render,
)
from textseg.picturebook.settings import SETTINGS
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.progress import CancelToken, Progress, ProgressCallback
from textseg.registry.captioners import load_captioner
from textseg.scene import Scene, load
from textseg.segmentation.drawing import FigureField, figure, png

Rgb = NDArray[np.float32]
FOUND = 0.8
"""Probability from which on CLIP finds a pair in a box."""
BOX_SHARES = (0.35, 0.5, 0.65, 0.8)
"""Sides of the boxes that CLIP looks at, as shares of the picture's; they overlap by most."""


@dataclass(frozen=True)
class Asked:
    """One thing in its colour somewhere, and the seed of the noise its picture is made from."""

    kind: str
    color: str
    setting: str
    seed: int

    @property
    def pair(self) -> Pair:
        """Kind and colour."""
        return self.kind, self.color

    @property
    def prompt(self) -> str:
        """The words of it."""
        thing = with_article(f"{self.color} {self.kind}")
        return f"{thing} {SETTING_PHRASES[self.setting][0]}"


@dataclass(frozen=True)
class FoundPairs:
    """What the two networks found.

    Attributes:
        clip: the pairs, (kind, colour), that CLIP finds in some box.
        named: the pairs that the caption names.
        setting: the setting that the caption names, or None.
    """

    clip: frozenset[Pair]
    named: frozenset[Pair]
    setting: str | None

    def both(self, pair: Pair) -> bool:
        """Whether both found a pair."""
        return pair in self.clip and pair in self.named


def prompts(samples: int, seed: int) -> list[Asked]:
    """Return what is asked for, drawn from all pairs and settings; seeds share no noise."""
    rng = np.random.default_rng([WORLD_VERSION, 31, seed])
    asked = []
    for k in range(samples):
        kind, color = PAIRS[int(rng.integers(len(PAIRS)))]
        asked.append(Asked(kind, color, str(rng.choice(list(SETTINGS))), seed * 1_000_000 + k))
    return asked


def rendered(asked: Asked) -> Rgb:
    """Return the renderer's picture (h, w, 3) of a prompt."""
    rng = np.random.default_rng([WORLD_VERSION, 37, asked.seed])
    size, col = float(rng.uniform(0.34, 0.62)), float(rng.uniform(0.25, 0.75))
    row = float(rng.uniform(0.06 + size / 2, 0.94 - size / 2))
    thing = Thing(asked.kind, asked.color, row, col, size, int(rng.integers(1 << 31)))
    scene = SceneDescription(asked.setting, (thing,), int(rng.integers(1 << 31)))
    return render(scene, size=SIDE).image.astype(np.float32) / np.float32(255)


def looked_at(rgb: Rgb, judge: Judge, captioner: Captioner) -> FoundPairs:
    """Return what is found in a picture (h, w, 3)."""
    surest = judge.boxes(rgb, _boxes(rgb.shape[0], rgb.shape[1])).max(0)
    said = read_caption(captioner.caption(rgb))
    clip = (pair for pair, probability in zip(PAIRS, surest, strict=True) if probability > FOUND)
    return FoundPairs(frozenset(clip), frozenset(said.things), said.setting)


def _boxes(height: int, width: int) -> list[Box]:
    return [
        (top, left, top + side, left + side)
        for side in (share * min(height, width) for share in BOX_SHARES)
        for top in _starts(height, side)
        for left in _starts(width, side)
    ]


def _starts(length: int, side: float) -> list[float]:
    steps = math.ceil((length - side) / (0.4 * side))
    return [float(start) for start in np.linspace(0, length - side, 1 + steps)]


def measure_generation(
    samples: int = 500,
    seed: int = 0,
    *,
    model: DiffusionModel | None = None,
    guidance: float | None = None,
    keep: Callable[[Asked, Rgb], None] | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:  # Any: JSON
    """Return how often pictures show what was asked for, as JSON-ready objects.

    Args:
        samples: pictures to make.
        seed: of prompts and noise; different seeds share no noise.
        model: the network; None for the embedded one.
        guidance: of the prompt; None for the default of `Scene.generate`.
        keep: given every picture (h, w, 3) with its prompt.
        progress: told of every picture.
        cancel: looked at after each picture.

    Raises:
        InvalidInputError: fewer than one sample.
        Cancelled: `cancel` was raised.
    """
    if samples < 1:
        raise InvalidInputError(f"samples is at least 1, got {samples}")
    network = model or load("picturebook")
    report, follow = progress or (lambda _: None), cancel or CancelToken()
    usual = network.card.sampling
    scale = usual.guidance if guidance is None else guidance
    asked = prompts(samples, seed)

    def generated(one: Asked) -> Rgb:
        made = Scene.generate(one.prompt, model=network, seed=one.seed, guidance=scale)
        if keep is not None:
            keep(one, made.picture.rgb)
        return made.picture.rgb

    judge, captioner = load_judge(), load_captioner()
    rows: dict[str, list[FoundPairs]] = {"generated": [], "rendered": []}
    makers: dict[str, Callable[[Asked], Rgb]] = {"generated": generated, "rendered": rendered}
    for k, one in enumerate(asked):
        report(Progress("pictures", k, samples))
        for name, make in makers.items():
            rows[name].append(looked_at(make(one), judge, captioner))
        follow.raise_if_cancelled()
    report(Progress("pictures", samples, samples))
    return {
        **{name: _row(asked, seen) for name, seen in rows.items()},
        "fooled": _fooled(asked, rows["rendered"]),
        "settings": {
            "samples": samples,
            "seed": seed,
            "world": WORLD_VERSION,
            "steps": usual.steps,
            "guidance": scale,
        },
    }


class Sheet:
    """The first pictures of a run side by side, as many as there is room for, none left out.

    Raises:
        OutputExistsError: the file is there already.
        InvalidInputError: nothing can be written there.
    """

    def __init__(self, path: Path, room: int = 64) -> None:
        """Look whether the file can be written, before anything slow is done."""
        refuse_existing([path], force=False)
        usable_folder(path.parent)
        self._path, self._room = path, room
        self.panels: list[FigureField] = []

    def keep(self, asked: Asked, rgb: Rgb) -> None:
        """Take a picture up, if there is room."""
        if len(self.panels) < self._room:
            self.panels.append(FigureField(asked.prompt, Image.fromarray(to_uint8(rgb))))

    def write(self) -> None:
        """Write the PNG."""
        drawn = png(figure(self.panels, columns=8))
        write_files(self._path.parent, [(self._path.name, drawn)])


def table(report: Mapping[str, Any]) -> str:  # Any: JSON
    """Return the shares of `measure_generation` as Markdown tables."""
    rows = {"pictures from text": report["generated"], "the renderer's": report["rendered"]}
    names = {
        "both": "both find it",
        "clip": "CLIP",
        "captioner": "captioner",
        "setting": "setting",
        "held_out": "pairs never seen",
    }
    parts = [
        write_table(
            ["", *names.values()],
            ([name, *(_percent(row[part]) for part in names)] for name, row in rows.items()),
        )
    ]
    for part in ("kinds", "colors"):
        shares = report["generated"][part]
        parts.append(write_table(list(shares), [[_percent(share) for share in shares.values()]]))
    fooled = ", ".join(f"{name} {_percent(share)}" for name, share in report["fooled"].items())
    facts = ", ".join(f"{name} {value:g}" for name, value in report["settings"].items())
    return "\n\n".join([*parts, f"fooled: {fooled}", facts])


def _row(asked: Sequence[Asked], seen: Sequence[FoundPairs]) -> dict[str, Any]:  # Any: JSON
    answers = list(zip(asked, seen, strict=True))
    both = [(one, found.both(one.pair)) for one, found in answers]
    return {
        "samples": len(seen),
        "both": _share(right for _, right in both),
        "clip": _share(one.pair in found.clip for one, found in answers),
        "captioner": _share(one.pair in found.named for one, found in answers),
        "setting": _share(one.setting == found.setting for one, found in answers),
        "held_out": _share(right for one, right in both if one.pair[::-1] in HELD_OUT),
        "kinds": {k: _share(right for one, right in both if one.kind == k) for k in KINDS},
        "colors": {c: _share(right for one, right in both if one.color == c) for c in COLORS},
    }


def _fooled(asked: Sequence[Asked], seen: Sequence[FoundPairs]) -> dict[str, float | None]:
    """Return how often a certain other pair is found where one thing was rendered."""
    kinds, colors = [], []
    for one, found in zip(asked, seen, strict=True):
        kinds += [found.both((kind, one.color)) for kind in KINDS if kind != one.kind]
        colors += [found.both((one.kind, color)) for color in COLORS if color != one.color]
    return {"other_kind": _share(kinds), "other_color": _share(colors)}


def _share(rights: Iterable[bool]) -> float | None:
    known = list(rights)
    return sum(known) / len(known) if known else None


def _percent(share: float | None) -> str:
    return show(share, "{:.1%}")
