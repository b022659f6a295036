from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from textseg.segmentation.guide import CellGrid, GuideImage
from textseg.segmentation.pixels import MaskPixels
from textseg.segmentation.refine import RefineSettings, settle_cells, sharpen
from textseg.segmentation.soften import SoftMap

SIZE, CELLS = (48, 80), (6, 10)
RNG = np.random.default_rng(5)
IMAGE = GuideImage(RNG.random((*SIZE, 3)).astype(np.float32), CellGrid(SIZE, CELLS))
FOUND = SoftMap(
    soft=RNG.random(CELLS).astype(np.float32),
    find_spread=partial(np.multiply, 0.1, RNG.random(CELLS)),
    threshold=1.0,
    source="difference",
    rule="otsu",
)
SETTINGS = RefineSettings(speck=0.25)


def kept(soft: np.ndarray) -> MaskPixels:
    return MaskPixels.of(soft, partial(np.zeros_like, soft))


@pytest.mark.parametrize("largest", [1.0, 0.9, 0.5, 0.3, 1e-4, 1e-30])
def test_a_mask_is_kept_to_a_step_of_its_largest_value(largest: float) -> None:
    soft = np.float32(largest) * RNG.random(SIZE).astype(np.float32)
    found = kept(soft).soft
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, soft, rtol=1e-6, atol=0.501 * largest / 65535)


@pytest.mark.parametrize("largest", [1.0, 0.77, 0.500001, 0.5, 0.1])
def test_what_is_above_one_half_stays_there_and_nothing_else_comes(largest: float) -> None:
    near = np.linspace(0.4999, 0.5001, 2001, dtype=np.float32)
    both = np.array([np.nextafter(np.float32(0.5), np.float32(up)) for up in (0, 1)])
    ends = np.array([0, 0.5, largest], np.float32)
    soft = np.concatenate([near, both, ends]).clip(0, np.float32(largest))[None]
    np.testing.assert_array_equal(kept(soft).soft > 0.5, soft > 0.5)


def test_two_bytes_are_kept_of_a_pixel() -> None:
    assert kept(np.ones(SIZE, np.float32)).steps.nbytes == 2 * SIZE[0] * SIZE[1]


def test_nothing_and_everything_are_exact() -> None:
    for value in (0, 1):
        soft = np.full(SIZE, value, np.float32)
        np.testing.assert_array_equal(kept(soft).soft, soft)


def test_what_was_kept_before_comes_back_bit_for_bit() -> None:
    for largest in (1.0, 0.6, 0.01):
        once = kept(np.float32(largest) * RNG.random(SIZE).astype(np.float32)).soft
        np.testing.assert_array_equal(kept(once).soft, once)


@pytest.mark.parametrize("gate", [1.0, 0.25])
def test_mask_and_spread_are_those_of_the_cells_under_the_gate(gate: float) -> None:
    found = MaskPixels.of_cells(FOUND, IMAGE, SETTINGS, gate=gate)
    soft = np.float32(gate) * sharpen(FOUND.soft, IMAGE, SETTINGS)
    np.testing.assert_allclose(found.soft, soft, atol=1e-5)
    slope = settle_cells(FOUND.soft, IMAGE, SETTINGS).slope
    wide = IMAGE.grid.enlarge(FOUND.spread, order=1)
    np.testing.assert_array_equal(found.spread, np.float32(gate) * slope * wide)


def test_of_what_is_unknown_the_mask_is_dark_and_the_spread_is_not_a_number() -> None:
    found = MaskPixels.of_cells(FOUND, IMAGE, SETTINGS, gate=float("nan"))
    assert not found.soft.any()
    assert np.isnan(found.spread).all()


def test_what_is_handed_out_cannot_be_changed_and_what_was_taken_can() -> None:
    soft, spread = RNG.random(SIZE).astype(np.float32), np.ones(SIZE, np.float32)
    found = MaskPixels.of(soft, lambda: spread)
    for values in (found.soft, found.spread, found.steps):
        assert not values.flags.writeable
    assert soft.flags.writeable
    assert spread.flags.writeable
