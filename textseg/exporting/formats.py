"""The formats by name. Another package adds one as an entry point in ``textseg.formats``."""

from __future__ import annotations

from typing import Final

from textseg.registry.named import Names, Own

FORMATS: Final = Names(
    "format",
    "textseg.formats",
    {
        "coco": Own("textseg.exporting.coco:write", "run lengths of COCO, with LVIS's negatives"),
        "yolo": Own("textseg.exporting.yolo:write", "polygons for Ultralytics"),
        "masks": Own("textseg.exporting.masks:write", "a PNG for each mask"),
        "indexed": Own("textseg.exporting.indexed:write", "a PNG of class numbers for a picture"),
        "geojson": Own("textseg.exporting.geojson:write", "polygons on the globe, or in pixels"),
        "label-studio": Own("textseg.exporting.label_studio:write", "predictions, as brushes"),
        "cvat": Own("textseg.exporting.cvat:write", "CVAT for images 1.1, as masks"),
        "hf": Own("textseg.exporting.hugging_face:write", "a data set for Hugging Face"),
        "fiftyone": Own("textseg.exporting.fiftyone:write", "COCO as FiftyOne reads it"),
    },
)
"""What can be written: each a ``textseg.exporting.writing.Writer``."""
