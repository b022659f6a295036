from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from textseg.scene import Scene
from textseg.segmentation.drawing import MaskLayer, overlay
from textseg.segmentation.export import file_scale, json_bytes, npz_bytes, stems
from textseg.testing import GaussianModel, gaussian_card


@pytest.mark.parametrize(
    ("query", "stem"),
    [
        ("Red  House!", "red-house"),
        ("日本の家", "日本の家"),
        ("../../etc/passwd", "etc-passwd"),
        ("🌳", "query"),
        ("C:\\con", "c-con"),
        ("con", "query-con"),
        ("LPT¹", "query-lpt1"),
        ("𠀀" * 60, "𠀀" * 30),
        ("a" * 10_000, "a" * 60),
    ],
)
def test_a_stem_is_the_query_in_characters_that_any_disk_takes(query: str, stem: str) -> None:
    assert stems([query]) == [stem]


def test_queries_that_look_alike_get_different_stems() -> None:
    assert stems(["tree", "Tree", "tree!", "tree 2"]) == ["tree", "tree-2", "tree-3", "tree-2-2"]


@given(st.lists(st.text(max_size=80), max_size=6))
def test_stems_are_distinct_plain_names(queries: list[str]) -> None:
    found = stems(queries)
    assert len(set(found)) == len(queries)
    assert all(Path(stem).name == stem for stem in found)
    assert all(len(f"{stem}_overlay.png".encode()) < 160 for stem in found)
    alike = {unicodedata.normalize("NFKD", stem).casefold() for stem in found}
    assert len(alike) == len(queries)


def test_arrays_come_back_as_they_were() -> None:
    values = np.random.default_rng(0).random((3, 5)).astype(np.float32)
    with np.load(io.BytesIO(npz_bytes({"soft": values}))) as found:
        assert found.files == ["soft"]
        np.testing.assert_array_equal(found["soft"], values)


def test_json_is_strict_and_keeps_other_scripts_readable() -> None:
    assert json.loads(json_bytes({"query": "木"})) == {"query": "木"}
    assert "木".encode() in json_bytes({"query": "木"})
    with pytest.raises(ValueError, match="JSON"):
        json_bytes({"presence": float("nan")})


def test_a_large_picture_is_saved_without_what_its_other_files_hold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.random((1030, 1040, 3)).astype(np.float32)
    scene = Scene.open(rgb, GaussianModel(card=gaussian_card(native=32)))
    found = scene.segment("tree")
    saved = found.save(tmp_path)
    with np.load(saved.arrays) as arrays:
        assert set(arrays.files) == set(found.raw.arrays())
        np.testing.assert_array_equal(arrays["evidence"], found.raw.evidence)
    soft = np.asarray(Image.open(saved.soft))
    np.testing.assert_allclose(soft / 65535, found.soft, atol=1 / 65535)


def test_a_file_of_a_large_picture_is_drawn_smaller() -> None:
    assert file_scale((1030, 1040)) == 1
    assert 2e6 < 3000 * 4000 * file_scale((3000, 4000)) ** 2 < 2.1e6
    rgb = np.full((60, 90, 3), 0.5, np.float32)
    mask = np.zeros((60, 90), np.float32)
    mask[20:40, 30:60] = 1
    drawn = overlay(rgb, [MaskLayer(mask, "#ff0000")], enlarge=0.5)
    assert drawn.size == (45, 30)
    red, _, blue = drawn.getpixel((22, 15))  # type: ignore[misc]  # an RGB picture gives three
    assert red > blue
