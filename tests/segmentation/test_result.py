from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from tests.segmentation.helpers import compare, latents_of
from textseg.errors import InvalidInputError, OutputExistsError, UnknownNameError
from textseg.segmentation.competing import Standing
from textseg.segmentation.export import npz_bytes
from textseg.segmentation.guide import CellGrid, GuideImage
from textseg.segmentation.keeping import (
    GUIDE_PIXELS,
    Packed,
    mask_bytes,
    read_mask,
    read_segmentation,
    segmentation_bytes,
)
from textseg.segmentation.pixels import MaskPixels
from textseg.segmentation.presence import PresenceCalibration
from textseg.segmentation.result import Region, Segmentation, Segmentations
from textseg.segmentation.selecting import select
from textseg.segmentation.settings import SegmentSettings
from textseg.testing import GaussianModel

SIZE = (32, 48)


@pytest.fixture(scope="module")
def found() -> Segmentations:
    """Answers about a picture with a tree and no house."""
    model = GaussianModel(rate=0.3)
    rgb = model.picture(["tree"], *SIZE, seed=1)
    raws = compare(model, latents_of(model, rgb), "tree", "house")
    image = GuideImage(rgb, CellGrid(size=SIZE, cells=SIZE))
    setting, calibration = SegmentSettings.of_card(model.card), PresenceCalibration()
    return Segmentations(
        tuple(
            Segmentation.from_raw(raw, image, settings=setting, calibration=calibration)
            for raw in raws
        )
    )


def painted(
    found: Segmentation, *boxes: tuple[int, int, int, int], value: float = 0.8
) -> Segmentation:
    soft = np.zeros(SIZE, np.float32)
    for left, top, right, bottom in boxes:
        soft[top:bottom, left:right] = value
    return replace(found, pixels=MaskPixels.of(soft, lambda: soft))


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image


@pytest.fixture(scope="module")
def unknown() -> Segmentation:
    """The answer to a word that the model does not know."""
    model = GaussianModel(rate=0.3)
    rgb = model.picture(["tree"], *SIZE, seed=1)
    raw = compare(model, latents_of(model, rgb), "zebra")[0]
    image = GuideImage(rgb, CellGrid(size=SIZE, cells=SIZE))
    setting, calibration = SegmentSettings.of_card(model.card), PresenceCalibration()
    found = Segmentation.from_raw(
        raw, image, settings=setting, calibration=calibration, unknown=True
    )
    return replace(found, notes=("this model does not know 'zebra'",))


# ---------------------------------------------------------------- one


def test_a_thing_that_is_there_is_found_and_one_that_is_not_stays_dark(
    found: Segmentations,
) -> None:
    tree, house = found
    region = GaussianModel().region("tree", *SIZE)
    assert tree.present
    assert (tree.binary() & region).sum() / (tree.binary() | region).sum() > 0.9
    assert not house.present
    assert not house.binary().any()
    assert house.soft.max() < 0.05
    assert tree.soft.shape == tree.spread.shape == tree.size == SIZE
    assert tree.soft.dtype == tree.spread.dtype == np.float32


def test_the_soft_mask_can_be_cut_anywhere_afterwards(found: Segmentations) -> None:
    tree = found["tree"]
    areas = [tree.binary(threshold).sum() for threshold in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert areas == sorted(areas, reverse=True)
    assert areas[-1] == 0
    assert np.array_equal(tree.binary(0.5), tree.binary())
    with pytest.raises(InvalidInputError, match="threshold"):
        tree.binary(1.5)


def test_an_absent_query_has_an_empty_mask_but_its_soft_mask_can_still_be_cut(
    found: Segmentations,
) -> None:
    absent = replace(painted(found["tree"], (0, 0, 8, 8)), present=False)
    assert not absent.binary().any()
    assert absent.binary(0.5).sum() == 64
    assert not absent.regions()


def test_regions_are_connected_pieces_the_largest_first(found: Segmentations) -> None:
    cut = painted(found["tree"], (2, 3, 6, 8), (20, 10, 40, 30), (40, 30, 44, 32))
    first, second = cut.regions()  # the third box touches the second at a corner
    assert first.box == (20, 10, 44, 32)
    assert first.area == 20 * 20 + 4 * 2
    assert second == Region(
        box=(2, 3, 6, 8), area=20, centroid=(5.0, 3.5), score=pytest.approx(0.8)
    )
    assert cut.regions(0.9) == []


def test_specks_smaller_than_a_quarter_of_a_cell_are_no_regions(found: Segmentations) -> None:
    item = replace(found["tree"], raw=found["tree"].raw.cropped(6, 8))  # as if cells were larger
    cell = item.soft.size / item.raw.difference.size
    side = int(cell**0.5)
    cut = painted(item, (20, 10, 20 + side, 10 + side), (2, 3, 3, 4))
    assert 1 < 0.25 * cell
    assert [region.box for region in cut.regions()] == [(20, 10, 20 + side, 10 + side)]
    assert cut.binary()[3, 2]  # the mask itself keeps them


def test_the_overlay_has_the_pictures_size_and_greys_what_is_outside(found: Segmentations) -> None:
    cut = painted(found["tree"], (20, 10, 40, 30), value=1.0)
    overlay = np.asarray(cut.overlay()).astype(float) / 255
    assert overlay.shape == (*SIZE, 3)
    outside, inside = overlay[2:6, 2:6], overlay[15:25, 25:35]
    assert np.ptp(outside, axis=-1).max() < 0.01
    assert np.abs(inside - cut.rgb[15:25, 25:35]).max() < 0.13
    line = overlay[20, 40]
    assert np.abs(line - np.array([0xE6, 0x9F, 0x00]) / 255).max() < 0.01
    assert cut.overlay(enlarge=3).size == (3 * SIZE[1], 3 * SIZE[0])


def test_the_overlay_of_an_absent_query_has_no_line(found: Segmentations) -> None:
    absent = replace(painted(found["tree"], (20, 10, 40, 30)), present=False)
    assert not np.array_equal(absent.overlay(), absent.overlay(0.5))
    assert np.array_equal(absent.overlay(0.9), absent.overlay())


def test_displays_are_one_png_and_one_line_of_text(found: Segmentations) -> None:
    for item, lines in ((found["tree"], 1), (found, 4)):
        bundle = item._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "image/png"}
        image = opened(base64.b64decode(bundle["image/png"]))
        assert np.ptp(np.asarray(image)[..., :3]) > 100
        assert len(bundle["text/plain"].splitlines()) == lines
        assert opened(item._repr_png_()).size == image.size
    assert "'tree': present" in repr(found["tree"])
    assert "'house': not present" in repr(found["house"])


def test_plots_are_figures_that_leave_pyplot_alone(found: Segmentations) -> None:
    figure = found["tree"].plot()
    titles = [ax.get_title() for ax in figure.axes]
    assert [title for title in titles if title][2:] == ["soft mask", "spread"]
    assert sum(len(ax.images) for ax in figure.axes if ax.get_title()) == 4
    titles = [ax.get_title() for ax in found.plot().axes]
    assert titles[0].startswith("tree: present (")
    assert titles[1].startswith("house: not present (")
    code = (
        "import sys, numpy; from textseg.segmentation.drawing import FigureField, figure;"
        "figure([FigureField('$x', numpy.eye(3))]);"
        "assert 'matplotlib.figure' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_plot_is_a_picture_at_the_end_of_a_cell(found: Segmentations) -> None:
    """As IPython shows it, without the backend that has to be asked for."""
    shown, _ = DisplayFormatter().format(found["tree"].plot())
    assert opened(shown["image/png"]).width > 1000


def test_facts_are_json_and_complete(found: Segmentations) -> None:
    facts = json.loads(json.dumps(found["tree"].facts(), allow_nan=False))
    assert facts["query"] == "tree"
    assert facts["present"] is True
    assert facts["size"] == {"height": 32, "width": 48}
    assert facts["area"] == pytest.approx(found["tree"].binary().mean())
    assert facts["evaluations"] == 20
    assert facts["settings"]["seed"] == 0
    assert facts["threshold"] == {
        "statistic": "difference",
        "rule": "otsu",
        "value": pytest.approx(found["tree"].threshold.value),
    }
    assert len(facts["regions"][0]["box"]) == 4


# ---------------------------------------------------------------- files


def test_saved_files_hold_what_the_result_holds(found: Segmentations, tmp_path: Path) -> None:
    tree = found["tree"]
    saved = tree.save(tmp_path / "new" / "folder")
    with Image.open(saved.soft) as image:
        assert image.mode == "I;16"
        np.testing.assert_allclose(np.asarray(image) / 65535, tree.soft, atol=1e-5)
    with Image.open(saved.mask) as image:
        assert np.array_equal(np.asarray(image), np.where(tree.binary(), 255, 0))
    with Image.open(saved.overlay) as image:
        assert np.array_equal(np.asarray(image), np.asarray(tree.overlay()))
    with np.load(saved.arrays) as arrays:
        assert np.array_equal(arrays["soft"], tree.soft)
        assert np.array_equal(arrays["evidence"], tree.raw.evidence)
    assert json.loads(saved.facts.read_text("utf-8"))["query"] == "tree"


def test_saving_twice_needs_force_and_writes_all_files_or_none(
    found: Segmentations, tmp_path: Path
) -> None:
    found["house"].save(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(OutputExistsError):
        found.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    tree, house = found.save(tmp_path, force=True)
    assert tree.overlay.name == "tree_overlay.png"
    assert house.facts.name == "house.json"
    assert len(list(tmp_path.iterdir())) == 10


# ---------------------------------------------------------------- several


def test_a_collection_is_asked_by_query_or_position(found: Segmentations) -> None:
    assert len(found) == 2
    assert [item.query for item in found] == ["tree", "house"]
    assert found["house"] is found[1]
    assert found[-1] is found[1]
    assert "tree" in found
    assert "zebra" not in found
    with pytest.raises(UnknownNameError, match="known: house, tree"):
        found["zebra"]
    with pytest.raises(InvalidInputError):
        Segmentations(())


def test_evaluations_of_a_call_count_what_was_shared_once(found: Segmentations) -> None:
    assert [item.evaluations for item in found] == [20, 20]
    assert found.evaluations == 30


def test_exclusive_masks_do_not_overlap_and_the_likelier_query_wins(found: Segmentations) -> None:
    tree = painted(found["tree"], (0, 0, 30, 20), value=0.9)
    house = replace(painted(found["tree"], (20, 10, 48, 32), value=0.7), query="house")
    parts = Segmentations((tree, house)).exclusive()
    np.testing.assert_allclose(parts.posterior.sum(0), 1, rtol=1e-5)
    assert not (parts.binary("tree") & parts.binary("house")).any()
    assert np.array_equal(parts.binary("tree"), tree.binary())
    assert np.array_equal(parts.binary("house"), house.binary() & ~tree.binary())
    odds = np.array([1, 9, 7 / 3])  # at a pixel that both claim
    np.testing.assert_allclose(parts.posterior[:, 15, 25], odds / odds.sum(), rtol=1e-4)
    with pytest.raises(UnknownNameError):
        parts.binary("zebra")


def test_one_query_alone_keeps_its_mask_and_an_absent_one_gets_no_pixel(
    found: Segmentations,
) -> None:
    tree = found["tree"]
    alone = Segmentations((tree,)).exclusive()
    assert np.array_equal(alone.binary("tree"), tree.binary())
    absent = replace(painted(tree, (0, 0, 48, 32), value=0.99), query="wall", present=False)
    both = Segmentations((tree, absent)).exclusive()
    assert np.array_equal(both.binary("tree"), tree.binary())
    assert not both.binary("wall").any()


# ---------------------------------------------------------------- unknown words


def test_an_unknown_word_comes_before_anything_else(unknown: Segmentation) -> None:
    said = "nothing can be said about 'zebra': this model does not know 'zebra'"
    assert repr(unknown) == f"Segmentation({said})"
    assert unknown.panel().title == "zebra: unknown word"
    assert unknown.as_mask().title == "zebra (unknown word)"
    assert repr(Segmentations((unknown,))).count(said) == 1


def test_an_unknown_word_can_be_drawn_and_saved(unknown: Segmentation, tmp_path: Path) -> None:
    assert len(unknown.plot().axes) >= 4
    saved = unknown.save(tmp_path)
    facts = json.loads(saved.facts.read_text())
    assert facts["present"] is facts["presence"] is None
    assert (facts["area"], facts["regions"]) == (0, [])
    with np.load(saved.arrays) as arrays:
        assert np.isnan(arrays["spread"]).all()
        np.testing.assert_array_equal(arrays["evidence"], unknown.raw.evidence)
    with Image.open(saved.mask) as mask:
        assert mask.getextrema() == (0, 0)


def test_an_unknown_word_is_kept_as_such(unknown: Segmentation) -> None:
    again = read_segmentation(segmentation_bytes(unknown), unknown.rgb)
    assert again.present is None
    assert np.isnan(again.presence)
    assert again.caveat == unknown.caveat


def test_how_a_query_did_against_its_rivals_is_kept_and_counted(found: Segmentations) -> None:
    standing = Standing(-0.5, "house", evaluations=30, shared_evaluations=10)
    tree, house = (replace(item, rivals=standing) for item in found.items[:2])
    assert read_segmentation(segmentation_bytes(tree), tree.rgb).rivals == standing
    assert read_segmentation(segmentation_bytes(found[0]), tree.rgb).rivals is None
    assert tree.facts()["rivals"] == asdict(standing)
    assert tree.evaluations == found[0].evaluations + 30
    together = Segmentations((tree, house))
    assert together.evaluations == Segmentations(found.items[:2]).evaluations + 20 + 20 + 10


def test_everything_but_an_unknown_word_is_not_the_whole_picture(
    found: Segmentations, unknown: Segmentation
) -> None:
    assert not select(unknown, invert=True).binary().any()
    assert not select(unknown, invert=True, threshold=0.0).binary().any()
    assert not select(found["tree"], exclude=unknown).binary().any()
    assert not select(found["tree"], exclude=unknown, invert=True).binary().any()
    assert select(found["house"], invert=True).binary().all()


def test_mask_and_spread_come_back_bit_for_bit_and_take_little(found: Segmentations) -> None:
    tree = found["tree"]
    content = segmentation_bytes(tree)
    again = read_segmentation(content, tree.rgb)
    np.testing.assert_array_equal(again.soft, tree.soft)
    np.testing.assert_array_equal(again.spread, tree.spread)
    assert "spread" not in Packed.of_bytes(content).arrays
    assert len(mask_bytes(tree.as_mask())) < len(npz_bytes({"soft": tree.soft}))
    np.testing.assert_array_equal(read_mask(mask_bytes(tree.as_mask()), tree.rgb).soft, tree.soft)


def test_a_mask_that_was_not_found_comes_back_bit_for_bit(found: Segmentations) -> None:
    moved = found["tree"].as_mask(0.3)
    np.testing.assert_array_equal(read_mask(mask_bytes(moved), moved.rgb).soft, moved.soft)


def test_masks_as_they_were_kept_once_can_be_read(found: Segmentations) -> None:
    tree = found["tree"]
    packed = Packed.of_bytes(segmentation_bytes(tree))
    older = {"soft": tree.soft, "spread": tree.spread, **tree.raw.arrays()}
    again = read_segmentation(Packed(older, packed.facts).to_bytes(), tree.rgb)
    np.testing.assert_array_equal(again.soft, tree.soft)
    np.testing.assert_array_equal(again.spread, tree.spread)


def test_what_was_kept_before_there_were_cards_can_be_read(found: Segmentations) -> None:
    tree = found["tree"]
    packed = Packed.of_bytes(segmentation_bytes(tree))
    later = ("card", "presence")
    settings = {key: each for key, each in packed.facts["settings"].items() if key not in later}
    del settings["refine"]["guide_pixels"]
    facts = {key: each for key, each in packed.facts.items() if key != "rivals"}
    older = Packed(packed.arrays, {**facts, "settings": settings}).to_bytes()
    again = read_segmentation(older, tree.rgb)
    refine = replace(tree.settings.refine, guide_pixels=GUIDE_PIXELS)
    assert again.settings == replace(tree.settings, card="", refine=refine)
    assert tree.settings.card == "gaussian"
