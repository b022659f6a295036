from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.segmentation.helpers import compare, latents_of, maps
from textseg.diffusion.card import Presence
from textseg.diffusion.rivalry import Rivals
from textseg.errors import ModelError
from textseg.segmentation.presence import (
    FEATURES,
    PresenceCalibration,
    found_region,
    presence_features,
)
from textseg.segmentation.word_features import WORD_FEATURES, word_features
from textseg.testing import GaussianModel

GENERIC = PresenceCalibration()


def observed(*present: str, query: str, seed: int, draws: int = 10) -> dict[str, float]:
    model = GaussianModel(rate=0.3)
    latents = latents_of(model, model.picture(present, 16, 24, seed=seed))
    return presence_features(compare(model, latents, query, seed=seed, draws=draws)[0])


def test_the_generic_calibration_tells_present_from_absent() -> None:
    for seed in range(10):
        assert GENERIC.probability(observed("tree", query="tree", seed=seed)) > 0.9
        assert GENERIC.probability(observed("house", query="tree", seed=seed)) < 0.1


def test_a_query_that_changes_nothing_is_not_present() -> None:
    assert GENERIC.probability(observed("tree", query="zebra", seed=0)) < GENERIC.threshold


@pytest.mark.parametrize("draws", [1, 10])
def test_features_are_complete_and_finite(draws: int) -> None:
    for query in ("tree", "house", "zebra"):
        features = observed("tree", query=query, seed=0, draws=draws)
        assert tuple(features) == FEATURES[: -len(WORD_FEATURES)]
        assert np.isfinite(list(features.values())).all()


def test_ratios_compare_evidence_with_information_and_have_no_scale() -> None:
    rng = np.random.default_rng(0)
    information = rng.random((8, 12)) * np.where(np.arange(12) < 4, 10, 1)
    for factor in (1, 1000):
        raw = maps(factor * information, evidence=-0.5 * factor * information)
        features = presence_features(raw)
        assert features["ratio"] == pytest.approx(-0.5, abs=0.01)
        assert features["region_ratio"] == pytest.approx(-0.5, abs=0.01)
    assert presence_features(maps(information, evidence=5 * information))["ratio"] == 1


def test_ratio_of_a_true_query_is_one_on_average_for_a_calibrated_model() -> None:
    model, sums = GaussianModel(rate=0.3, spread=0.2), np.zeros(2)
    for seed in range(40):
        latents = latents_of(model, model.picture(["tree"], 16, 24, seed=seed))
        (raw,) = compare(model, latents, "tree", seed=seed, draws=10)
        sums += raw.evidence.sum(), raw.information.sum()
    assert sums[0] / sums[1] == pytest.approx(1, abs=0.05)


def test_gain_and_loss_are_told_apart_although_they_cancel() -> None:
    evidence = np.where(np.arange(12) < 6, 2.0, -2.0) * np.ones((8, 1))
    features = presence_features(maps(np.full((8, 12), 3.0), evidence=evidence))
    assert features["evidence"] == pytest.approx(0)
    for band in ("fine", "middle", "coarse"):
        assert features[f"gain_{band}"] == pytest.approx(np.arcsinh(96))
        assert features[f"loss_{band}"] == pytest.approx(np.arcsinh(96))
        assert features[f"change_{band}"] == pytest.approx(np.arcsinh(288))


def test_band_without_a_draw_takes_the_mean_of_the_others() -> None:
    raw = maps(np.ones((4, 4)))
    bands = raw.bands.copy()
    bands[:, 0] *= np.array([1, np.nan, 3], np.float32)[:, None, None]
    features = presence_features(replace(raw, bands=bands))
    assert features["gain_middle"] == pytest.approx(np.arcsinh(32))
    assert features["gain_coarse"] == pytest.approx(np.arcsinh(48))


def test_little_information_draws_the_ratio_to_zero() -> None:
    tiny = np.full((4, 4), 1e-5)
    assert abs(presence_features(maps(tiny))["ratio"]) < 0.01


def test_the_region_is_where_the_text_changes_most() -> None:
    information = np.full((16, 24), 0.1)
    information[4:10, 12:20] = 2
    region = found_region(maps(information))
    assert region[5:9, 13:19].all()
    assert not region[:, :10].any()
    assert found_region(maps(np.zeros((4, 4)))).all()


def test_what_stands_on_a_card_is_ready_to_be_used() -> None:
    partial = Presence(weights={"evidence": 1.0}, bias=-1.0, threshold=0.4)
    found = PresenceCalibration.of(Presence({"ratio": 3.0}, -2.0, 0.3, partial, "somewhere"))
    assert found == PresenceCalibration({"ratio": 3.0}, -2.0, 0.3, partial, "somewhere")
    assert PresenceCalibration.of(Presence()) == GENERIC


def test_levels_that_leave_a_band_empty_are_read_without_bands() -> None:
    partial = PresenceCalibration(weights={"ratio": 3.0})
    own = PresenceCalibration(weights={"gain_fine": 1.0}, partial=partial)
    whole = maps(np.ones((4, 4)))
    bands = whole.bands.copy()
    bands[1] = np.nan
    missing = replace(whole, bands=bands)
    assert own.suited_to(whole) is own
    assert own.suited_to(missing) == partial
    assert partial.suited_to(missing) is partial
    rivals = Rivals(bias=3.0)
    assert replace(own, rivals=rivals).suited_to(missing).rivals == rivals


def test_without_rivals_the_features_decide() -> None:
    own = PresenceCalibration({"ratio": 2.0}, -1.0, 0.3, rivals=Rivals(threshold=0.9))
    verdict = own.judge({"ratio": 0.2})
    assert verdict.probability == own.probability({"ratio": 0.2})
    assert verdict.threshold == 0.3
    assert verdict.present
    assert not own.judge({"ratio": 0.0}).present


def test_rivals_decide_with_or_without_what_was_calibrated() -> None:
    both = Rivals({"log_odds": 1.0, "rivalry": 2.0, "ratio": 1.0}, 0.5, 0.4)
    own = PresenceCalibration({"ratio": 2.0}, -1.0, 0.3, rivals=both)
    verdict = own.judge({"ratio": 0.25}, -0.5)
    assert verdict.probability == pytest.approx(1 / (1 + np.exp(0.5 + 1 - 0.25 - 0.5)))
    assert verdict.threshold == 0.4
    alone = replace(own, rivals=Rivals())
    assert alone.judge({"ratio": 0.25}, -0.5).probability == 0.5
    assert alone.judge({"ratio": 9.0}, -1.0) == alone.judge({"ratio": -9.0}, -1.0)


def test_rivals_are_wanted_where_the_calibrated_probability_leaves_doubt() -> None:
    own = PresenceCalibration({"ratio": 1.0}, 0.0, rivals=Rivals(doubt=(0.1, 0.9)))
    assert [own.doubts({"ratio": value}) for value in (-3.0, -2.0, 2.0, 3.0)] == [
        *(False, True),
        *(True, False),
    ]
    assert PresenceCalibration().doubts({"region_ratio": -100.0})


def test_the_region_is_smoothed_by_the_same_share_of_any_map() -> None:
    rng = np.random.default_rng(0)
    small = rng.random((12, 16))
    small[3:8, 5:11] += 2
    large = small.repeat(2, 0).repeat(2, 1)
    one, other = (found_region(maps(each)) for each in (small, large))
    assert (one.repeat(2, 0).repeat(2, 1) == other).mean() > 0.95


@pytest.mark.parametrize(
    "broken",
    [
        Presence({"charm": 1.0}),
        Presence(partial=Presence({"charm": 1.0})),
        Presence(rivals=Rivals({"charm": 1.0})),
    ],
)
def test_features_that_do_not_exist_are_the_models_fault(broken: Presence) -> None:
    with pytest.raises(ModelError, match="unknown presence features charm"):
        PresenceCalibration.of(broken)


def test_the_gate_is_open_for_what_is_present_and_closes_smoothly() -> None:
    calibration = PresenceCalibration(threshold=0.3)
    gates = [calibration.gate(p) for p in (0.0, 0.01, 0.1, 0.29, 0.3, 1.0)]
    assert gates == sorted(gates)
    assert gates[0] == 0
    assert gates[1] < 0.03
    assert gates[4] == pytest.approx(1)
    assert gates[5] == 1


# ---------------------------------------------------------------- where words are looked at

LOOKS = np.array([[[0.1, 0.2, 0.1], [0.4, 0.8, 0.1]], [[0.2, 0.2, 0.2], [0.2, 0.4, 0.2]]])
INSIDE = np.array([[False, False, False], [True, True, False]])


def test_word_features_are_what_they_are_called() -> None:
    spread = np.arange(6).reshape(2, 3) / 100
    found = word_features(LOOKS.astype(np.float32), spread.astype(np.float32), INSIDE)
    expected = {
        "words_most": math.log(0.6),
        "words_inside": math.log(0.45),
        "words_peak": math.log(0.6) - math.log(3.1 / 12),
        "words_unsure": math.log(0.04),
        "noun_most": math.log(0.4),
        "noun_inside": math.log(0.3),
        "noun_peak": math.log(0.4) - math.log(1.4 / 6),
        "weakest_most": math.log(0.4),
        "weakest_inside": math.log(0.3),
        "words_agree": np.corrcoef(LOOKS[0].ravel(), LOOKS[1].ravel())[0, 1],
        "words_several": 1.0,
    }
    assert tuple(found) == WORD_FEATURES
    assert found == pytest.approx(expected, rel=1e-5)


def test_word_features_of_a_single_draw_of_one_word_looked_at_nowhere_are_finite() -> None:
    dark = np.zeros((1, 2, 3), np.float32)
    found = word_features(dark, np.full((2, 3), np.nan, np.float32), INSIDE)
    assert np.isfinite(list(found.values())).all()
    assert found["words_several"] == 0


def test_a_calibration_that_looks_at_words_gives_way_where_they_were_not_seen() -> None:
    partial = PresenceCalibration(weights={"ratio": 3.0})
    own = PresenceCalibration(weights={"words_most": 1.0}, partial=partial)
    raw = maps(np.eye(4, 6))
    seen = replace(raw, words=np.ones((1, 4, 6)), words_spread=np.zeros((4, 6)))
    assert own.suited_to(seen) is own
    assert own.suited_to(raw) == partial
    assert replace(own, partial=None).suited_to(raw) == PresenceCalibration.of(Presence())
    assert set(presence_features(seen)) == set(FEATURES)
    assert set(presence_features(raw)) == set(FEATURES) - set(WORD_FEATURES)
