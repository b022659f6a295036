from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from textseg.errors import InvalidInputError, ModelError, WorkspaceError
from textseg.labelling.inputs import JobPicture, Listing
from textseg.labelling.job import JOB, check_weights, job_status, open_job, read_job
from textseg.labelling.parts import (
    BegunPictures,
    KnownPictures,
    LabelPart,
    failed_parts,
    form_parts,
    known_pictures,
    left_of,
    settle,
    write_part,
)
from textseg.labelling.rows import LabelRow, Origin, error_rows
from textseg.labelling.settings import LabelSettings

ORIGIN = Origin("gaussian", "0f", "1e", "2.0")
SETTINGS = LabelSettings(queries=("tree", "house"), draws=4)


def listing(count: int) -> Listing:
    return Listing(Path("/photos"), tuple(JobPicture(f"{k:05}", f"{k}.png") for k in range(count)))


def rows(part: LabelPart, error: str | None = "broken") -> list[LabelRow]:
    found = [
        row
        for picture in part.pictures
        for row in error_rows(
            picture.id, picture.path, SETTINGS.queries, error="broken", origin=ORIGIN
        )
    ]
    return [replace(row, error=error) for row in found]


@pytest.mark.parametrize(("count", "sizes"), [(1, {1}), (10, {4, 2}), (9000, {4}), (20_000, {5})])
def test_parts_grow_with_the_number_of_pictures(count: int, sizes: set[int]) -> None:
    parts = form_parts(listing(count))
    assert {len(part.pictures) for part in parts} == sizes
    assert [p for part in parts for p in part.pictures] == list(listing(count).pictures)
    assert len({part.name for part in parts}) == len(parts)


def test_name_of_a_part_follows_from_its_ids_alone() -> None:
    part = form_parts(listing(4))[0]
    moved = LabelPart("/elsewhere", tuple(replace(p, path="x" + p.path) for p in part.pictures))
    assert moved.name == part.name
    assert replace(part, pictures=part.pictures[:3]).name != part.name


def test_what_is_left_is_what_has_no_rows() -> None:
    parts = form_parts(listing(8))
    known = KnownPictures(frozenset({"00000", "00001", "00002", "00003", "00006"}), frozenset())
    assert [[p.id for p in part.pictures] for part in left_of(parts, known)] == [
        ["00004", "00005", "00007"]
    ]


def test_part_that_is_written_twice_is_the_same_file(tmp_path: Path) -> None:
    part = form_parts(listing(3))[0]
    write_part(tmp_path, part, rows(part))
    first = (tmp_path / part.name).read_bytes()
    write_part(tmp_path, part, rows(part))
    assert (tmp_path / part.name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [part.name]


def test_broken_file_is_set_aside_and_its_pictures_are_unknown(tmp_path: Path) -> None:
    one, other = form_parts(listing(8))
    write_part(tmp_path, one, rows(one))
    write_part(tmp_path, other, rows(other, error=None))
    assert known_pictures(tmp_path).failed == {picture.id for picture in one.pictures}
    path = tmp_path / one.name
    path.write_bytes(path.read_bytes()[:100])
    assert known_pictures(tmp_path).ids == {picture.id for picture in other.pictures}
    assert (tmp_path / f"{one.name}.broken").exists()


def test_parts_with_errors_come_back_as_they_were(tmp_path: Path) -> None:
    one, other = form_parts(listing(8))
    write_part(tmp_path, one, rows(one))
    write_part(tmp_path, other, rows(other, error=None))
    (found,) = failed_parts(tmp_path, listing(8))
    assert found == replace(one, again=True)
    assert found.name == one.name


def test_who_comes_second_takes_what_the_first_has_written(tmp_path: Path) -> None:
    assert settle(tmp_path / "a", b"one") == b"one"
    assert settle(tmp_path / "a", b"two") == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_worker_that_dies_leaves_the_picture_that_it_died_at(tmp_path: Path) -> None:
    part = form_parts(listing(3))[0]
    begun = BegunPictures(tmp_path, part)
    with begun.at("00000"):
        pass
    with pytest.raises(ValueError, match="an error is no death"), begun.at("00001"):
        raise ValueError("an error is no death")
    last = begun.at("00002")
    last.__enter__()  # and nothing after that
    assert +BegunPictures(tmp_path, part).deaths() == {"00002": 1}
    begun.forget()
    assert not list(tmp_path.iterdir())


def test_job_is_begun_once_and_resumed_as_it_was(tmp_path: Path) -> None:
    begun = open_job(tmp_path / "labels", SETTINGS, listing(3))
    assert read_job(tmp_path / "labels") == begun
    more = open_job(tmp_path / "labels", SETTINGS, listing(5))
    assert read_job(tmp_path / "labels") == more
    assert more.pictures == 5


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"draws": 5}, "were begun with draws 4, not 5"),
        ({"queries": ("tree",)}, "with queries ['tree', 'house'], not ['tree']"),
        ({"seed_by": "picture"}, "with seed by 'job', not 'picture'"),
        ({"model": "sd15"}, "with model 'picturebook', not 'sd15'"),
        ({"dtype": "bfloat16"}, "with dtype 'auto', not 'bfloat16'"),
    ],
)
def test_job_with_other_settings_is_refused(
    tmp_path: Path, other: dict[str, object], words: str
) -> None:
    open_job(tmp_path, SETTINGS, listing(3))
    with pytest.raises(InvalidInputError, match="ask as before") as refused:
        open_job(tmp_path, SETTINGS.model_copy(update=other), listing(3))
    assert words in str(refused.value)


def test_job_about_another_folder_is_refused(tmp_path: Path) -> None:
    open_job(tmp_path, SETTINGS, listing(3))
    with pytest.raises(InvalidInputError, match="pictures below '/photos', not '/other'"):
        open_job(tmp_path, SETTINGS, replace(listing(3), root=Path("/other")))


def test_rows_without_a_job_are_refused(tmp_path: Path) -> None:
    open_job(tmp_path, SETTINGS, listing(3))
    part = form_parts(listing(3))[0]
    write_part(tmp_path, part, rows(part))
    (tmp_path / JOB).unlink()
    with pytest.raises(WorkspaceError, match=r"no job\.json that says how they were made"):
        open_job(tmp_path, SETTINGS, listing(3))


def test_other_weights_under_the_same_name_are_refused(tmp_path: Path) -> None:
    check_weights(tmp_path, "mine", "0f0f")
    check_weights(tmp_path, "mine", "0f0f")
    with pytest.raises(ModelError, match=r"the weights of 'mine' here \(1e1e\) are not those"):
        check_weights(tmp_path, "mine", "1e1e")


def test_settings_are_told_apart_but_for_the_model() -> None:
    others = [{"draws": 5}, {"seed": 1}, {"batch_size": 8}, {"queries": ("house", "tree")}]
    digests = {SETTINGS.model_copy(update=other).digest for other in others}
    assert len(digests | {SETTINGS.digest}) == 5
    assert SETTINGS.model_copy(update={"model": "sd15"}).digest == SETTINGS.digest


def test_status_counts_what_is_there(tmp_path: Path) -> None:
    open_job(tmp_path, SETTINGS, listing(20))
    for k, part in enumerate(form_parts(listing(20))[:4]):
        write_part(tmp_path, part, rows(part, error="broken" if k == 1 else None))
        os.utime(tmp_path / part.name, (1000 + 8 * k, 1000 + 8 * k))
    status = job_status(tmp_path)
    assert (status.pictures, status.done, status.errors) == (20, 16, 4)
    assert (status.rate, status.remaining) == (0.5, 8.0)


def test_pause_does_not_slow_the_pace(tmp_path: Path) -> None:
    open_job(tmp_path, SETTINGS, listing(20))
    for k, part in enumerate(form_parts(listing(20))[:4]):
        write_part(tmp_path, part, rows(part))
        when = 1000 + 8 * k + (9000 if k > 1 else 0)
        os.utime(tmp_path / part.name, (when, when))
    assert job_status(tmp_path).rate == 0.5


def test_status_of_what_is_no_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is no folder of labels"):
        job_status(tmp_path)
