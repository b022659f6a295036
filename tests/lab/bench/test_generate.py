from __future__ import annotations

import json

import numpy as np
import pytest

from textseg.errors import Cancelled, InvalidInputError
from textseg.lab.bench.generate import (
    Asked,
    Sheet,
    looked_at,
    measure_generation,
    prompts,
    rendered,
    table,
)
from textseg.lab.judge import load_judge
from textseg.picturebook.captions import known_words
from textseg.picturebook.shapes import COLORS
from textseg.progress import CancelToken
from textseg.registry.captioners import load_captioner


def test_prompts_are_the_same_for_a_seed_and_share_no_noise_with_another():
    one, other = prompts(40, 0), prompts(40, 1)
    assert one == prompts(60, 0)[:40]
    assert not {asked.seed for asked in one} & {asked.seed for asked in other}
    assert len({(asked.kind, asked.color) for asked in one}) > 20
    assert {word for asked in one for word in asked.prompt.split()} <= known_words()


def test_a_prompt_has_its_article():
    assert Asked("house", "orange", "night", 0).prompt == "an orange house at night"


@pytest.fixture(scope="module")
def control():
    judge, captioner = load_judge(), load_captioner()
    return [(one, looked_at(rendered(one), judge, captioner)) for one in prompts(24, 5)]


def test_both_networks_find_what_the_renderer_drew(control):
    assert np.mean([seen.both(one.pair) for one, seen in control]) > 0.9
    assert np.mean([seen.setting == one.setting for one, seen in control]) > 0.95


def test_both_hardly_ever_find_what_was_not_drawn(control):
    wrong = [
        seen.both((one.kind, color))
        for one, seen in control
        for color in COLORS
        if color != one.color
    ]
    assert np.mean(wrong) < 0.02


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    told, sheet = [], Sheet(tmp_path_factory.mktemp("sheet") / "drawn.png", room=1)
    return measure_generation(2, 3, keep=sheet.keep, progress=told.append), told, sheet


def test_the_report_is_json_and_says_what_was_asked(measured):
    report, told, _ = measured
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["generated"]["samples"] == report["rendered"]["samples"] == 2
    assert report["settings"]["samples"] == 2
    assert report["generated"]["both"] in {0.0, 0.5, 1.0}
    assert [(one.step, one.of) for one in told] == [(0, 2), (1, 2), (2, 2)]


def test_the_sheet_has_the_first_pictures_under_their_prompts(measured):
    (panel,) = measured[2].panels
    assert panel.title == prompts(1, 3)[0].prompt
    assert panel.content.size == (128, 128)


def test_the_table_has_a_row_for_pictures_and_for_the_control(measured):
    text = table(measured[0])
    assert "| pictures from text | " in text
    assert "| the renderer's | " in text
    assert "guidance 7.5" in text


def test_it_can_be_cancelled():
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        measure_generation(2, 3, progress=lambda _: cancel.cancel(), cancel=cancel)


def test_no_samples_are_refused():
    with pytest.raises(InvalidInputError, match="at least 1, got 0"):
        measure_generation(0)
