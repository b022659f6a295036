"""YOLO, read as Ultralytics and supervision do: polygons filled together with their border."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from scipy import ndimage

from tests.exporting.samples import (
    MASKS,
    OTHER,
    QUERIES,
    SIZE,
    SOURCE,
    Mask,
    corner,
    row_of,
    write_part,
)
from textseg.errors import MissingExtraError
from textseg.exporting.export import export_labels
from textseg.exporting.outlines import rings_of

FILES = {SOURCE: "in/Gärten, grün.txt", OTHER: "b.txt"}


def fill(mask: NDArray[np.uint8], points: NDArray[np.float64]) -> None:
    """Draw a polygon of (x, y)."""
    cv2.fillPoly(mask, [np.ascontiguousarray(points, np.int32)], 1)


def masks_in(
    folder: Path, file: str, whole: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> dict[str, Mask]:
    names = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))["names"]
    masks: dict[str, NDArray[np.uint8]] = {}
    for line in (folder / "labels" / file).read_text().splitlines():
        number, *values = line.split()
        assert len(values) >= 6  # fewer are taken for a box
        mask = masks.setdefault(names[int(number)], np.zeros(SIZE, np.uint8))
        fill(mask, whole(np.array(values, float).reshape(-1, 2) * (SIZE[1], SIZE[0])))
    return {query: mask.astype(bool) for query, mask in masks.items()}


@pytest.mark.parametrize("whole", [np.trunc, np.round], ids=["ultralytics", "supervision"])
@pytest.mark.parametrize("path", [SOURCE, OTHER])
def test_masks_come_back_with_their_holes_and_pieces(
    labels: Path, tmp_path: Path, path: str, whole: np.ufunc
) -> None:
    export_labels(labels, to="yolo", output=tmp_path / "out")
    read = masks_in(tmp_path / "out", FILES[path], whole)
    assert read.keys() == {query for of, query in MASKS if of == path}
    for query, mask in read.items():
        np.testing.assert_array_equal(mask, MASKS[path, query])


def test_pieces_are_objects_of_their_own(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="yolo", output=tmp_path / "out")
    lines = (tmp_path / "out" / "labels" / FILES[SOURCE]).read_text().splitlines()
    assert [line[0] for line in lines].count("0") == 3  # the ring, the spot in it and the pixel


def test_pictures_are_listed_and_lead_to_their_labels(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="yolo", output=tmp_path / "out")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert data["names"] == list(QUERIES)
    for line in (tmp_path / "out" / data["train"]).read_text("utf-8").splitlines():
        picture = tmp_path / "out" / line
        assert picture.is_file()
        file = str(picture).rsplit("/images/", 1)
        assert Path("/labels/".join(file)).with_suffix(".txt").is_file()


def test_pictures_whose_labels_would_not_be_found_are_left_out_and_named(tmp_path: Path) -> None:
    paths = ("a.jpg", "a.png", "images/b.png", "../c.png", "d.png")
    write_part(tmp_path / "labels", "1", [row_of(path, "tree", corner()) for path in paths])
    facts = export_labels(tmp_path / "labels", to="yolo", output=tmp_path / "out")
    assert (tmp_path / "out" / "train.txt").read_text() == "./images/d.png\n"
    assert facts.notes[-1].startswith("4 pictures left out")
    assert facts.notes[-1].endswith(": a.jpg, a.png, images/b.png, ../c.png")


@pytest.mark.parametrize("seed", range(40))
def test_rings_of_any_mask_are_filled_to_the_same_mask(seed: int) -> None:
    noises = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(noises.normal(size=noises.integers(1, 60, 2)), seed / 16)
    mask = values > np.quantile(values, noises.uniform(0.1, 0.9))
    drawn = np.zeros(mask.shape, np.uint8)
    for ring in rings_of(mask):
        fill(drawn, ring[:, ::-1])
    np.testing.assert_array_equal(drawn.astype(bool), mask)


def test_mask_without_pixels_has_no_rings() -> None:
    assert rings_of(np.zeros(SIZE, bool)) == []


def test_missing_opencv_says_what_to_install(
    labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[export\]'"):
        export_labels(labels, to="yolo", output=tmp_path / "out")
