"""Edited training scenes: what the captioner and the judge see beside the training corpus.

Variant number k is training scene k after one edit. The edits like to arrive at one of the pairs
that training scenes never show (`HELD_OUT`): who reads pictures must know everything there can be,
also what the diffusion model has never seen. Calibration and evaluation scenes have no part in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from textseg.lab.training.corpus import MAX_THINGS, Corpus, labels
from textseg.picturebook.scenes import (
    HELD_OUT,
    SceneDescription,
    moved_to,
    recolored,
    removed,
    render,
    replaced,
    sample_scene,
)
from textseg.picturebook.settings import SETTINGS
from textseg.picturebook.shapes import COLORS, KINDS

EDITS = {"recolor": 0.35, "replace": 0.3, "remove": 0.2, "move": 0.05, "empty": 0.1}
"""How often each edit occurs; "empty" takes out every thing."""

_HELD_OUT_SHARE = 0.4  # of the recoloured and replaced things, as far as there is such a pair
_NOTHING = -1


@dataclass(frozen=True)
class Variants:
    """Edited scenes in the order of the scenes they come from.

    Attributes:
        corpus: the scenes after the edit.
        edited: (n,) int8, number of the edited thing in the scene *before* the edit, -1 where the
            edit was not about one thing.
    """

    corpus: Corpus
    edited: np.ndarray


def variant(index: int) -> tuple[SceneDescription, int]:
    """Return training scene number `index` after its edit, and which thing was edited (or -1)."""
    scene = sample_scene("training", index)
    rng = np.random.default_rng([17, index])
    edit = str(rng.choice(list(EDITS), p=list(EDITS.values())))
    if edit == "empty":
        return SceneDescription(scene.setting, (), scene.seed), _NOTHING
    if edit == "move":
        others = [name for name in SETTINGS if name != scene.setting]
        return moved_to(scene, str(rng.choice(others))), _NOTHING
    chosen = int(rng.integers(len(scene.things)))
    thing = scene.things[chosen]
    if edit == "remove":
        return removed(scene, chosen), chosen
    if edit == "recolor":
        rare = [color for color, kind in HELD_OUT if kind == thing.kind]
        return recolored(scene, chosen, _other(COLORS, thing.color, rare, rng)), chosen
    rare = [kind for color, kind in HELD_OUT if color == thing.color]
    return replaced(scene, chosen, _other(KINDS, thing.kind, rare, rng)), chosen


def _other(known: Iterable[str], now: str, rare: list[str], rng: np.random.Generator) -> str:
    if rare and rng.random() < _HELD_OUT_SHARE:
        return rare[0]
    return str(rng.choice([name for name in known if name != now]))


def _render_one(index: int, *, size: int, cells: int) -> dict[str, np.ndarray]:
    """Return one row of every array of `Variants`."""
    scene, edited = variant(index)
    drawn = render(scene, size=size)
    step = size // cells
    coverage = np.zeros((MAX_THINGS, cells, cells), np.uint8)
    count = len(scene.things)
    pooled = drawn.coverage.reshape(count, cells, step, cells, step).mean((2, 4))
    coverage[:count] = (pooled * 255).round()
    return {
        "images": drawn.image,
        "coverage": coverage,
        **labels(scene),
        "edited": np.asarray(edited, np.int8),
    }


def render_variants(folder: Path, *, count: int, size: int, cells: int, workers: int) -> None:
    """Render the variants of training scenes 0 to `count` - 1, all of them or none.

    Args:
        folder: where the arrays lie afterwards; nothing is done where it exists.
        count: how many.
        size: side of the pictures in pixels.
        cells: cells along a side in which coverage is kept.
        workers: how many processes render.
    """
    if folder.exists():
        return
    partial_folder = folder.with_suffix(".partial")
    partial_folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.memmap] = {}
    with ProcessPoolExecutor(workers) as pool:
        one = partial(_render_one, size=size, cells=cells)
        for index, row in enumerate(pool.map(one, range(count), chunksize=64)):
            for name, value in row.items():
                if not index:
                    path = partial_folder / f"{name}.npy"
                    shape = (count, *value.shape)
                    arrays[name] = np.lib.format.open_memmap(path, "w+", value.dtype, shape)
                arrays[name][index] = value
    for array in arrays.values():
        array.flush()
    os.replace(partial_folder, folder)


def open_variants(folder: Path) -> Variants:
    """Open rendered variants; the pictures stay on disk."""
    names = [field.name for field in fields(Corpus)]
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    in_memory = {name: a if name == "images" else np.array(a) for name, a in arrays.items()}
    return Variants(Corpus(**in_memory), np.load(folder / "edited.npy"))
