"""A data set for Hugging Face's ``datasets``: our rows, with the mask and the path as pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import text_file
from textseg.images import png_bytes
from textseg.labelling.rows import LabelRow, arrow, table_of

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_A_FILE = 2000
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---

Masks of pictures, found by text. A row is a picture and a query: `present` says whether the query
is in the picture, `mask` is where (255 inside; empty where it is not), `rle` is the same as
compressed run lengths of COCO. Rows with `error` are of pictures that could not be read.

Masks lie in the pictures as they are displayed, upright by their EXIF data, as `datasets` opens
them.
"""


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``data/*.parquet`` and the card, ``README.md``; see ``Writer``."""
    arrow()
    from pyarrow import parquet

    (folder / "data").mkdir()
    for number, rows in enumerate(_batches(pictures)):
        table = _table(rows, labels.root)
        path = folder / "data" / f"train-{number:05}.parquet"
        parquet.write_table(table, path, compression="zstd")
    with text_file(folder / "README.md") as card:
        card.write(CARD)
    where = (
        f"the pictures are named, not copied: they stay in {labels.root}, and "
        "`push_to_hub` takes them along"
        if labels.root
        else "there are no pictures in it, as nobody knows where they are"
    )
    return ['datasets.load_dataset("...") reads the folder', where]


def _batches(pictures: Iterable[PictureLabels]) -> Iterator[list[LabelRow]]:
    rows: list[LabelRow] = []
    for picture in pictures:
        rows += picture.rows
        if len(rows) >= ROWS_A_FILE:
            yield rows
            rows = []
    if rows:
        yield rows


def _table(rows: list[LabelRow], root: Path | None) -> pa.Table:
    """Return rows with a column ``mask``, and one ``image`` where the pictures are known."""
    pa = arrow()
    columns = {"mask": [_mask(row) for row in rows]}
    if root is not None:
        columns["image"] = [_image(row, root.resolve()) for row in rows]
    table = table_of(rows)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for name, values in columns.items():
        table = table.add_column(0, pa.field(name, kind), pa.array(values, kind))
    features = {name: {"_type": "Image"} for name in columns}
    about = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({"huggingface": about})


def _image(row: LabelRow, root: Path) -> dict[str, object] | None:
    return None if row.error else {"bytes": None, "path": str(root / row.path)}


def _mask(row: LabelRow) -> dict[str, object] | None:
    return None if row.rle is None else {"bytes": png_bytes(row.mask()), "path": None}
