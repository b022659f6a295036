from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.exporting.samples import (
    MASKS,
    OTHER,
    QUERIES,
    SOURCE,
    Mask,
    corner,
    ring,
    row_of,
    write_part,
)
from textseg.exporting.export import export_labels


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_each_mask_is_a_picture_in_the_folder_of_its_query(labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_labels(labels, to="masks", output=out)
    folders = json.loads((out / "queries.json").read_text("utf-8"))
    assert folders["Äpfel & <Birnen>"] == "äpfel-birnen"
    for path, name in ((SOURCE, "in/Gärten, grün.png"), (OTHER, "b.png")):
        for query in QUERIES[:4]:
            mask = read(out / folders[query] / name)
            expected = MASKS.get((path, query), np.zeros_like(ring()))
            np.testing.assert_array_equal(mask, np.where(expected, 255, 0))
    assert not (out / folders["car"]).exists()


def test_class_numbers_are_those_of_the_smaller_mask(labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = export_labels(labels, to="indexed", output=out)
    numbers = json.loads((out / "classes.json").read_text("utf-8"))
    assert numbers == {query: number for number, query in enumerate(QUERIES, 1)}
    expected = np.where(corner(), 2, np.where(ring(), 1, 0))
    np.testing.assert_array_equal(read(out / "classes/in/Gärten, grün.png"), expected)
    np.testing.assert_array_equal(read(out / "classes/b.png"), np.where(corner(), 1, 3))
    hidden = int((ring() & corner()).sum() + corner().sum())
    assert f"{hidden} pixels of larger ones are lost" in facts.notes[-3]


def test_more_queries_than_a_byte_can_number_take_two(tmp_path: Path) -> None:
    masks: list[tuple[str, Mask]] = [(f"thing {k}", corner()) for k in range(299)]
    rows = [row_of("a.png", query, mask) for query, mask in [*masks, ("dot", ring() & corner())]]
    write_part(tmp_path / "labels", "1", rows)
    export_labels(tmp_path / "labels", to="indexed", output=tmp_path / "out")
    numbers = read(tmp_path / "out" / "classes" / "a.png")
    np.testing.assert_array_equal(numbers[ring() & corner()], 300)


def test_pictures_that_differ_in_suffix_or_case_have_files_of_their_own(tmp_path: Path) -> None:
    rows = [row_of("a.png", "tree", ring()), row_of("A.jpg", "tree", corner())]
    rows.append(row_of("../../x/b.png", "tree", corner()))
    write_part(tmp_path / "labels", "1", rows)
    export_labels(tmp_path / "labels", to="masks", output=tmp_path / "out")
    folder = tmp_path / "out" / "tree"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png")) == [
        "A-id-of-A-jpg.png",
        "a-id-of-a-png.png",
        "x/b.png",
    ]
    np.testing.assert_array_equal(read(folder / "a-id-of-a-png.png"), np.where(ring(), 255, 0))
