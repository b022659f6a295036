"""Label Studio: tasks with predictions, masks as brushes; its run lengths are those of rle-pack.

These come as bits: 32 for the number of values, 5 for the bits of a value (less 1), 4 for each of
four lengths of a count (less 1); then, for each run, a 1, which of the four lengths its count has,
the count (less 1) and the value. The values are red, green, blue and opacity of each pixel:
all 255 inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import JsonList, text_file
from textseg.labelling.rows import LabelRow

COUNT_BITS = (3, 4, 8, 16)  # those that Label Studio's own writer uses
LONGEST_RUN = 2 ** COUNT_BITS[-1]


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``tasks.json`` and ``config.xml``; see ``Writer``."""
    _write_config(folder / "config.xml", labels.queries)
    above = PurePosixPath(labels.root.name if labels.root else "")
    with text_file(folder / "tasks.json") as stream:
        tasks = JsonList(stream)
        for picture in pictures:
            if picture.size is not None:
                tasks.add(_task(picture, above))
        tasks.close()
    where = labels.root.parent if labels.root else "the folder of the pictures"
    return [
        "config.xml is for the settings of the project, tasks.json is imported; pictures are "
        f"served with LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={where}",
        "what is not in a picture is in data.absent of its task, what has no answer in "
        "data.undecided",
    ]


def brush_rle(mask: NDArray[np.bool_]) -> list[int]:
    """Return the bytes of the run lengths of a mask (H, W)."""
    flat = mask.ravel()
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    lengths = 4 * np.diff(np.r_[starts, flat.size])
    bits = [f"{4 * flat.size:032b}{8 - 1:05b}", *(f"{count - 1:04b}" for count in COUNT_BITS)]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        value = "1" * 8 if flat[start] else "0" * 8
        bits += [f"{_count(part)}{value}" for part in _parts(length)]
    text = "".join(bits)
    text += "0" * (8 - len(text) % 8)  # a whole byte where none is needed, as Label Studio does
    return list(int(text, 2).to_bytes(len(text) // 8))


def _parts(length: int) -> list[int]:
    whole, rest = divmod(length, LONGEST_RUN)
    return [LONGEST_RUN] * whole + [rest] * (rest > 0)


def _count(length: int) -> str:
    """Return the bits that begin a run: what it is, and how long."""
    which = next(k for k, bits in enumerate(COUNT_BITS) if length <= 2**bits)
    return f"1{which:02b}{length - 1:0{COUNT_BITS[which]}b}"


def _task(picture: PictureLabels, above: PurePosixPath) -> dict[str, object]:
    results = [_result(row, number) for number, row in enumerate(picture.found)]
    sure = [row.presence for row in picture.found if row.presence is not None]
    prediction = {
        "model_version": picture.rows[0].model,
        "score": min(sure, default=0.0),  # of the least sure: what people look at first
        "result": results,
    }
    return {
        "data": {
            "image": f"/data/local-files/?d={quote(str(above / picture.path))}",
            "path": picture.path,
            "absent": picture.absent,
            "undecided": picture.undecided,
        },
        "predictions": [prediction],
    }


def _result(row: LabelRow, number: int) -> dict[str, object]:
    return {
        "id": f"mask-{number}",
        "type": "brushlabels",
        "from_name": "query",
        "to_name": "image",
        "original_width": row.width,
        "original_height": row.height,
        "image_rotation": 0,
        "score": row.presence,
        "value": {"format": "rle", "rle": brush_rle(row.mask()), "brushlabels": [row.query]},
    }


def _write_config(path: Path, queries: Iterable[str]) -> None:
    with text_file(path) as stream:
        stream.write('<View>\n  <Image name="image" value="$image" zoom="true"/>\n')
        stream.write('  <BrushLabels name="query" toName="image">\n')
        stream.writelines(f"    <Label value={quoteattr(query)}/>\n" for query in queries)
        stream.write("  </BrushLabels>\n</View>\n")
