from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.segmentation.helpers import iou, maps
from textseg.errors import InvalidInputError
from textseg.segmentation.soften import SoftenSettings, soften

PLAIN = {"blur": 0.0, "fill": 0.0}


def disc(height: int, width: int, radius: float) -> np.ndarray:
    row, col = np.mgrid[:height, :width]
    return np.hypot(row - height / 2, col - width / 2) < radius


AT_THE_RULE: dict[str, Any] = {"blur": 0.7, "scale": 1.0, "steepness": 4.0}
AT_OTSU = {**AT_THE_RULE, "rule": "otsu"}


def noisy(region: np.ndarray, *, seed: int = 0, low: float = 0.1, high: float = 0.3) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.03, region.shape)
    return np.abs(np.where(region, high, low) + noise)


def test_the_threshold_lands_on_one_half_and_the_curve_is_the_hill_curve() -> None:
    values = np.array([[0.1, 0.2, 0.4]])
    setting = SoftenSettings(rule="fixed", scale=0.2, steepness=3, **PLAIN)
    found = soften(maps(values), setting)
    np.testing.assert_allclose(found.soft, values**3 / (values**3 + 0.2**3), rtol=1e-5)
    assert found.threshold == 0.2


@pytest.mark.parametrize("rule", ["otsu", "li", "triangle"])
def test_automatic_rules_find_the_region_in_a_noisy_map(rule: Any) -> None:
    region = disc(32, 48, 9)
    found = soften(maps(noisy(region)), SoftenSettings(rule=rule, **AT_THE_RULE))
    assert iou(found.soft > 0.5, region) > 0.8


def test_the_mean_rule_is_a_multiple_of_the_mean() -> None:
    values = noisy(disc(16, 24, 5))
    found = soften(maps(values), SoftenSettings(rule="mean", scale=1.5, **PLAIN))
    assert found.threshold == pytest.approx(1.5 * values.mean(), rel=1e-5)
    assert np.array_equal(found.soft > 0.5, values.astype(np.float32) > found.threshold)


@pytest.mark.parametrize("statistic", ["difference", "information", "evidence"])
def test_the_named_statistic_is_used(statistic: Any) -> None:
    region = disc(16, 24, 5)
    flat = np.full(region.shape, 0.1)
    raw = maps(
        **{"difference": flat, "information": flat, "evidence": flat, statistic: noisy(region)}
    )
    found = soften(raw, SoftenSettings(statistic=statistic, **AT_OTSU))
    assert iou(found.soft > 0.5, region) > 0.8


def test_negative_evidence_is_dark() -> None:
    evidence = np.where(disc(16, 24, 5), 2.0, -3.0)
    found = soften(
        maps(abs(evidence), evidence=evidence), SoftenSettings(statistic="evidence", **PLAIN)
    )
    assert found.soft[evidence < 0].max() < 1e-6


@pytest.mark.parametrize("value", [0.0, 0.3])
@pytest.mark.parametrize("rule", ["otsu", "li", "triangle", "mean"])
def test_a_map_that_is_the_same_everywhere_points_at_nothing(rule: Any, value: float) -> None:
    found = soften(maps(np.full((8, 12), value)), SoftenSettings(rule=rule))
    assert not found.soft.any()
    assert not found.spread.any()


def test_a_faint_map_is_not_stretched_to_its_own_range() -> None:
    setting = SoftenSettings(rule="fixed", scale=0.2)
    values = noisy(disc(16, 24, 5))
    faint = soften(maps(values / 10), setting).soft
    assert faint.max() < 0.05 < 0.5 < soften(maps(values), setting).soft.max()


def test_a_hollow_thing_is_filled() -> None:
    ring = disc(32, 48, 10) & ~disc(32, 48, 6)
    found = soften(maps(noisy(ring)), SoftenSettings(**AT_OTSU | {"blur": 0.5, "fill": 0.1})).soft
    assert iou(found > 0.5, disc(32, 48, 10)) > 0.85
    hollow = soften(maps(noisy(ring)), SoftenSettings(**AT_OTSU | {"blur": 0.5, "fill": 0})).soft
    assert hollow[16, 24] < 0.2


def test_holes_that_are_large_or_open_are_kept() -> None:
    ring = disc(32, 48, 10) & ~disc(32, 48, 6)
    large = soften(maps(noisy(ring)), SoftenSettings(fill=0.02)).soft
    assert large[16, 24] < 0.3
    ring[:16, 20:28] = False
    opened = soften(maps(noisy(ring)), SoftenSettings(blur=0.3, fill=0.1)).soft
    assert opened[16, 24] < 0.3


def test_blur_counts_in_cells_and_keeps_the_sum() -> None:
    values = np.zeros((15, 21))
    values[7, 10] = 1
    settings_ = SoftenSettings(blur=1.0, rule="fixed", scale=0.1, steepness=1, fill=0)
    soft = soften(maps(values), settings_).soft.astype(float)
    blurred = 0.1 * soft / (1 - soft)
    assert blurred.sum() == pytest.approx(1, abs=1e-3)
    assert blurred[7, 10] / blurred[7, 11] == pytest.approx(np.exp(0.5), rel=1e-2)


def test_spread_is_the_spread_of_the_map_times_the_slope_of_the_curve() -> None:
    values, setting = np.array([[0.1, 0.2, 0.25]]), SoftenSettings(rule="fixed", scale=0.2, **PLAIN)
    spread = 1e-3
    found = soften(maps(values, spread=spread), setting)
    up = soften(maps(values + spread), setting).soft
    down = soften(maps(values - spread), setting).soft
    np.testing.assert_allclose(found.spread, (up - down) / 2, rtol=1e-2)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 99),
    power=st.floats(-6, 6),
    rule=st.sampled_from(["otsu", "li", "triangle", "mean"]),
)
def test_any_map_gives_a_mask_of_its_shape_between_zero_and_one(
    height: int, width: int, seed: int, power: float, rule: Any
) -> None:
    values = 10**power * np.random.default_rng(seed).random((height, width))
    raw = maps(values, spread=0.1)
    found = soften(raw, SoftenSettings(rule=rule, fill=0.3))
    assert found.soft.shape == found.spread.shape == (height, width)
    assert found.soft.dtype == found.spread.dtype == np.float32
    assert found.soft.min() >= 0
    assert found.soft.max() <= 1 + 1e-6
    assert np.isfinite(found.spread).all()
    assert np.array_equal(raw.difference, values.astype(np.float32))  # nothing passed in is changed


@pytest.mark.parametrize(
    "wrong",
    [
        {"statistic": "magnitude"},
        {"rule": "median"},
        {"blur": -1},
        {"scale": 0},
        {"steepness": 0},
        {"fill": 2},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        SoftenSettings(**wrong)


# ---------------------------------------------------------------- with attention

SMOOTH = np.add.outer(np.arange(1.0, 5.0), np.arange(1.0, 7.0))  # (4, 6)
SEEN = np.stack([SMOOTH / 40, np.flip(SMOOTH) / 40])  # of two words


def test_the_map_is_multiplied_by_where_the_words_are_seen() -> None:
    raw = replace(maps(SMOOTH), words=SEEN, words_spread=np.zeros_like(SMOOTH))
    setting = SoftenSettings(
        rule="fixed", scale=2.0, steepness=3, power=0.5, attention=2.0, **PLAIN
    )
    words = SEEN.mean(0)
    values = SMOOTH**0.5 * (words / words.max()) ** 2
    found = soften(raw, setting)
    np.testing.assert_allclose(found.soft, values**3 / (values**3 + 2.0**3), rtol=1e-5)
    assert found.source == "difference x attention"


def test_no_attention_and_none_that_counts_are_the_plain_map() -> None:
    seen = replace(maps(SMOOTH), words=SEEN, words_spread=np.zeros_like(SMOOTH))
    plain = soften(maps(SMOOTH), SoftenSettings())
    for raw, exponent in ((seen, 0.0), (maps(SMOOTH), 1.0)):
        found = soften(raw, SoftenSettings(attention=exponent))
        np.testing.assert_array_equal(found.soft, plain.soft)
        assert found.source == "difference"


def test_words_that_are_looked_at_nowhere_leave_all_dark() -> None:
    raw = replace(maps(SMOOTH), words=0 * SEEN, words_spread=np.zeros_like(SMOOTH))
    found = soften(raw, SoftenSettings(attention=0.5))
    assert not found.soft.any()
    assert np.isfinite(found.spread).all()


def test_the_spread_follows_from_those_of_both_maps() -> None:
    """What moves the mask when either map is moved by its own error, summed in squares."""
    error, words = 0.01 * SMOOTH[::-1], SEEN.mean(0)
    setting = SoftenSettings(
        rule="fixed", scale=2.0, steepness=3, power=0.5, attention=0.7, **PLAIN
    )

    def mask(more: np.ndarray, seen: np.ndarray) -> np.ndarray:
        values = (SMOOTH + more) ** 0.5 * ((words + seen) / words.max()) ** 0.7
        return values**3 / (values**3 + 2.0**3)

    found = soften(replace(maps(SMOOTH, spread=0.02), words=SEEN, words_spread=error / 40), setting)
    step = 1e-4
    by_map = (mask(step * np.ones_like(words), 0 * words) - mask(0 * words, 0 * words)) / step
    by_words = (mask(0 * words, step * np.ones_like(words)) - mask(0 * words, 0 * words)) / step
    expected = np.hypot(by_map * 0.02, by_words * error / 40)
    np.testing.assert_allclose(found.spread, expected, rtol=2e-3)
