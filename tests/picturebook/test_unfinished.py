"""The unfinished weights for 256 pixels: they find things at their own size."""

from __future__ import annotations

from pathlib import Path

from textseg.lab.bench.questions import exams
from textseg.lab.bench.segment import ask, summary
from textseg.scene import load

FOLDER = Path(__file__).parents[2] / "weights" / "picturebook-256"


def test_unfinished_weights_find_things_at_their_own_size() -> None:
    model = load(str(FOLDER), device="cpu")
    assert model.card.sizes.native == 256
    asked = exams("calibration", scenes=2, seed=31, size=256)
    assert summary([answer for exam in asked for answer in ask(exam, model)])["pixel_ap"] > 0.95
