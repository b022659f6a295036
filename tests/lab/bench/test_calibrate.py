from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from textseg.diffusion.card import CARD_FILE, read_card
from textseg.errors import InvalidInputError
from textseg.lab.bench import calibrate
from textseg.lab.bench.calibrate import fit_presence
from textseg.segmentation.presence import FEATURES, PresenceCalibration
from textseg.testing import gaussian_card

FITTED = PresenceCalibration({"ratio": 2.0}, -1.0, 0.4, PresenceCalibration({"evidence": 1.0}))


def calibrated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "load", lambda source: source)
    monkeypatch.setattr(calibrate, "calibrate", lambda model, *, scenes: FITTED)
    calibrate.main(folder, scenes=12)


def test_what_was_fitted_is_written_on_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated(tmp_path, monkeypatch)
    usual = gaussian_card()
    found = read_card(tmp_path, usual)
    assert PresenceCalibration.of(found.presence).weights == {"ratio": 2.0}
    assert found.presence.partial is not None
    assert found.presence.found == "python -m textseg.lab.bench.calibrate, 12 calibration scenes"
    assert found.masks == usual.masks


def test_the_rest_of_a_card_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {"name": "own", "presence": {"bias": 3.0}}
    (tmp_path / CARD_FILE).write_text(json.dumps(written), encoding="utf-8")
    calibrated(tmp_path, monkeypatch)
    found = read_card(tmp_path, gaussian_card())
    assert (found.name, found.presence.bias) == ("own", -1.0)


def test_fitting_finds_the_weights_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    rows = [dict(zip(FEATURES, rng.normal(size=len(FEATURES)), strict=True)) for _ in range(4000)]
    truth = PresenceCalibration(weights={"ratio": 2.0, "evidence": -1.0}, bias=0.5)
    labels = [rng.random() < truth.probability(row) for row in rows]
    found = fit_presence(rows, labels, ridge=1e-6)
    assert found.weights["ratio"] == pytest.approx(2, abs=0.25)
    assert found.weights["evidence"] == pytest.approx(-1, abs=0.2)
    assert found.weights["information"] == pytest.approx(0, abs=0.15)
    assert found.bias == pytest.approx(0.5, abs=0.15)


def test_the_fitted_threshold_makes_both_kinds_of_error_equally_frequent() -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(3000) < 0.2
    rows = [{"ratio": value} for value in np.where(labels, 0.8, 0.2) + rng.normal(0, 0.3, 3000)]
    found = fit_presence(rows, labels.tolist(), names=["ratio"])
    called = np.array([found.probability(row) >= found.threshold for row in rows])
    assert called[~labels].mean() == pytest.approx((~called[labels]).mean(), abs=0.01)
    assert found.threshold < 0.4  # few are present: one half would miss most of them


def test_fitting_separable_or_constant_features_stays_finite() -> None:
    rows = [{"ratio": value, "evidence": 1.0} for value in (-1.0, -0.9, 0.9, 1.0)]
    found = fit_presence(rows, [False, False, True, True], names=["ratio", "evidence"])
    assert np.isfinite([*found.weights.values(), found.bias]).all()
    decided = [found.probability(row) >= found.threshold for row in rows]
    assert decided == [False, False, True, True]


@pytest.mark.parametrize("labels", [[True, True], [False, False], [True]])
def test_fitting_needs_both_kinds_of_label(labels: list[bool]) -> None:
    with pytest.raises(InvalidInputError):
        fit_presence([{"ratio": 0.0}, {"ratio": 1.0}], labels, names=["ratio"])
