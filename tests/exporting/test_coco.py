from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO

from tests.exporting.samples import MASKS, OTHER, QUERIES, SIZE, SOURCE
from textseg.exporting.export import export_labels


def test_pycocotools_reads_every_mask_as_it_was(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="coco", output=tmp_path / "out")
    read = COCO(str(tmp_path / "out" / "labels.json"))
    names = {image["id"]: image["file_name"] for image in read.loadImgs(read.getImgIds())}
    queries = {each["id"]: each["name"] for each in read.loadCats(read.getCatIds())}
    annotations = read.loadAnns(read.getAnnIds())
    masks = {
        (names[each["image_id"]], queries[each["category_id"]]): read.annToMask(each)
        for each in annotations
    }
    assert masks.keys() == MASKS.keys()
    for key, mask in masks.items():
        np.testing.assert_array_equal(mask, MASKS[key])
    assert [each["area"] for each in annotations] == [mask.sum() for mask in masks.values()]
    assert annotations[0]["bbox"] == [3, 2, 35, 20]
    assert {each["iscrowd"] for each in annotations} == {0}
    assert tuple(queries.values()) == QUERIES


def test_images_have_the_size_that_is_displayed_and_what_is_not_in_them(
    labels: Path, tmp_path: Path
) -> None:
    export_labels(labels, to="coco", output=tmp_path / "out")
    read = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert "upright" in read["info"]["description"]
    assert [(each["file_name"], each["neg_category_ids"]) for each in read["images"]] == [
        (SOURCE, [3, 4]),
        (OTHER, [2, 4]),
    ]
    assert {(each["height"], each["width"]) for each in read["images"]} == {SIZE}


def test_fiftyone_gets_the_pictures_beside_the_same_file(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="coco", output=tmp_path / "coco")
    facts = export_labels(labels, to="fiftyone", output=tmp_path / "out")
    written = (tmp_path / "out" / "labels.json").read_bytes()
    assert written == (tmp_path / "coco" / "labels.json").read_bytes()
    for image in json.loads(written)["images"]:
        assert (tmp_path / "out" / "data" / image["file_name"]).is_file()
    assert any("COCODetectionDataset" in note for note in facts.notes)
