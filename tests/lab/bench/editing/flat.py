"""PIE-Bench with flat pictures, and editors and networks whose figures are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textseg.editing.result import Evaluations
from textseg.images import png_bytes
from textseg.lab.bench.editing.tasks import Answer, Editing, EditTask
from textseg.lab.bench.metrics.features import Judges
from textseg.lab.bench.metrics.pixels import Mask, Rgb

# A flat picture of 12 x 16 pixels (grey 51 = .2); the mask is a block of 4 x 6 in its middle.
HEIGHT, WIDTH = 12, 16
PIXELS = HEIGHT * WIDTH
BLOCK = [(row * WIDTH) + 4 for row in range(4, 8)]
RUNS = [number for start in BLOCK for number in (start, 6)]
INSIDE = 24
FRAME = 2 * WIDTH + 2 * (HEIGHT - 2)


def block() -> Mask:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[4:8, 4:10] = True
    return mask


def entry(name: str, **changes: object) -> dict[str, object]:
    return {
        "image_path": f"1_change_object_80/{name}.png",
        "original_prompt": "a [cat] on grass",
        "editing_prompt": "a [dog] on grass",
        "editing_instruction": "change the cat into a dog",
        "editing_type_id": "1",
        "blended_word": "cat dog",
        "mask": RUNS,
        **changes,
    }


def write(folder: Path, entries: dict[str, dict[str, object]]) -> Path:
    (folder / "mapping_file.json").write_text(json.dumps(entries))
    grey = np.full((HEIGHT, WIDTH, 3), 51, np.uint8)
    for item in entries.values():
        path = folder / "annotation_images" / str(item.get("image_path", "nameless.png"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(grey))
    return folder


@dataclass(frozen=True)
class By:
    """An editor that does every task by one function."""

    edit: Callable[[EditTask], Answer]

    def open(self, image: Rgb) -> Editing:
        return self.edit


def spoiling(task: EditTask) -> Answer:
    """White inside the block, and .4 instead of .2 everywhere else."""
    rgb = np.where(block()[..., None], 1.0, 0.4) * np.ones_like(task.image)
    return Answer(rgb=rgb.astype(np.float32), evaluations=Evaluations(decode=7), seconds=0.5)


def confined(task: EditTask) -> Answer:
    """White inside the block, and the same as before everywhere else."""
    rgb = np.where(block()[..., None], np.float32(1), task.image)
    return Answer(rgb=rgb, evaluations=Evaluations(1, 0, 2), seconds=0.25)


class Brightness:
    """Pictures are (mean, 1), "target" is (1, 0) and every other text (0, 1)."""

    def image_features(self, rgb: Rgb) -> Rgb:
        return np.array([rgb.mean(), 1], np.float32)

    def text_features(self, text: str) -> Rgb:
        return np.array([1, 0] if "target" in text or "dog" in text else [0, 1], np.float32)


class Brightest:
    """Two tokens whose cosine is p / sqrt(p^2 + 1) for the first pixel's value p."""

    def keys(self, pixels: Rgb) -> Rgb:
        value = float(pixels[0, 0, 0])
        return np.array([[1, 0], [value, 1]], np.float32)


def largest_difference(before: Rgb, after: Rgb) -> float:
    return float(np.abs(before - after).max())


EVERYTHING = Judges(Brightness(), Brightest(), largest_difference, {"clip": "brightness"})
