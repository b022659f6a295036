from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests.lab.bench.editing.flat import By, largest_difference
from textseg.editing.result import Evaluations
from textseg.errors import InvalidInputError
from textseg.images import png_bytes
from textseg.lab.bench.editing.tasks import Answer, EditTask
from textseg.lab.bench.editing.tedbench import run_tedbench
from textseg.lab.bench.metrics.features import Judges
from textseg.lab.bench.metrics.pixels import Rgb

PAIRS = [("dog.png", "A photo of a sitting dog."), ("dog.png", "A photo of a jumping dog.")]


def write(folder: Path, entries: object) -> Path:
    (folder / "input_list.json").write_text(json.dumps(entries))
    (folder / "originals").mkdir()
    grey = np.full((6, 10, 3), 51, np.uint8)
    (folder / "originals" / "dog.png").write_bytes(png_bytes(grey))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path, [{"img_name": name, "target_text": text} for name, text in PAIRS])


def captioner(image: Rgb) -> str:
    assert image.shape == (6, 10, 3)
    return "a photo of a standing dog"


def whitening(task: EditTask) -> Answer:
    return Answer(rgb=np.ones_like(task.image), evaluations=Evaluations(decode=4), seconds=2.0)


class Brightness:
    """Pictures are (mean, 1); "sitting" is (1, 0), "jumping" (-1, 0), other texts are (0, 1)."""

    def image_features(self, rgb: Rgb) -> Rgb:
        return np.array([rgb.mean(), 1], np.float32)

    def text_features(self, text: str) -> Rgb:
        side = ("sitting" in text) - ("jumping" in text)
        return np.array([side, not side], np.float32)


def test_items_are_captioned_and_asked_with_the_words_that_differ(data: Path) -> None:
    seen: list[EditTask] = []

    def watching(task: EditTask) -> Answer:
        seen.append(task)
        return whitening(task)

    run_tedbench(data, By(watching), captioner, seed=3)
    assert [(item.query, item.target) for item in seen] == [
        ("standing", "sitting"),
        ("standing", "jumping"),
    ]
    assert {item.source_prompt for item in seen} == {"a photo of a standing dog"}
    assert [item.target_prompt for item in seen] == [text for _, text in PAIRS]
    assert all(item.mask is None and item.seed == 3 for item in seen)


def test_figures_by_hand(data: Path) -> None:
    judges = Judges(features=Brightness(), lpips=largest_difference)
    result = run_tedbench(data, By(whitening), captioner, judges=judges)
    sitting, jumping = (item.figures for item in result.outcome.scored)
    # the picture goes from (.2, 1) to (1, 1): 45 degrees, the text from (0, 1) to (1, 0) or (-1, 0)
    assert sitting["clip_score"] == pytest.approx(100 / math.sqrt(2), rel=1e-5)
    assert sitting["clip_score_unedited"] == pytest.approx(20 / math.sqrt(1.04), rel=1e-5)
    x, y = 1 / math.sqrt(2) - 0.2 / math.sqrt(1.04), 1 / math.sqrt(2) - 1 / math.sqrt(1.04)
    direction = (x - y) / math.hypot(x, y) / math.sqrt(2)
    assert sitting["clip_directional"] == pytest.approx(direction, rel=1e-4)
    assert jumping["clip_score"] == 0
    assert sitting["lpips"] == pytest.approx(0.8)


def test_json_and_table_have_the_means(data: Path) -> None:
    judges = Judges(features=Brightness(), lpips=largest_difference)
    result = run_tedbench(data, By(whitening), captioner, judges=judges, about={"model": "white"})
    found = json.loads(result.as_json())
    assert found["benchmark"] == "tedbench"
    assert found["about"] == {"model": "white"}
    assert found["all"]["clip_score"]["value"] == pytest.approx(50 / math.sqrt(2), rel=1e-5)
    assert found["all"]["evaluations_per_item"] == 4
    assert found["groups"] == {}
    assert "| all | 2 | 35.36 |" in result.table()


def test_figures_without_a_network_are_null_and_say_why(data: Path) -> None:
    result = run_tedbench(data, By(whitening), captioner)
    found = json.loads(result.as_json())
    assert found["all"]["clip_score"] is None
    assert found["all"]["lpips"] is None
    assert set(found["unavailable"]) == {
        "clip_score",
        "clip_score_unedited",
        "clip_directional",
        "lpips",
    }
    assert "Not measured: lpips (needs an LPIPS network" in result.table()


def test_missing_pictures_lose_no_other(tmp_path: Path) -> None:
    entries = [
        {"img_name": name, "target_text": "A photo of a cat."} for name in ("dog.png", "cat.png")
    ]
    result = run_tedbench(write(tmp_path, entries), By(whitening), captioner)
    assert len(result.outcome.scored) == 1
    (problem,) = result.outcome.problems
    assert problem.key == "1 cat.png: A photo of a cat."
    assert "cat.png: no such file" in problem.reason


def test_runs_can_be_resumed(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    calls: list[str] = []

    def counting(task: EditTask) -> Answer:
        calls.append(task.target)
        return whitening(task)

    run_tedbench(data, By(counting), captioner, results=results, limit=1)
    result = run_tedbench(data, By(counting), captioner, results=results)
    assert calls == ["sitting", "jumping"]
    assert len(result.outcome.scored) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "empty list"),
        ({"img_name": "dog.png"}, "the list: "),
        ([{"img_name": "dog.png"}], r"0\.target_text: is missing"),
    ],
)
def test_lists_that_are_not_as_published_are_refused(
    tmp_path: Path, content: object, words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        run_tedbench(write(tmp_path, content), By(whitening), captioner)


def test_missing_folders_say_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no such folder.*input_list\.json"):
        run_tedbench(tmp_path / "nowhere", By(whitening), captioner)
