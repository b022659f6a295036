from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from cvat_sdk.masks import decode_mask, encode_mask

from tests.exporting.samples import MASKS, OTHER, QUERIES, SIZE, SOURCE
from textseg.exporting.cvat import runs_of
from textseg.exporting.export import export_labels


def test_cvat_reads_every_mask_as_it_was(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="cvat", output=tmp_path / "out")
    whole = ElementTree.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert [name.text for name in whole.findall("meta/task/labels/label/name")] == list(QUERIES)
    read = {}
    for image in whole.iter("image"):
        size = int(image.attrib["height"]), int(image.attrib["width"])
        assert size == SIZE
        for mask in image.iter("mask"):
            runs = [int(run) for run in mask.attrib["rle"].split(",")]
            left, top, width, height = (
                int(mask.attrib[name]) for name in ("left", "top", "width", "height")
            )
            points = [*runs, left, top, left + width - 1, top + height - 1]
            found = decode_mask(points, image_width=size[1], image_height=size[0])
            read[image.attrib["name"], mask.attrib["label"]] = found
    assert read.keys() == MASKS.keys()
    for key, found in read.items():
        np.testing.assert_array_equal(found, MASKS[key])


def test_images_are_numbered_and_those_that_could_not_be_read_left_out(
    labels: Path, tmp_path: Path
) -> None:
    export_labels(labels, to="cvat", output=tmp_path / "out")
    whole = ElementTree.parse(tmp_path / "out" / "annotations.xml")
    images = [(image.get("id"), image.get("name")) for image in whole.iter("image")]
    assert images == [("0", SOURCE), ("1", OTHER)]


def test_runs_are_those_of_cvats_own_writer() -> None:
    for mask in MASKS.values():
        assert runs_of(mask) == encode_mask(mask, [0, 0, SIZE[1], SIZE[0]])[:-4]
