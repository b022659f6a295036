from __future__ import annotations

import re
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from textseg import Scene
from textseg.errors import InvalidInputError, MissingExtraError, WorkspaceError
from textseg.labelling.rows import (
    LabelRow,
    Origin,
    error_rows,
    read_errors,
    read_rows,
    rows_from,
    rows_of,
    schema,
    table_of,
)
from textseg.testing import GaussianModel

MODEL = GaussianModel()
ORIGIN = Origin("gaussian", "0f", "1e", "2.0")
SCENE = Scene.open(MODEL.picture(["tree"], 24, 40, seed=4), MODEL)
QUERIES = ["tree", "house", "boat"]
FOUND = SCENE.segment_all(QUERIES)
ROWS = rows_of("a1", "in/garden.png", FOUND, origin=ORIGIN)


def written(folder: Path, name: str, rows: list[LabelRow]) -> None:
    parquet.write_table(table_of(rows), folder / f"part-{name}.parquet")


def test_rows_say_what_was_found() -> None:
    for row, item in zip(ROWS, FOUND, strict=True):
        np.testing.assert_array_equal(row.mask(), item.binary())
        assert (row.query, row.present) == (item.query, item.present)
        assert row.area == item.binary().sum()
        assert row.regions == tuple(item.regions())
        assert (row.height, row.width) == (24, 40)
        assert (row.id, row.path, row.model, row.version) == (
            "a1",
            "in/garden.png",
            "gaussian",
            "2.0",
        )
    assert ROWS[0].area
    assert ROWS[0].presence == FOUND[0].presence
    assert ROWS[0].score == FOUND[0].soft[FOUND[0].binary()].mean()


def test_box_is_that_of_the_pixels_inside() -> None:
    inside = ROWS[0].mask()
    assert ROWS[0].box is not None
    left, top, right, bottom = ROWS[0].box
    assert inside[top:bottom, left:right].sum() == inside.sum()
    assert inside[top].any()
    assert inside[bottom - 1].any()
    assert inside[:, left].any()
    assert inside[:, right - 1].any()


def test_query_that_is_not_present_has_an_empty_mask_and_no_box() -> None:
    absent = ROWS[1]
    assert absent.present is False
    assert not absent.mask().any()
    assert (absent.area, absent.box, absent.score, absent.regions) == (0, None, None, ())


def test_query_with_a_word_that_the_model_does_not_know_has_no_answer() -> None:
    assert (ROWS[2].present, ROWS[2].presence, ROWS[2].error) == (None, None, None)
    assert ROWS[2].notes == ("this model does not know 'boat'",)


def test_rows_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    broken = error_rows("b2", "b.png", ["tree"], error="the file is empty", origin=ORIGIN)
    rows = [*ROWS, *broken]
    written(tmp_path, "1", rows)
    again = list(read_rows(tmp_path))
    assert again == list(rows_from(table_of(rows)))  # in the precision of the columns
    assert [replace(row, presence=0, score=0, regions=()) for row in again] == [
        replace(row, presence=0, score=0, regions=()) for row in rows
    ]
    with pytest.raises(InvalidInputError, match=r"b\.png has no mask of 'tree': the file is empty"):
        again[3].mask()


def test_every_field_of_a_row_is_a_column() -> None:
    assert schema().names == [each.name for each in fields(LabelRow)]


def test_picture_in_two_files_is_read_once(tmp_path: Path) -> None:
    written(tmp_path, "1", ROWS)
    written(tmp_path, "2", [*ROWS, *rows_of("c3", "c.png", FOUND, origin=ORIGIN)])
    assert [row.id for row in read_rows(tmp_path)] == [*["a1"] * 3, *["c3"] * 3]


def test_errors_name_their_pictures(tmp_path: Path) -> None:
    told = {"a": "in/a.png: the file is empty", "b": "3 workers died"}
    rows = [
        row
        for name, error in told.items()
        for row in error_rows(name, f"in/{name}.png", QUERIES, error=error, origin=ORIGIN)
    ]
    written(tmp_path, "1", [*rows, *ROWS])
    assert list(read_errors(tmp_path)) == [told["a"], "in/b.png: 3 workers died"]


def test_folder_without_labels_says_what_makes_some(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="`textseg label` makes some"):
        list(read_rows(tmp_path))


def test_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    written(tmp_path, "1", ROWS)
    path = tmp_path / "part-1.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WorkspaceError, match=r"part-1\.parquet cannot be read"):
        list(read_rows(tmp_path))


def test_columns_are_told_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "many_pictures.md"
    table = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    told = {name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert set(schema().names) <= told


def test_missing_libraries_are_asked_for_by_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[label\]'"):
        table_of(ROWS)
