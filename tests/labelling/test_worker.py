from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tests.registering import register_model
from textseg import Scene, segment_many
from textseg.diffusion.mask_settings import Look
from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.errors import ImageError, ModelError, PrecisionError, QueryError
from textseg.images import to_uint8
from textseg.labelling.inputs import list_pictures
from textseg.labelling.job import open_job
from textseg.labelling.parts import (
    MOST_DEATHS,
    BegunPictures,
    LabelPart,
    form_parts,
    rows_of_part,
    write_part,
)
from textseg.labelling.rows import LabelRow, read_rows, rows_of
from textseg.labelling.settings import LabelSettings
from textseg.labelling.worker import PartWorker, WorkPlace
from textseg.testing import GaussianModel

MODEL = GaussianModel()
QUERIES = ("tree", "house")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures and one that is broken; "gaussian" is the name of the exact model."""

    def load(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        return MODEL

    register_model(monkeypatch, "gaussian", load)
    folder = tmp_path / "photos"
    folder.mkdir()
    for k, things in enumerate((["tree"], ["tree", "house"], ["house"])):
        Image.fromarray(to_uint8(MODEL.picture(things, 24, 40, seed=k))).save(folder / f"{k}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


Working = Callable[..., tuple[PartWorker, LabelPart, Path]]


@pytest.fixture
def working(photos: Path, tmp_path: Path) -> Working:
    """Begins a job about the pictures: a worker, the only part, and the folder of the rows."""

    def begin(**settings: object) -> tuple[PartWorker, LabelPart, Path]:
        listing, folder = list_pictures(photos), tmp_path / "labels"
        asked = LabelSettings(queries=QUERIES, model="gaussian", draws=3).model_copy(
            update=settings
        )
        open_job(folder, asked, listing)
        (part,) = form_parts(listing)
        return PartWorker(WorkPlace(str(folder), "cpu")), part, folder

    return begin


def by_path(folder: Path) -> dict[str, list[LabelRow]]:
    found: dict[str, list[LabelRow]] = {}
    for row in read_rows(folder):
        found.setdefault(row.path, []).append(row)
    return found


@pytest.mark.parametrize("look", ["whole", "zoom"])
def test_rows_are_what_a_scene_says(working: Working, photos: Path, look: Look) -> None:
    worker, part, folder = working(look=look)
    report = worker(part)
    assert (report.pictures, report.errors, report.asked) == (4, 1, 4)
    found = by_path(folder)
    for k in range(3):
        first, *_ = found[f"{k}.png"]
        origin = worker._maker.origin
        scene = Scene.open(photos / f"{k}.png", MODEL)
        found_here = scene.segment_all(QUERIES, draws=3, look=look)
        rows = rows_of(first.id, first.path, found_here, origin=origin)
        assert [(row.rle, row.area, row.evaluations, row.notes) for row in found[f"{k}.png"]] == [
            (row.rle, row.area, row.evaluations, row.notes) for row in rows
        ]
        assert [row.presence for row in found[f"{k}.png"]] == [
            np.float32(row.presence) for row in rows
        ]


def test_broken_picture_is_an_error_in_its_rows_under_its_own_name(working: Working) -> None:
    worker, part, folder = working()
    worker(part)
    for row in by_path(folder)["broken.png"]:
        assert str(row.error).startswith("broken.png: not a picture that can be read")
        assert (row.present, row.rle, row.regions) == (None, None, ())


def test_part_that_is_there_is_not_made_again(working: Working) -> None:
    worker, part, folder = working()
    worker(part)
    before = (folder / part.name).stat().st_mtime_ns
    report = worker(part)
    assert (report.pictures, report.errors, report.asked) == (4, 1, 0)
    assert (folder / part.name).stat().st_mtime_ns == before


def test_errors_are_tried_again_and_the_other_rows_kept(working: Working, photos: Path) -> None:
    worker, part, folder = working()
    worker(part)
    before = by_path(folder)
    Image.open(photos / "0.png").save(photos / "broken.png")
    report = worker(replace(part, again=True))
    assert (report.pictures, report.errors, report.asked) == (4, 0, 1)
    after = by_path(folder)
    assert [row.rle for row in after.pop("broken.png")] == [row.rle for row in after["0.png"]]
    before.pop("broken.png")
    assert after == before


def test_picture_that_workers_die_of_is_left_alone(working: Working) -> None:
    worker, part, folder = working()
    deadly = part.pictures[1]
    entered = [BegunPictures(folder, part).at(deadly.id) for _ in range(MOST_DEATHS)]
    for each in entered:
        each.__enter__()  # and the worker is gone
    worker(part)
    rows = by_path(folder)
    assert {row.error for row in rows[deadly.path]} == {"3 workers died while they asked about it"}
    others = {row.path for each in rows.values() for row in each if row.error is None}
    assert others == {"0.png", "1.png", "2.png"} - {deadly.path}
    assert not list(folder.glob(".*"))


def test_part_that_was_cut_off_is_made_again(working: Working) -> None:
    worker, part, folder = working()
    worker(part)
    whole = (folder / part.name).read_bytes()
    (folder / part.name).write_bytes(whole[:200])
    assert rows_of_part(folder, part) is None
    worker(part)
    assert (folder / part.name).read_bytes() == whole


def test_order_and_company_of_pictures_change_no_row(working: Working) -> None:
    worker, part, folder = working()
    worker(part)
    rows = by_path(folder)
    (folder / part.name).unlink()
    for picture in reversed(part.pictures):
        worker(replace(part, pictures=(picture,)))
    assert by_path(folder) == rows


def test_noises_may_be_those_of_each_picture(working: Working, photos: Path) -> None:
    Image.open(photos / "0.png").save(photos / "1.png")
    worker, part, folder = working()
    worker(part)
    rows = by_path(folder)
    assert rows["0.png"][0].rle == rows["1.png"][0].rle
    assert rows["0.png"][0].presence == rows["1.png"][0].presence
    for path in (folder / "job.json", folder / part.name):
        path.unlink()
    worker, part, folder = working(seed_by="picture")
    worker(part)
    rows = by_path(folder)
    assert rows["0.png"][0].presence != rows["1.png"][0].presence


class Coarse(GaussianModel):
    """The same in a precision that does not hold its numbers."""

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        raise PrecisionError("the network gave infinite numbers in float16")


def test_picture_that_half_precision_cannot_hold_is_asked_about_in_full(
    working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, part, folder = working()
    worker(part)
    whole = (folder / part.name).read_bytes()
    (folder / part.name).unlink()

    def load(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        return MODEL if dtype == "float32" else Coarse()

    register_model(monkeypatch, "gaussian", load)
    worker, part, folder = working()
    worker(part)
    assert (folder / part.name).read_bytes() == whole


def test_worker_with_other_weights_does_not_begin(working: Working) -> None:
    _, part, folder = working()
    write_part(folder, part, [])
    (folder / "weights.json").write_text('{"fingerprint": "other"}')
    with pytest.raises(ModelError, match="are not those that the rows in"):
        working()


# -- segment_many


def test_many_pictures_are_answered_in_order_whatever_each_is(photos: Path) -> None:
    sources = [photos / "0.png", photos / "broken.png", MODEL.picture(["tree"], 24, 40, seed=7)]
    answers = list(segment_many(sources, QUERIES, model=MODEL, draws=3))
    assert [answer.source for answer in answers] == sources
    assert isinstance(answers[1].error, ImageError)
    assert answers[1].found is None
    for answer in (answers[0], answers[2]):
        alone = Scene.open(answer.source, MODEL).segment_all(QUERIES, draws=3)
        assert answer.found is not None
        for one, other in zip(answer.found, alone, strict=True):
            np.testing.assert_array_equal(one.soft, other.soft)
            assert one.presence == other.presence


def test_pictures_are_taken_as_they_are_needed() -> None:
    taken = []

    def endless() -> Iterator[NDArray[np.float32]]:
        k = 0
        while True:
            taken.append(k)
            yield MODEL.picture(["tree"], 24, 40, seed=k)
            k += 1

    answers = segment_many(endless(), ["tree"], model=MODEL, draws=1)
    next(answers)
    assert len(taken) <= 3
    answers.close()


def test_queries_are_checked_before_anything_is_loaded() -> None:
    with pytest.raises(QueryError):
        segment_many([], [" "], model="none such")
