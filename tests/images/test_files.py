"""All files of a call, or none."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from textseg.errors import InvalidInputError, OutputExistsError
from textseg.files import fitting, refuse_existing, usable_folder, write_files


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_all_files_are_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    paths = write_files(folder, [("a.txt", b"one"), ("b.txt", b"two")])
    assert paths == [folder / "a.txt", folder / "b.txt"]
    assert contents(folder) == {"a.txt": "one", "b.txt": "two"}


def test_one_existing_file_keeps_all_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("before")
    with pytest.raises(OutputExistsError):
        write_files(tmp_path, [("a.txt", b"one"), ("b.txt", b"two")])
    assert contents(tmp_path) == {"b.txt": "before"}


def test_force_replaces(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("before")
    write_files(tmp_path, [("a.txt", b"one"), ("b.txt", b"two")], force=True)
    assert contents(tmp_path) == {"a.txt": "one", "b.txt": "two"}


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_interruption_while_contents_are_made_leaves_nothing(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        yield "a.txt", b"one"
        raise interruption

    (tmp_path / "a.txt").write_text("before")
    with pytest.raises(interruption):
        write_files(tmp_path, files(), force=True)
    assert contents(tmp_path) == {"a.txt": "before"}
    with pytest.raises(interruption):
        write_files(tmp_path / "new", files())
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_interruption_between_two_moves_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    (tmp_path / "a.txt").write_text("before")
    move, calls = os.replace, []

    def interrupted(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise interruption
        move(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(interruption):
        write_files(tmp_path, [(f"{name}.txt", b"after") for name in "abc"], force=True)
    assert contents(tmp_path) == {"a.txt": "before"}


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128 + ".png", "a\0b"])
def test_name_that_no_file_can_have_is_refused_early(tmp_path: Path, name: str) -> None:
    for folder in (tmp_path, tmp_path / "new"):
        for refused in (
            lambda folder=folder: refuse_existing([folder / name], force=True),
            lambda folder=folder: usable_folder(folder / name / "deep"),
            lambda folder=folder: write_files(folder, [("a.txt", b"one"), (name, b"two")]),
        ):
            with pytest.raises(InvalidInputError, match=r"255|cannot be the name"):
                refused()
    assert list(tmp_path.iterdir()) == []


def test_path_that_is_too_long_as_a_whole_is_refused_early(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="too long"):
        usable_folder(Path(tmp_path, *["deep"] * 5000))


@pytest.mark.parametrize("stem", ["x" * 255, "ä木" * 60, "\udce4um", "\udce4" * 300])
def test_stem_is_cut_to_a_name_that_any_disk_takes(tmp_path: Path, stem: str) -> None:
    endings = ("_1.png", "_overlay.png")
    found = fitting(stem, endings)
    (path, _) = write_files(tmp_path, [(f"{found}{ending}", b"") for ending in endings])
    assert path.name.encode().decode() == path.name
    assert fitting(f"{stem}\udce5", endings) != found


@pytest.mark.parametrize("stem", ["garden", "x" * 243, "ä" * 121, "Ä b.c"])
def test_stem_that_fits_stays_as_it_is(stem: str) -> None:
    assert fitting(stem, ["_1.png", "_overlay.png"]) == stem


@pytest.mark.parametrize("failing", ["write_bytes", "mkdir"])
def test_full_disk_is_told_with_what_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(path: Path, *arguments: object, **settings: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")  # a write names no file

    monkeypatch.setattr(Path, failing, full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_files(tmp_path / "new", [("a.txt", b"one")])
    names = {"write_bytes": tmp_path / "new" / "a.txt", "mkdir": tmp_path / "new"}
    assert caught.value.filename == str(names[failing])
    assert list(tmp_path.iterdir()) == []


def test_folders_that_were_made_go_when_nothing_could_be_written(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_files(tmp_path / "a" / "b" / "c", ((str(1 // 0), b"") for _ in range(1)))
    assert list(tmp_path.iterdir()) == []


def test_folder_in_the_way_is_refused_even_when_forced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(InvalidInputError, match="it is a folder"):
        refuse_existing([tmp_path / "a.txt"], force=True)


def test_refusal_names_the_first_and_counts_the_others(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    refuse_existing(paths, force=False)
    for path in paths[:2]:
        path.touch()
    with pytest.raises(OutputExistsError, match="a and 1 more would be overwritten"):
        refuse_existing(paths, force=False)


def test_file_where_the_folder_should_be_is_refused_early(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    usable_folder(tmp_path / "new" / "deep")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidInputError, match="is not a folder"):
            usable_folder(folder)
