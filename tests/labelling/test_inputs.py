from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from textseg.errors import ImageError, InvalidInputError
from textseg.labelling.inputs import Listing, list_pictures, read_queries


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two pictures by name, one of them further down, and what is none."""
    photos = tmp_path / "photos"
    for name in ("a.png", "more/B.JPG", "more/.c.png", ".cache/d.png", "notes.txt"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return photos


def paths(listing: Listing) -> set[str]:
    return {picture.path for picture in listing.pictures}


def ids(listing: Listing) -> dict[str, str]:
    return {picture.path: picture.id for picture in listing.pictures}


def test_folder_is_all_that_looks_like_a_picture_below_it(folder: Path) -> None:
    listing = list_pictures(folder)
    assert listing.root == folder.resolve()
    assert paths(listing) == {"a.png", "more/B.JPG"}
    assert list(listing.pictures) == sorted(listing.pictures)


def test_ids_stay_where_a_folder_is_moved(folder: Path) -> None:
    before = ids(list_pictures("photos"))
    os.rename("photos", "elsewhere")
    assert ids(list_pictures("elsewhere")) == before


def test_pattern_counts_from_the_folder_before_its_first_wildcard(folder: Path) -> None:
    listing = list_pictures("photos/**/*.JPG")
    assert (listing.root, paths(listing)) == (folder.resolve(), {"more/B.JPG"})
    assert ids(listing).items() <= ids(list_pictures(folder)).items()
    assert list_pictures("p*/a.png").root == Path.cwd()


@pytest.mark.parametrize("name", ["list.txt", "table.csv", "table.parquet"])
def test_lists_and_tables_count_from_where_they_lie(folder: Path, name: str) -> None:
    told = ["a.png", "more/B.JPG"]
    if name.endswith(".parquet"):
        parquet.write_table(pa.table({"path": told, "more": [1, 2]}), folder / name)
    else:
        head = ["path"] if name.endswith(".csv") else []
        (folder / name).write_text("\n".join([*head, *told]) + "\n\n")
    assert list_pictures(folder / name) == list_pictures(folder)


def test_table_may_bring_ids_of_its_own(folder: Path) -> None:
    (folder / "t.csv").write_text("id,path\n7,a.png\n8,more/B.JPG\n")
    assert ids(list_pictures(folder / "t.csv")) == {"a.png": "7", "more/B.JPG": "8"}
    (folder / "t.csv").write_text("id,path\n7,a.png\n7,more/B.JPG\n")
    with pytest.raises(InvalidInputError, match=r"has the id '7' for a\.png and for more/B\.JPG"):
        list_pictures(folder / "t.csv")


def test_table_without_paths_is_refused(folder: Path) -> None:
    (folder / "t.csv").write_text("file\na.png\n")
    with pytest.raises(InvalidInputError, match="has no column 'path'"):
        list_pictures(folder / "t.csv")


def test_paths_and_a_single_picture_are_taken_too(folder: Path) -> None:
    assert paths(list_pictures(["photos/a.png", "photos/a.png"])) == {"photos/a.png"}
    assert paths(list_pictures("photos/a.png")) == {"a.png"}


@pytest.mark.parametrize("source", ["nowhere", "empty", "photos/*.gif", []])
def test_where_there_are_no_pictures_that_is_said(
    folder: Path, source: str | Sequence[str]
) -> None:
    Path("empty").mkdir()
    with pytest.raises(ImageError, match=r"no such file or folder|no pictures in it"):
        list_pictures(source)


def test_name_that_is_no_text_is_a_picture_like_any(folder: Path) -> None:
    odd = os.fsdecode(b"\xff.png")
    (folder / odd).write_bytes(b"")
    assert odd in paths(list_pictures(folder))


def test_queries_of_a_file_are_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(b"\xef\xbb\xbfred house\n\ntree\n")
    assert read_queries(path) == ["red house", "tree"]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match="no text in UTF-8"):
        read_queries(path)
