"""FiftyOne: its layout of a COCO data set, ``data/`` and ``labels.json``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textseg.exporting import coco
from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import link_pictures


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``labels.json`` and a link ``data``; see ``Writer``."""
    coco.write(labels, pictures, folder)
    return [
        link_pictures(labels, folder / "data"),
        'fiftyone.Dataset.from_dir(dataset_dir="...", label_types="segmentations", '
        "dataset_type=fiftyone.types.COCODetectionDataset) reads it",
        "FiftyOne does not keep what is not in a picture; labels.json has it in neg_category_ids",
    ]
