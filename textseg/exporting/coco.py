"""COCO: one file of JSON, masks as compressed run lengths, exact whatever their shape.

An annotation is all that a query has in a picture, whether in one piece or more. What is not in a
picture is told as LVIS does (arXiv:1908.03195, section 2): ``neg_category_ids`` of the image.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import UPRIGHT, JsonList, text_file

FILE = "labels.json"


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``labels.json``; see ``Writer``."""
    beside = folder / "annotations"  # two lists grow at once, and JSON has one after the other
    with text_file(folder / FILE) as whole, text_file(beside) as second:
        whole.write(f'{{"info": {{"description": "{UPRIGHT}"}},\n"categories": ')
        _write_categories(labels, whole)
        _write_lists(labels, pictures, whole, second)
    with (folder / FILE).open("ab") as end, beside.open("rb") as start:
        shutil.copyfileobj(start, end)
    beside.unlink()
    return [
        f"{FILE}: file_name counts from the folder of the pictures; readers that leave EXIF data "
        "aside have to turn the pictures that it turns",
        "what is not in a picture is in neg_category_ids of the image",
    ]


def _write_categories(labels: Labels, whole: IO[str]) -> None:
    categories = JsonList(whole)
    for number, query in enumerate(labels.queries, 1):
        categories.add({"id": number, "name": query, "supercategory": ""})
    categories.close()


def _write_lists(
    labels: Labels, pictures: Iterable[PictureLabels], whole: IO[str], second: IO[str]
) -> None:
    numbers = {query: number for number, query in enumerate(labels.queries, 1)}
    images = JsonList(whole, ',\n"images": [', "],\n")
    annotations = JsonList(second, '"annotations": [', "]}\n")
    image, count = 0, 0
    for picture in pictures:
        if picture.size is None:
            continue
        image += 1
        absent = [numbers[query] for query in picture.absent]
        size = {"height": picture.size[0], "width": picture.size[1]}
        images.add({"id": image, "file_name": picture.path, **size, "neg_category_ids": absent})
        for row in picture.found:
            assert row.box is not None  # it has pixels
            count += 1
            left, top, right, bottom = row.box
            annotations.add(
                {
                    "id": count,
                    "image_id": image,
                    "category_id": numbers[row.query],
                    "segmentation": {"size": list(picture.size), "counts": row.rle},
                    "area": row.area,
                    "bbox": [left, top, right - left, bottom - top],
                    "iscrowd": 0,
                    "score": row.score,
                    "presence": row.presence,
                }
            )
    images.close()
    annotations.close()
