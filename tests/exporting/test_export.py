from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from tests.exporting.samples import (
    ORIGIN,
    OTHER,
    QUERIES,
    SIZE,
    SOURCE,
    ring,
    row_of,
    rows_of_picture,
    write_part,
)
from textseg import Scene
from textseg.errors import InvalidInputError, OutputExistsError, UnknownNameError, WorkspaceError
from textseg.exporting.export import ExportFacts, export_labels
from textseg.exporting.formats import FORMATS
from textseg.exporting.labels import open_labels
from textseg.images import to_uint8
from textseg.labelling.rows import Origin, error_rows, rows_of
from textseg.progress import Progress
from textseg.testing import GaussianModel

FORMAT_NAMES = list(FORMATS.own)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path; what links lead to is left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_format_says_what_was_written(labels: Path, tmp_path: Path, name: str) -> None:
    facts = export_labels(labels, to=name, output=tmp_path / "out")
    counts = (facts.pictures, facts.unread, facts.masks, facts.absent, facts.undecided)
    assert counts == (2, 1, 4, 4, 2)
    assert facts.queries == list(QUERIES)
    assert facts.models == ["gaussian 0f"]
    assert "upright by their EXIF data" in facts.notes[0]
    assert "1 picture could not be read" in facts.notes[-2]
    assert "2 answers missing" in facts.notes[-1]
    written = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert ExportFacts(folder=facts.folder, **written) == facts


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_the_same_labels_give_the_same_bytes(labels: Path, tmp_path: Path, name: str) -> None:
    for out in ("one", "two"):
        export_labels(labels, to=name, output=tmp_path / out)
    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_nothing_is_left_where_rows_cannot_be_read(
    labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def spoil(progress: Progress) -> None:
        path = labels / "part-2.parquet"
        path.write_bytes(path.read_bytes()[:-9])

    before = sorted(tmp_path.iterdir())
    with pytest.raises(WorkspaceError, match=r"part-2\.parquet cannot be read"):
        export_labels(labels, to=name, output=tmp_path / "new" / "out", progress=spoil)
    assert sorted(tmp_path.iterdir()) == before


def test_folder_with_something_in_it_is_left_alone(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputExistsError, match="is not empty; choose another folder"):
        export_labels(labels, to="coco", output=labels)
    (tmp_path / "empty").mkdir()
    export_labels(labels, to="coco", output=tmp_path / "empty")
    assert (tmp_path / "empty" / "labels.json").is_file()


def test_unknown_format_lists_the_known_ones(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown format 'voc'; known: coco, "):
        export_labels(labels, to="voc", output=tmp_path / "out")


def test_folder_of_pictures_has_to_be_there(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no folder"):
        export_labels(labels, to="coco", output=tmp_path / "out", pictures=tmp_path / "nowhere")


def test_folder_without_labels_says_what_makes_some(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="`textseg label` makes some"):
        export_labels(tmp_path, to="coco", output=tmp_path / "out")


def test_progress_counts_the_pictures(labels: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export_labels(
        labels,
        to="coco",
        output=tmp_path / "out",
        progress=lambda at: seen.append((at.step, at.of)),
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_picture_in_several_files_comes_once_with_all_its_queries(tmp_path: Path) -> None:
    rows = rows_of_picture(SOURCE)
    further = [row_of(SOURCE, "rose", ring()), replace(rows[0], presence=0.1)]
    write_part(tmp_path, "1", rows)
    write_part(tmp_path, "2", [*further, *rows_of_picture(OTHER)])
    labels = open_labels(tmp_path)
    assert (labels.pictures, labels.queries) == (2, (*QUERIES, "rose"))
    other, source = labels.stream()
    assert (other.path, source.path) == (OTHER, SOURCE)
    assert sorted(row.query for row in source.rows) == sorted([*QUERIES, "rose"])
    assert next(row for row in source.rows if row.query == "tree").presence == rows[0].presence


def test_answer_counts_more_than_an_error_of_another_time(tmp_path: Path) -> None:
    failed = error_rows("id-of-b.png", OTHER, QUERIES, error="no memory", origin=ORIGIN)
    write_part(tmp_path, "1", failed)
    write_part(tmp_path, "2", rows_of_picture(OTHER))
    (picture,) = open_labels(tmp_path).stream()
    assert [row.query for row in picture.found] == [QUERIES[0], QUERIES[2]]
    assert picture.size == SIZE


def test_masks_of_a_turned_picture_lie_in_what_is_displayed(tmp_path: Path) -> None:
    """From a file that lies on its side to the annotation: 24 x 40, as people see it."""
    model = GaussianModel()
    upright = Image.fromarray(to_uint8(model.picture(["tree"], 24, 40, seed=4)))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned to the right
    path = tmp_path / "turned.png"
    upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    found = Scene.open(path, model).segment_all(["tree"])
    write_part(tmp_path / "labels", "1", rows_of("a", path.name, found, origin=Origin(*"abcd")))
    export_labels(tmp_path / "labels", to="coco", output=tmp_path / "out")
    read = COCO(str(tmp_path / "out" / "labels.json"))
    straight = Scene.open(upright, model).segment_all(["tree"])
    assert (read.imgs[1]["height"], read.imgs[1]["width"]) == (24, 40)
    np.testing.assert_array_equal(read.annToMask(read.anns[1]), straight[0].binary())
    assert straight[0].binary().any()
