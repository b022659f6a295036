"""Made-up sets of pictures with masks, in each of the layouts, that the exact model can answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.images import png_bytes, to_uint8
from textseg.testing import GaussianModel

HEIGHT, WIDTH = 24, 40
SHAPE = (HEIGHT, WIDTH)
MODEL = GaussianModel()
TREE, HOUSE = (MODEL.region(name, HEIGHT, WIDTH) for name in ("tree", "house"))
LEFT = np.broadcast_to(np.arange(WIDTH) < WIDTH // 2, SHAPE)

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]


def draw(path: Path, things: Sequence[str], shape: tuple[int, int] = SHAPE) -> None:
    write(path, png_bytes(to_uint8(MODEL.picture(things, *shape, seed=4))))


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def numbered(tree: Mask | None = None, house: Mask | None = None, ignored: int = 0) -> Numbers:
    """1 in the tree, 2 in the house, and a number in the last column."""
    found = np.zeros(SHAPE, np.int64)
    for number, mask in ((1, tree), (2, house)):
        found[np.zeros(SHAPE, bool) if mask is None else mask] = number
    found[:, -1] = ignored
    return found


def write_names(folder: Path) -> Path:
    write(folder / "names.txt", "tree\nhouse\n")
    return folder / "names.txt"


def write_voc(folder: Path, pictures: Mapping[str, tuple[Sequence[str], Numbers]]) -> Path:
    for name, (things, numbers) in pictures.items():
        draw(folder / "JPEGImages" / f"{name}.png", things)
        mask = Image.fromarray(numbers.astype(np.uint8))
        mask.putpalette(np.arange(768) % 251)  # not its own numbers as grey: they must not be read
        write(folder / "SegmentationClass" / f"{name}.png", png_bytes(mask))
    return folder


def write_imagenet_s(folder: Path, pictures: Mapping[str, tuple[Sequence[str], Numbers]]) -> Path:
    for name, (things, numbers) in pictures.items():
        draw(folder / "validation" / f"{name}.JPEG", things)
        channels = np.stack([numbers % 256, numbers // 256, 0 * numbers], 2).astype(np.uint8)
        write(folder / "validation-segmentation" / f"{name}.png", png_bytes(channels))
    return folder


def write_editing_mask(folder: Path, lines: Iterable[str], masks: Mapping[str, Mask]) -> Path:
    for name, mask in masks.items():
        draw(folder / "image" / f"{name}.jpg", ["tree", "house"])
        write(folder / "mask" / f"{name}.png", png_bytes(mask))
    write(folder / "Editing-Mask_list.txt", "\n".join(lines) + "\n")
    return folder


def write_coco(folder: Path, things: Sequence[str], annotations: Sequence[Any]) -> Path:
    """One picture; annotations are (category, segmentation), or (..., True): Any, as in JSON."""
    draw(folder / "val2017" / "a.png", things)
    parsed = {
        "images": [{"id": 7, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 3, "name": "tree"}, {"id": 90, "name": "house"}],
        "annotations": [
            {"id": k, "image_id": 7, "category_id": category, "segmentation": drawn}
            | ({"iscrowd": 1} if crowd else {})
            for k, (category, drawn, *crowd) in enumerate(annotations)
        ],
    }
    path = folder / "annotations" / "instances_val2017.json"
    write(path, json.dumps(parsed))
    return path


def runs_of(mask: Mask) -> list[int]:
    """Lengths of the stretches down the columns; the first one is out."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def pack(counts: Sequence[int]) -> str:
    """The text of runs, written from the description of the format: five bits at a time."""
    found = ""
    for k, number in enumerate(counts):
        rest = number - (counts[k - 2] if k > 2 else 0)
        while True:
            bits, rest = rest & 31, rest >> 5
            done = rest == (-1 if bits & 16 else 0)
            found += chr(48 + bits + (0 if done else 32))
            if done:
                break
    return found
