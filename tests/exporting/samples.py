"""A folder of labels as `textseg label` leaves it, with all that formats stumble over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet
from pycocotools import mask as coco

from textseg.labelling.rows import LabelRow, Origin, error_rows, table_of

Mask = NDArray[np.bool_]

SIZE = (24, 40)
ORIGIN = Origin("gaussian", "0f", "1e", "2.0")
QUERIES = ("tree", 'rotes "Haus", groß', "Äpfel & <Birnen>", "boat", "car")
SOURCE = "in/Gärten, grün.jpg"  # turned by its EXIF data
OTHER = "b.png"


def ring() -> Mask:
    """A piece with two holes, one with a spot in it, and a piece of a single pixel."""
    mask = np.zeros(SIZE, bool)
    mask[2:18, 3:30] = True
    mask[5:12, 6:14] = False
    mask[4:9, 20:25] = False
    mask[8, 9] = mask[21, 37] = True
    return mask


def corner() -> Mask:
    """A square in a corner, over a part of the ring, and two pixels that touch at a corner."""
    mask = np.zeros(SIZE, bool)
    mask[:7, :8] = True
    mask[20, 5] = mask[21, 6] = True
    return mask


MASKS = {
    (SOURCE, QUERIES[0]): ring(),
    (SOURCE, QUERIES[1]): corner(),
    (OTHER, QUERIES[0]): corner(),
    (OTHER, QUERIES[2]): np.ones(SIZE, bool),
}


def row_of(path: str, query: str, mask: Mask | None, *, picture: str = "") -> LabelRow:
    """The row of a mask; of one without pixels, or of a word that nobody knows (None)."""
    inside = np.zeros(SIZE, bool) if mask is None else mask
    rows, cols = np.nonzero(inside)
    there = len(rows) > 0
    return LabelRow(
        id=picture or f"id-of-{path}",
        path=path,
        query=query,
        present=None if mask is None else there,
        presence=None if mask is None else 0.75 if there else 0.25,
        score=0.5 if there else None,
        rle=coco.encode(np.asfortranarray(inside.astype(np.uint8)))["counts"].decode(),
        box=(int(cols.min()), int(rows.min()), int(cols.max()) + 1, int(rows.max()) + 1)
        if there
        else None,
        area=len(rows),
        height=inside.shape[0],
        width=inside.shape[1],
        regions=(),
        evaluations=20,
        notes=(),
        error=None,
        model=ORIGIN.model,
        fingerprint=ORIGIN.fingerprint,
        settings=ORIGIN.settings,
        version=ORIGIN.version,
    )


def rows_of_picture(path: str) -> list[LabelRow]:
    """Its masks; "boat" is in none, and nobody knows the word "car"."""
    nothing = np.zeros(SIZE, bool)
    known = [row_of(path, query, MASKS.get((path, query), nothing)) for query in QUERIES[:4]]
    return [*known, row_of(path, QUERIES[4], None)]


def write_part(folder: Path, name: str, rows: Sequence[LabelRow]) -> None:
    folder.mkdir(exist_ok=True)
    parquet.write_table(table_of(rows), folder / f"part-{name}.parquet")


def write_pictures(root: Path) -> None:
    """Two pictures of 24 x 40; the first lies on its side in its file."""
    (root / "in").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # what is on the right of the file belongs at the bottom
    Image.new("RGB", (SIZE[0], SIZE[1]), "green").save(root / SOURCE, exif=exif)
    Image.new("RGB", (SIZE[1], SIZE[0]), "blue").save(root / OTHER)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Labels of two pictures and of one that could not be read, with the pictures beside."""
    root, folder = tmp_path / "photos", tmp_path / "labels"
    write_pictures(root)
    broken = error_rows("id-c", "c.png", QUERIES, error="the file is empty", origin=ORIGIN)
    write_part(folder, "1", rows_of_picture(SOURCE))
    write_part(folder, "2", [*rows_of_picture(OTHER), *broken])
    (folder / "job.json").write_text(json.dumps({"format": 1, "root": str(root)}))
    return folder
