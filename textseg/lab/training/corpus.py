"""The training corpus: scenes rendered once by worker processes into memory-mapped arrays."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textseg.lab.training.quick_rendering import render_quickly
from textseg.picturebook.scenes import SceneDescription
from textseg.picturebook.settings import SETTINGS
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.picturebook.worlds import World, scene_of

MAX_THINGS = 4
_CHUNK = 256


@dataclass(frozen=True)
class Corpus:
    """Rendered training scenes; the first axis of every array counts scenes.

    Attributes:
        images: (n, size, size, 3) uint8.
        coverage: (n, 4, cells, cells) uint8, visible share of each latent cell times 255.
        kinds: (n, 4) int8, index into `KINDS`, -1 where there is no such thing.
        colors: (n, 4) int8, index into `COLORS`.
        columns: (n, 4) float32, centre of the thing as a share of the width.
        settings: (n,) int8, index into `SETTINGS`.
    """

    images: np.ndarray
    coverage: np.ndarray
    kinds: np.ndarray
    colors: np.ndarray
    columns: np.ndarray
    settings: np.ndarray


def _specs(count: int, size: int, cells: int) -> dict[str, tuple[tuple[int, ...], str]]:
    return {
        "images": ((count, size, size, 3), "uint8"),
        "coverage": ((count, MAX_THINGS, cells, cells), "uint8"),
        "kinds": ((count, MAX_THINGS), "int8"),
        "colors": ((count, MAX_THINGS), "int8"),
        "columns": ((count, MAX_THINGS), "float32"),
        "settings": ((count,), "int8"),
    }


def labels(scene: SceneDescription) -> dict[str, np.ndarray]:
    """Return kinds, colors, columns and settings of one scene, as rows of `Corpus`."""
    kinds = np.full(MAX_THINGS, -1, np.int8)
    colors = np.full(MAX_THINGS, -1, np.int8)
    columns = np.zeros(MAX_THINGS, np.float32)
    for i, thing in enumerate(scene.things):
        kinds[i] = list(KINDS).index(thing.kind)
        colors[i] = list(COLORS).index(thing.color)
        columns[i] = thing.col
    setting = np.int8(list(SETTINGS).index(scene.setting))
    return {"kinds": kinds, "colors": colors, "columns": columns, "settings": np.asarray(setting)}


def usable_cores() -> int:
    """Return how many processor cores this process may use; a machine often has more."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def world_of_each(count: int, *, world: World, share: float) -> np.ndarray:
    """Return the version of the world of each scene of a corpus (n,), int8.

    Args:
        count: how many scenes.
        world: a version.
        share: how many of them are of that version, from 0 to 1, spread evenly; the others are of
            version 1.
    """
    steps = np.diff(np.floor(np.arange(count + 1) * share + 1e-9))  # 1 wherever the share is due
    return np.where(steps > 0, world, 1).astype(np.int8)


def _render_chunk(job: tuple[str, int, list[World], int, int]) -> None:
    folder, start, worlds, size, cells = job
    arrays = {
        name: np.load(Path(folder) / f"{name}.npy", mmap_mode="r+") for name in _specs(1, 1, 1)
    }
    for index, world in enumerate(worlds, start):
        scene = scene_of(world, "training", index)
        sketch = render_quickly(scene, size=size, cells=cells)
        arrays["images"][index] = sketch.image
        arrays["coverage"][index, : len(sketch.coverage)] = sketch.coverage
        for name, value in labels(scene).items():
            arrays[name][index] = value
    for array in arrays.values():
        array.flush()


def render_corpus(
    folder: Path,
    *,
    count: int,
    size: int,
    cells: int,
    workers: int,
    world: World = 1,
    share: float = 1.0,
) -> None:
    """Render training scenes 0 to `count` - 1 into a folder; goes on where a killed run stopped.

    Args:
        folder: where the arrays lie afterwards, one `.npy` file each.
        count: how many scenes.
        size: side of the pictures in pixels.
        cells: latent cells along a side.
        workers: how many processes render.
        world: version of the world.
        share: how many of the scenes are of that version; the others are of version 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "corpus.json"
    facts: dict[str, float] = {"world": world, "count": count, "size": size, "cells": cells}
    if world != 1:
        facts["share"] = share
    done: list[int] = []
    if state.exists() and (kept := json.loads(state.read_text()))["facts"] == facts:
        done = kept["done"]
    else:
        for name, (shape, dtype) in _specs(count, size, cells).items():
            np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape).flush()
    starts = [start for start in range(0, count, _CHUNK) if start not in set(done)]
    worlds = world_of_each(count, world=world, share=share).tolist()
    jobs = [(str(folder), start, worlds[start : start + _CHUNK], size, cells) for start in starts]
    with ProcessPoolExecutor(workers) as pool:
        for start, _ in zip(starts, pool.map(_render_chunk, jobs), strict=True):
            done.append(start)
            state.write_text(json.dumps({"facts": facts, "done": done}))


def open_corpus(folder: Path) -> Corpus:
    """Open a rendered corpus; the pictures stay on disk."""
    names: Sequence[str] = list(_specs(1, 1, 1))
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    in_memory = {
        name: np.asarray(a) if name == "images" else np.array(a) for name, a in arrays.items()
    }
    return Corpus(**in_memory)
