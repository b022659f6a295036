from __future__ import annotations

import json
from pathlib import Path

import pytest

from textseg.diffusion.card import CARD_FILE, read_card
from textseg.lab.bench import calibrate
from textseg.segmentation.presence import PresenceCalibration
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
