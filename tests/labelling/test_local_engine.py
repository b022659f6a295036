from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import textseg
from tests.labelling.plugged import QUERIES, draw_pictures, plug_in
from textseg.errors import InvalidInputError, ModelError
from textseg.labelling.inputs import list_pictures
from textseg.labelling.label import Labelled, LabelProgress, label
from textseg.labelling.parts import form_parts, part_files
from textseg.labelling.rows import LabelRow, read_rows
from textseg.labelling.worker import DEADLY, PartWorker, WorkPlace
from textseg.progress import CancelToken


@pytest.fixture(autouse=True)
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path / "package", monkeypatch)
    monkeypatch.chdir(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in part_files(folder)}


def labelled(out: str, **options: Any) -> Labelled:  # Any: keywords of label
    return label(
        "photos", QUERIES, **{"out": out, "model": "mortal", "draws": 2, "workers": 2, **options}
    )


def test_pictures_and_interrupts_that_stop_workers_change_no_file(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 13, white=5)
    cancel, seen = CancelToken(), list[LabelProgress]()

    def stop(progress: LabelProgress) -> None:
        seen.append(progress)
        if progress.step:
            cancel.cancel()

    first = labelled("labels", progress=stop, cancel=cancel)
    assert first.asked == seen[-1].step == 13 - first.left < 13
    second = labelled("labels", progress=seen.append)
    assert second.left == 0
    assert (second.pictures, second.known, second.known + second.asked) == (13, first.asked, 13)
    assert second.errors == 1
    assert seen[-1].rate is not None
    assert {row.error for row in second.rows() if row.path == "5.png"} == {DEADLY}
    assert not list((tmp_path / "labels").glob(".*"))

    # one after another, without an engine
    before = contents(tmp_path / "labels")
    (tmp_path / "photos" / "5.png").write_bytes(b"")  # whose rows are another error
    alone = rows_without_engine(tmp_path / "labels")
    for name, content in before.items():
        (tmp_path / "labels" / name).write_bytes(content)
    together = [row for row in second.rows() if row.path != "5.png"]
    assert together == [row for row in alone if row.path != "5.png"]


def rows_without_engine(folder: Path) -> list[LabelRow]:
    """Make all rows of a job again, in this process."""
    for path in part_files(folder):
        path.unlink()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        worker = PartWorker(WorkPlace(str(folder), "cpu"))
        for part in form_parts(list_pictures("photos")):
            worker(part)
    finally:
        torch.set_num_threads(threads)
    return list(read_rows(folder))


def test_shards_make_the_files_of_the_whole(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 9)
    labelled("whole", workers=1)
    for number in (2, 1):
        done = labelled("shards", workers=1, shard=(number, 2))
        assert done.pictures == {1: 5, 2: 4}[number]
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")


def test_model_that_cannot_be_loaded_is_the_error_of_the_call(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 1)
    with pytest.raises(ModelError, match="its files are broken; fetch them again"):
        labelled("labels", model="refused")


def test_workers_that_die_before_they_begin_end_the_call(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 1)
    with pytest.raises(ModelError, match="3 workers died while they loaded the model, with code 9"):
        labelled("labels", model="stillborn")


def test_nothing_is_started_where_nothing_is_left(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "photos", 1)
    worker_less = labelled("labels", shard=(2, 2))
    assert (worker_less.pictures, worker_less.left) == (0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shard": (0, 4)}, "there is no shard 0 of 4; they count from 1 to 4"),
        ({"workers": 0}, "workers is at least 1"),
        ({"gpus_per_worker": 0.5}, "of a Ray cluster"),
        ({"queries": []}, "there is no query"),
    ],
)
def test_what_cannot_be_done_is_said_first(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    draw_pictures(tmp_path / "photos", 1)
    asked = {"queries": QUERIES, "out": "labels", "model": "mortal", **options}
    with pytest.raises(InvalidInputError, match=words):
        textseg.label("photos", asked.pop("queries"), **asked)
    assert not (tmp_path / "labels").exists()
