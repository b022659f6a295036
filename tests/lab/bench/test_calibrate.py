from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from textseg.diffusion.card import CARD_FILE, Presence, read_card
from textseg.diffusion.rivalry import Rivals
from textseg.errors import InvalidInputError
from textseg.lab.bench import calibrate
from textseg.lab.bench.calibrate import ToldPicture, fit_presence, scene_examples, write_presence
from textseg.scene import Scene
from textseg.segmentation.presence import FEATURES, PresenceCalibration, presence_features
from textseg.segmentation.word_features import WORD_FEATURES
from textseg.testing import GaussianModel, gaussian_card

FITTED = PresenceCalibration({"ratio": 2.0}, -1.0, 0.4, PresenceCalibration({"evidence": 1.0}))
MODEL = GaussianModel(rate=0.3)


def examples(count: int, *, model: GaussianModel = MODEL) -> list[ToldPicture]:
    return [
        ToldPicture(model.picture([there], 16, 24, seed=k), {there: True, other: False})
        for k in range(count)
        for there, other in [("tree", "house") if k % 2 else ("house", "tree")]
    ]


def test_what_was_fitted_is_written_on_the_card(tmp_path: Path) -> None:
    assert write_presence(FITTED, tmp_path) == tmp_path / CARD_FILE
    usual = gaussian_card()
    found = read_card(tmp_path, usual)
    presence = PresenceCalibration.of(found.presence)
    assert (presence.weights, presence.bias, presence.threshold) == ({"ratio": 2.0}, -1.0, 0.4)
    assert presence.partial is not None
    assert found.masks == usual.masks


def test_the_rest_of_a_card_stays_as_it_is(tmp_path: Path) -> None:
    written = {"name": "own", "presence": {"bias": 3.0}}
    (tmp_path / CARD_FILE).write_text(json.dumps(written), encoding="utf-8")
    write_presence(FITTED, tmp_path / "new", before=tmp_path)
    found = read_card(tmp_path / "new", gaussian_card())
    assert (found.name, found.presence.bias) == ("own", -1.0)


def test_the_rivals_of_a_picture_book_card_outlast_a_new_calibration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = Rivals({"rivalry": 3.0}, found="somewhere")
    model = replace(MODEL, card=gaussian_card(presence=Presence(rule="rivals", rivals=rivals)))
    monkeypatch.setattr(calibrate, "load", lambda source: model)
    monkeypatch.setattr(calibrate, "scene_examples", lambda scenes, size: examples(scenes))
    (tmp_path / CARD_FILE).write_text('{"name": "own"}', encoding="utf-8")
    calibrate.main(tmp_path, scenes=12)
    found = read_card(tmp_path, gaussian_card())
    assert (found.name, found.presence.rule, found.presence.rivals) == ("own", "rivals", rivals)
    assert (
        found.presence.found
        == "python -m textseg.lab.bench.calibrate, 12 calibration scenes of both worlds"
    )


def test_a_calibration_tells_the_texts_apart_that_it_was_fitted_to() -> None:
    found = calibrate.calibrate(MODEL, examples(12))
    assert set(found.weights) == set(FEATURES) - set(WORD_FEATURES)
    assert found.partial is not None
    for example in examples(4):
        for item in Scene.open(example.image, MODEL).segment_all(list(example.truths)):
            verdict = found.judge(presence_features(item.raw))
            assert verdict.present == example.truths[item.query]


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="9 true and 9 false texts are too few"):
        calibrate.calibrate(MODEL, examples(9))


def test_words_that_the_model_does_not_know_are_refused() -> None:
    (example,) = examples(1)
    unknown = replace(example, truths={**example.truths, "zebra": True})
    with pytest.raises(InvalidInputError, match="nothing can be said about 'zebra'"):
        calibrate.calibrate(MODEL, [unknown])


def test_scenes_come_with_questions_of_both_kinds() -> None:
    truths = [true for each in scene_examples(3) for true in each.truths.values()]
    assert {True, False} == set(truths)


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


def test_the_threshold_is_found_on_what_decides_alone() -> None:
    """The second half has another level, which would move it."""
    rng = np.random.default_rng(2)
    labels = rng.random(4000) < 0.5
    decides = np.arange(4000) < 2000
    values = np.where(labels, 0.8, 0.2) + rng.normal(0, 0.3, 4000) + np.where(decides, 0.0, 0.6)
    rows = [{"ratio": value} for value in values]
    found = fit_presence(rows, labels.tolist(), names=["ratio"], decides=decides.tolist())
    called = np.array([found.probability(row) >= found.threshold for row in rows])[decides]
    truth = labels[decides]
    assert called[~truth].mean() == pytest.approx((~called[truth]).mean(), abs=0.01)


def test_scenes_of_the_world_that_the_weights_know_decide() -> None:
    assert [each.decides for each in scene_examples(4)] == [True, True, False, False]
