"""CVAT for images 1.1: one file of XML, masks as run lengths of their rows within their box."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import text_file
from textseg.labelling.rows import LabelRow

FILE = "annotations.xml"


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``annotations.xml``; see ``Writer``."""
    with text_file(folder / FILE) as stream:
        stream.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n')
        stream.write(f"<version>1.1</version>\n{_line(_meta(labels.queries))}")
        readable = (picture for picture in pictures if picture.size is not None)
        stream.writelines(_line(_image(number, each)) for number, each in enumerate(readable))
        stream.write("</annotations>\n")
    return [
        f"{FILE} is uploaded to a task with these pictures, by the same names, and these queries "
        "as labels",
        "there is no place for probabilities, nor for what is not in a picture",
    ]


def runs_of(mask: NDArray[np.bool_]) -> list[int]:
    """Return how many pixels of a mask (H, W) are outside, then inside ... row by row."""
    flat = np.r_[False, mask.ravel()]
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(run) for run in np.diff(np.r_[0, changes, mask.size])]


def _meta(queries: Iterable[str]) -> Xml.Element:
    meta = Xml.Element("meta")
    labels = Xml.SubElement(Xml.SubElement(meta, "task"), "labels")
    for query in queries:
        label = Xml.SubElement(labels, "label")
        Xml.SubElement(label, "name").text = query
        Xml.SubElement(label, "type").text = "mask"
        Xml.SubElement(label, "attributes")
    return meta


def _image(number: int, picture: PictureLabels) -> Xml.Element:
    assert picture.size is not None
    height, width = map(str, picture.size)
    name = re.sub(r"[\0-\x1f]", "\ufffd", picture.path)  # XML has no place for these
    image = Xml.Element("image", id=str(number), name=name, width=width, height=height)
    for row in picture.found:
        Xml.SubElement(image, "mask", _mask(row))
    return image


def _mask(row: LabelRow) -> dict[str, str]:
    assert row.box is not None  # it has pixels
    left, top, right, bottom = row.box
    return {
        "label": row.query,
        "source": "auto",
        "occluded": "0",
        "rle": ", ".join(map(str, runs_of(row.mask()[top:bottom, left:right]))),
        "left": str(left),
        "top": str(top),
        "width": str(right - left),
        "height": str(bottom - top),
        "z_order": "0",
    }


def _line(element: Xml.Element) -> str:
    return f"{Xml.tostring(element, encoding='unicode')}\n"
