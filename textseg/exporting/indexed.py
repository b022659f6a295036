"""A PNG of class numbers for each picture: 0 is none of the queries, 1 the first of them.

Grey, because some readers put colours in the place of the numbers of a palette.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import counted, write_json, write_png


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``classes.json`` and ``classes/<picture>.png``; see ``Writer``."""
    numbers = {query: number for number, query in enumerate(labels.queries, 1)}
    write_json(folder / "classes.json", numbers)
    hidden = 0
    for picture in pictures:
        if picture.size is not None:
            drawn = _drawn(picture, numbers)
            hidden += sum(row.area or 0 for row in picture.found) - int((drawn > 0).sum())
            write_png(folder / "classes" / f"{labels.name_of(picture)}.png", drawn)
    return list(_notes(hidden))


def _drawn(picture: PictureLabels, numbers: dict[str, int]) -> NDArray[np.unsignedinteger]:
    """Return the numbers (H, W) of a picture; the smaller of two masks lies on top."""
    assert picture.size is not None
    drawn = np.zeros(picture.size, np.uint8 if len(numbers) < 256 else np.uint16)
    for row in sorted(picture.found, key=lambda row: -(row.area or 0)):
        drawn[row.mask()] = numbers[row.query]
    return drawn


def _notes(hidden: int) -> Iterator[str]:
    yield "classes.json has the number of each query; 0 is none of them"
    yield (
        "there is no place for probabilities, nor for the difference between what is not in a "
        "picture and what has no answer"
    )
    if hidden:
        yield (
            f"masks lie over each other, and the smaller one counts: {counted(hidden, 'pixel')} "
            "of larger ones are lost"
        )
