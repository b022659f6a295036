from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from tests.exporting.samples import MASKS, QUERIES, SOURCE, Mask
from textseg.exporting.export import export_labels
from textseg.exporting.label_studio import brush_rle


def decoded(rle: list[int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture (H, W, 4) in run lengths, as rle-pack of thi.ng/umbrella reads them."""
    bits, at = "".join(f"{byte:08b}" for byte in rle), 0

    def read(count: int) -> int:
        nonlocal at
        at += count
        return int(bits[at - count : at], 2)

    number, value_bits = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < number:
        same = read(1)
        length = read(sizes[read(2)]) + 1
        values += [read(value_bits)] * length if same else [read(value_bits) for _ in range(length)]
    return np.array(values, np.uint8).reshape(*size, 4)


def as_brush(mask: Mask) -> NDArray[np.uint8]:
    return np.repeat(np.where(mask, np.uint8(255), np.uint8(0))[..., None], 4, axis=2)


def test_masks_are_brushes_of_a_prediction(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="label-studio", output=tmp_path / "out")
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text("utf-8"))
    read = {}
    for task in tasks:
        for each in task["predictions"][0]["result"]:
            size = (each["original_height"], each["original_width"])
            (query,) = each["value"]["brushlabels"]
            read[task["data"]["path"], query] = decoded(each["value"]["rle"], size)
            assert each["score"] == 0.75
    assert read.keys() == MASKS.keys()
    for key, brush in read.items():
        np.testing.assert_array_equal(brush, as_brush(MASKS[key]))


def test_tasks_name_the_picture_and_what_is_not_in_it(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="label-studio", output=tmp_path / "out")
    task = json.loads((tmp_path / "out" / "tasks.json").read_text("utf-8"))[0]
    assert parse_qs(urlsplit(task["data"]["image"]).query)["d"] == [f"photos/{SOURCE}"]
    assert task["data"]["absent"] == list(QUERIES[2:4])
    assert task["data"]["undecided"] == ["car"]


def test_settings_have_a_brush_for_each_query(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="label-studio", output=tmp_path / "out")
    view = ElementTree.parse(tmp_path / "out" / "config.xml")
    assert [label.get("value") for label in view.iter("Label")] == list(QUERIES)


def test_bytes_are_those_of_label_studios_own_writer() -> None:
    mask = np.zeros((4, 6), bool)
    mask[1:3, 2:5] = True
    # label_studio_sdk.converter.brush.mask2rle of version 2.1.2
    expected = [0, 0, 0, 96, 57, 27, 254, 31, 0, 183, 255, 108, 2, 223, 254, 27, 0, 0]
    assert brush_rle(mask) == expected


def test_runs_longer_than_their_longest_count_are_divided() -> None:
    mask = np.zeros((130, 300), bool)
    mask[110:] = True
    np.testing.assert_array_equal(decoded(brush_rle(mask), (130, 300)), as_brush(mask))
    full = np.ones((128, 128), bool)  # 4 * 128 * 128 values are just one count
    np.testing.assert_array_equal(decoded(brush_rle(full), (128, 128)), as_brush(full))
