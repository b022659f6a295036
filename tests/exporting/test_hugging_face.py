from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest

from tests.exporting.samples import MASKS, OTHER, QUERIES, SIZE, SOURCE
from textseg.exporting import hugging_face
from textseg.exporting.export import export_labels


def load(folder: Path, cache: Path) -> datasets.Dataset:
    return datasets.load_dataset(str(folder), cache_dir=str(cache), split="train")


@pytest.fixture(autouse=True)
def quiet() -> None:
    datasets.disable_progress_bars()


def test_datasets_reads_pictures_masks_and_rows(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="hf", output=tmp_path / "out")
    read = load(tmp_path / "out", tmp_path / "cache")
    assert [(row["path"], row["query"]) for row in read] == [
        (path, query) for path in (SOURCE, OTHER, "c.png") for query in QUERIES
    ]
    for row in read:
        if row["error"] is None:
            expected = MASKS.get((row["path"], row["query"]), np.zeros(SIZE, bool))
            np.testing.assert_array_equal(np.asarray(row["mask"]), np.where(expected, 255, 0))
            assert row["image"].size == row["mask"].size  # upright, as the mask
        else:
            assert (row["error"], row["mask"]) == ("the file is empty", None)
    assert [row["present"] for row in read][:5] == [True, True, False, False, None]


def test_rows_are_spread_over_files(
    labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hugging_face, "ROWS_A_FILE", 6)
    export_labels(labels, to="hf", output=tmp_path / "out")
    files = sorted(path.name for path in (tmp_path / "out" / "data").iterdir())
    assert files == ["train-00000.parquet", "train-00001.parquet"]
    assert len(load(tmp_path / "out", tmp_path / "cache")) == 15


def test_without_the_pictures_there_are_masks_only(labels: Path, tmp_path: Path) -> None:
    (labels / "job.json").unlink()
    facts = export_labels(labels, to="hf", output=tmp_path / "out")
    assert "image" not in load(tmp_path / "out", tmp_path / "cache").column_names
    assert any("nobody knows where they are" in note for note in facts.notes)
