from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from textseg.diffusion.card import Presence
from textseg.errors import InvalidInputError
from textseg.lab.bench import curve
from textseg.lab.bench.curve import Point, measure_point, strip
from textseg.lab.bench.questions import exams
from textseg.picturebook import weights_folder
from textseg.scene import load
from textseg.segmentation.presence import FEATURES


def test_the_shipped_weights_are_where_the_card_says() -> None:
    point = measure_point(load("picturebook"), scenes=12)
    assert point.queries >= 40
    assert point.pixel_ap > 0.85
    assert point.iou > 0.65
    assert point.presence_auroc > 0.75  # fitted on some forty questions


def test_masks_count_whatever_is_decided_about_presence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a calibration that believes in nothing the same masks come out."""
    model = load("picturebook")
    monkeypatch.setattr(curve, "FOLDS", 5)
    usual = measure_point(model, scenes=8, seed=3)
    monkeypatch.setattr(model, "_card", replace(model.card, presence=Presence(bias=-9.0)))
    again = measure_point(model, scenes=8, seed=3)
    assert again.pixel_ap == pytest.approx(usual.pixel_ap, abs=1e-3)
    assert again.iou == pytest.approx(usual.iou, abs=1e-3)


def test_presence_is_told_by_a_calibration_that_has_not_seen_the_question() -> None:
    drawn = np.random.default_rng(0)
    features = [
        dict(zip(FEATURES, drawn.normal(size=len(FEATURES)), strict=True)) for _ in range(40)
    ]
    present = [bool(value) for value in drawn.integers(2, size=40)]
    told = np.array(curve._cross_validate(features, present))
    # random labels cannot be told by features that have nothing to do with them
    assert len(told) == 40
    assert np.mean((told > 0.5) == present) < 0.75


@pytest.mark.parametrize("number", [0, 1])
def test_strips_are_tall_and_wide_and_keep_their_first_thing(number: int) -> None:
    for exam in exams("calibration", scenes=6, seed=5):
        image, questions = strip(exam, number)
        shape = (128, 80) if number == 0 else (80, 128)
        assert image.shape == (*shape, 3)
        whole = {question.query: question.truth for question in exam.questions}
        assert all(question.truth.shape == shape for question in questions)
        for question in questions:
            assert 2 * question.truth.sum() >= whole[question.query].sum()
        absent = {question.query for question in exam.questions if not question.present}
        assert absent <= {question.query for question in questions}
        first = exam.questions[0]
        if first.present and first.truth.any(number).sum() <= 80:  # fits
            kept = next(question for question in questions if question.query == first.query)
            assert kept.truth.sum() == first.truth.sum()


def test_strips_can_be_measured() -> None:
    point = measure_point(load("picturebook"), scenes=12, strips=True)
    assert point.pixel_ap > 0.8
    assert point.iou > 0.5


def test_too_few_scenes_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 scenes are too few"):
        measure_point(load("picturebook"), scenes=2)


def test_the_command_prints_a_row_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "measure_point", lambda model, **_: Point(160, 0.9, 0.7, 0.95))
    app = Typer()
    app.command()(curve.main)
    said = CliRunner().invoke(app, [str(weights_folder()), "--scenes", "20"]).stdout
    assert f"| {weights_folder().name} | 160 | 0.900 | 0.700 | 0.950 |" in said
