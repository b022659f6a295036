"""The leaves without a browser: what they refuse, and the bytes they are sent."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from traitlets import TraitError

import textseg.panels
from textseg.panels import CompareView, MaskView, PromptCanvas
from textseg.panels.leaves import SENT_SIDE, picture_bytes, soft_bytes
from textseg.segmentation.drawing import COLOURS
from textseg.segmentation.soft import cut

LEAVES = (MaskView, PromptCanvas, CompareView)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def values(content: bytes) -> NDArray[np.uint8]:
    with opened(content) as image:
        return np.asarray(image)


def test_threshold_and_opacity_honour_zero_and_end_at_one() -> None:
    view = MaskView(threshold=0.0, opacity=0.0)
    assert (view.threshold, view.opacity) == (0, 0)
    for name in ("threshold", "opacity"):
        for value in (-0.01, 1.01):
            with pytest.raises(TraitError):
                setattr(view, name, value)


def test_whole_numbers_from_the_browser_are_taken_as_floats() -> None:
    view = MaskView()
    view.set_state({"threshold": 1, "opacity": 0, "visible": [True, False], "selected": 1})
    assert (view.threshold, view.opacity, view.visible, view.selected) == (1, 0, [True, False], 1)


def test_first_look_is_that_of_the_other_pictures_of_the_package() -> None:
    view = MaskView()
    assert (view.threshold, view.opacity, view.soft) == (0.5, 0.55, False)
    assert view.colors == list(COLOURS)
    assert PromptCanvas().color == COLOURS[0]


@pytest.mark.parametrize("wrong", ["red", "#fff", "#12345g", "#1234567", ""])
def test_other_than_six_digit_colours_are_refused(wrong: str) -> None:
    with pytest.raises(TraitError, match="#rrggbb"):
        PromptCanvas(color=wrong)
    with pytest.raises(TraitError):
        MaskView(colors=[wrong])


@pytest.mark.parametrize(
    "wrong", [{"tool": "cut"}, {"shape": "circle"}, {"radius": 0.0}, {"height": -1}]
)
def test_canvas_refuses_what_no_correction_could_be_made_of(wrong: dict[str, object]) -> None:
    with pytest.raises(TraitError):
        PromptCanvas(**wrong)


@pytest.mark.parametrize("leaf", LEAVES)
def test_large_contents_are_never_echoed(leaf: type[MaskView | PromptCanvas | CompareView]) -> None:
    large = {"image", "masks", "mask", "before", "after", "tile", "tile_masks"}
    traits = leaf().traits(sync=True)
    assert {name for name in traits if traits[name].metadata.get("echo_update") is False} == (
        large & traits.keys()
    )


@pytest.mark.parametrize("leaf", LEAVES)
def test_script_and_style_come_along(leaf: type[MaskView | PromptCanvas | CompareView]) -> None:
    found = leaf()
    assert "export default { render };" in found._esm
    assert "--jp-layout-color0" in found._css


def test_picture_is_sent_as_jpeg_of_its_own_size() -> None:
    rgb = np.zeros((24, 40, 3), np.float32)
    rgb[:, 20:] = (1, 0, 0)
    content = picture_bytes(rgb)
    assert opened(content).format == "JPEG"
    found = values(content).astype(int)
    assert found.shape == (24, 40, 3)
    assert np.abs(found[:, 20] - (255, 0, 0)).max() < 25  # colour does not bleed over the edge


def test_mask_is_sent_in_grey_with_the_cut_between_127_and_128() -> None:
    soft = np.float32([[0, 0.25, 0.498, 0.5, 0.502, 1]])
    content = soft_bytes(soft)
    assert (opened(content).format, opened(content).mode) == ("PNG", "L")
    assert values(content).tolist() == [[0, 63, 127, 127, 128, 255]]


# values where rounding could put a pixel on the other side of a cut, and any others
SOFT = st.floats(0, 1, width=32) | st.integers(0, 100).map(lambda stop: stop / 100)


@given(st.lists(SOFT, min_size=1))
def test_levels_are_cut_where_the_mask_is_at_every_stop_of_the_slider(
    values_sent: list[float],
) -> None:
    soft = np.float32([values_sent])
    levels = values(soft_bytes(soft))
    for stop in range(101):
        np.testing.assert_array_equal(levels > 255 * (stop / 100), cut(soft, stop / 100))
    assert np.abs(levels - 255 * soft.astype(float)).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(3000, 1500), (700, 2100)])
def test_large_ones_are_sent_smaller_in_the_same_proportion(height: int, width: int) -> None:
    rgb = np.zeros((height, width, 3), np.float32)
    for content in (picture_bytes(rgb), soft_bytes(rgb[..., 0])):
        found = opened(content)
        assert max(found.size) == SENT_SIDE
        assert found.height / found.width == pytest.approx(height / width, rel=0.01)


def test_leaves_need_neither_torch_nor_pyplot() -> None:
    code = (
        "import sys; from textseg.panels import CompareView, MaskView, PromptCanvas\n"
        "MaskView(), PromptCanvas(), CompareView(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    modules = set(done.stdout.split())
    assert "anywidget" in modules
    assert modules.isdisjoint({"torch", "diffusers", "transformers", "matplotlib.pyplot"})


def test_public_names_are_listed_and_loaded_on_use() -> None:
    assert set(textseg.panels.__all__) <= set(dir(textseg.panels))
    for name in textseg.panels.__all__:
        assert getattr(textseg.panels, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = textseg.panels.Nothing


def part_of(leaf: MaskView, *box: int) -> NDArray[np.uint8]:
    """What is sent of a picture whose pixels say where they are, when this is seen of it."""
    rows, cols = np.mgrid[0:30, 0:50].astype(np.uint8)
    rgb = np.stack([rows, cols, rows], -1)
    leaf.wanted = list(box)
    leaf.show_part(rgb, [rows / np.float32(255)])
    return values(leaf.tile)


def test_part_that_is_seen_is_sent_in_its_own_pixels_with_its_masks() -> None:
    view = MaskView()
    part = part_of(view, 10, 20, 18, 36)
    assert part.shape == (8, 16, 3)
    assert abs(int(part[0, 0, 0]) - 10) <= 2
    assert view.tile_box == [10, 20, 18, 36]
    np.testing.assert_array_equal(values(view.tile_masks[0])[:, 0], np.arange(10, 18))


def test_part_ends_at_the_picture_and_nothing_is_sent_of_what_lies_outside() -> None:
    view = MaskView()
    assert part_of(view, -5, 40, 90, 90).shape == (30, 10, 3)
    for box in ((), (1, 2, 3), (40, 0, 50, 10), (10, 10, 10, 20)):
        view.wanted = list(box)
        view.show_part(np.zeros((30, 50, 3), np.uint8), [])
        assert view.tile == b""
