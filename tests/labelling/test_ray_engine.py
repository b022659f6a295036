from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.labelling.plugged import QUERIES, draw_pictures, plug_in
from textseg.errors import InvalidInputError, MissingExtraError
from textseg.labelling.digests import digest
from textseg.labelling.label import label
from textseg.labelling.rows import LabelRow, read_rows, rows_from
from textseg.labelling.worker import DEADLY
from textseg.ray import Label
from textseg.toolbox import LabelResult


@pytest.fixture(autouse=True)
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    plug_in(tmp_path / "package", monkeypatch)
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)  # of which a worker takes one, and here it is this process


@pytest.mark.slow
def test_cluster_of_two_workers_makes_the_files_of_one_process(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 9, white=5)
    asked = ["photos", "-q", QUERIES[0], "-q", QUERIES[1], "--model", "mortal", "--draws", "2"]
    for engine in ("ray", "local"):  # Ray in a process of its own, for it warns of itself
        how = ["-o", engine, "--engine", engine, "--workers", "2", "--json"]
        command = [sys.executable, "-m", "textseg", "label", *asked, *how]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        facts = LabelResult.model_validate_json(done.stdout)
        assert (facts.asked, facts.errors) == (9, 1)
        assert facts.first_errors == [f"5.png: {DEADLY}"]
        assert not list((tmp_path / engine).glob(".*"))
    for path in (tmp_path / "ray").glob("part-*"):
        assert path.read_bytes() == (tmp_path / "local" / path.name).read_bytes()


def test_batches_of_a_pipeline_become_the_rows_of_a_job(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 2)
    label("photos", QUERIES, model="mortal", draws=2, workers=1)
    pipeline = Label(QUERIES, model="mortal", draws=2)
    paths = np.array(["photos/0.png", "photos/1.png", "photos/none.png"], object)
    made = {row.path: row for row in rows_from(pipeline({"path": paths})) if row.query == "tree"}
    assert made["photos/0.png"].id == digest([b"photos/0.png"])
    assert made["photos/none.png"].error == "photos/none.png: no such file"
    for row in read_rows(tmp_path / "labels"):
        if row.query == "tree":
            assert told(made[f"photos/{row.path}"]) == told(row)


def told(row: LabelRow) -> tuple[object, ...]:
    return row.rle, row.presence, row.box, row.regions, row.settings, row.fingerprint


def test_pictures_of_a_pipeline_may_be_there_already(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 1)
    pipeline = Label(["tree"], model="mortal", draws=2)
    content = np.array([(tmp_path / "photos" / "0.png").read_bytes()], object)
    names, ids = np.array(["s3://bucket/0.png"], object), np.array([7])
    (row,) = rows_from(pipeline({"path": names, "bytes": content, "id": ids}))
    assert (row.id, row.path, row.error) == ("7", "s3://bucket/0.png", None)
    assert row.present


def test_engine_that_is_not_installed_is_asked_for_by_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_pictures(tmp_path / "photos", 1)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[ray\]'"):
        label("photos", QUERIES, model="mortal", engine="ray")


def test_batch_without_paths_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="a batch needs a column 'path', got image"):
        Label(["tree"], model="mortal")({"image": np.zeros((1, 24, 40, 3), np.uint8)})
