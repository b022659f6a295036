"""YOLO, as Ultralytics reads segments: a text file a picture, a polygon on each line.

A line is one object, so each piece of a mask has its own; holes are joined to their outlines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.outlines import rings_of
from textseg.exporting.writing import counted, link_pictures, text_file, write_json

IMAGES = "images"
WITHIN = 0.25  # of a pixel: Ultralytics cuts a point down to a whole pixel, others round it


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``data.yaml``, ``train.txt``, ``labels/`` and a link ``images``; see ``Writer``."""
    numbers = {query: number for number, query in enumerate(labels.queries)}
    left_out = []
    with text_file(folder / "train.txt") as listed:
        for picture in pictures:
            if picture.size is None:
                continue
            if not _can_be_found(labels, picture):
                left_out.append(picture.path)
                continue
            listed.write(f"./{IMAGES}/{picture.path}\n")
            with text_file(folder / "labels" / f"{labels.name_of(picture)}.txt") as lines:
                lines.writelines(_lines(picture, numbers))
    facts = {"train": "train.txt", "val": "train.txt", "names": list(labels.queries)}
    write_json(folder / "data.yaml", facts)  # all JSON is YAML
    return [link_pictures(labels, folder / IMAGES), *_notes(left_out)]


def _can_be_found(labels: Labels, picture: PictureLabels) -> bool:
    """Return whether Ultralytics comes from the path of the picture to its labels.

    It puts "labels" in the place of the last folder "images", and ".txt" in that of the suffix.
    """
    path = PurePosixPath(picture.path)
    plain = str(labels.name_of(picture)) == str(path.with_suffix(""))
    return picture.is_inside and plain and IMAGES not in path.parent.parts and "\n" not in str(path)


def _lines(picture: PictureLabels, numbers: dict[str, int]) -> Iterator[str]:
    assert picture.size is not None
    for row in picture.found:
        for ring in rings_of(row.mask()):
            points = (np.resize(ring, (max(3, len(ring)), 2)) + WITHIN) / picture.size
            values = " ".join(f"{value:.6f}" for value in points[:, ::-1].flat)
            yield f"{numbers[row.query]} {values}\n"


def _notes(left_out: list[str]) -> Iterator[str]:
    yield "val in data.yaml is train: divide the pictures as you like"
    yield (
        "pieces of a mask are objects of their own, and a hole hangs on its outline by a line; "
        "there is no place for probabilities"
    )
    if left_out:
        yield (
            f"{counted(len(left_out), 'picture')} left out, as YOLO would look for the labels "
            "elsewhere (a name that is another's but for suffix or case, a folder named "
            f"{IMAGES!r}, or outside of the folder): {', '.join(left_out[:5])}"
        )
