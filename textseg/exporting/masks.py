"""A PNG of 8 bits for each mask, 255 = inside; a folder for each query."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import write_json, write_png
from textseg.segmentation.export import stems


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``<query>/<picture>.png`` for all that was answered; see ``Writer``."""
    folders = dict(zip(labels.queries, stems(labels.queries), strict=True))
    write_json(folder / "queries.json", folders)
    for picture in pictures:
        name = labels.name_of(picture)
        for row in picture.rows:
            if row.present is not None:
                write_png(folder / folders[row.query] / f"{name}.png", row.mask())
    return [
        "queries.json has the folder of each query; what is not in a picture has a mask without "
        "pixels, what has no answer has none",
        "there is no place for probabilities",
    ]
