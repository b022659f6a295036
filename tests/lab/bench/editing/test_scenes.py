from __future__ import annotations

import json

import pytest

from tests.lab.bench.editing.drawn import SIZE, Hands, Says
from textseg.errors import InvalidInputError, UnknownNameError
from textseg.lab.bench.editing.cost import Cost, measure_cost
from textseg.lab.bench.editing.editors import (
    DEFAULT,
    ONE_ATTEMPT,
    PEER,
    SAME_SCENES,
    TRUE_CAPTIONS,
    quick_methods,
)
from textseg.lab.bench.editing.running import Outcome, Problem
from textseg.lab.bench.editing.scene_tasks import scene_tasks
from textseg.lab.bench.editing.scenes import (
    EditBenchSettings,
    EditReport,
    SceneScores,
    assemble,
    measure_editing,
    score_editors,
)


def made_up(judge: Says) -> Outcome[SceneScores]:
    names = (DEFAULT, PEER, *quick_methods(), ONE_ATTEMPT, TRUE_CAPTIONS)
    scenes = [scene_tasks("calibration", index, size=SIZE) for index in (3, 5)]
    found = (
        score_editors(scenes[0], {name: Hands("truth") for name in names}, judge),
        score_editors(scenes[1], {DEFAULT: Hands("nothing found")}, judge),
    )
    return Outcome(found, (Problem("7", "too dark"),))


def test_the_json_has_a_row_for_default_peer_and_every_method() -> None:
    cost = Cost(3.0, 1.0, 700.0)
    settings = EditBenchSettings(scenes=2, others=1)
    report = EditReport(assemble(made_up(Says(present=0)), {DEFAULT: cost, PEER: cost}, settings))
    measured = json.loads(report.as_json())
    for name in ("default", "peer"):
        assert {
            "recolour_success",
            "replace_success",
            "remove_success",
            "changed_outside",
            "outside_truth_psnr",
            "clip_directional",
            "evaluations_first",
            "evaluations_repeat",
            "seconds_first",
            "seconds_repeat",
        } <= set(measured[name])
    assert set(measured["methods"]) == set(quick_methods())
    assert measured["default"]["scenes"] == 2
    assert measured["default"]["remove_success"] == 0.5
    assert measured["variants"][SAME_SCENES]["scenes"] == measured["peer"]["scenes"] == 1
    assert measured["variants"][SAME_SCENES]["remove_success"] == 1
    assert measured["peer"]["add_success"] is None
    assert measured["default"]["seconds_first"] == 3
    assert measured["methods"]["blended"]["seconds_first"] is None
    assert measured["judge"]["remove"] == {"truth": 1, "unedited": 0, "fooled": 0}
    assert measured["problems"] == [{"key": "7", "reason": "too dark"}]
    assert measured["settings"]["seed"] == 0
    assert measured["settings"]["default_methods"]["remove"] == "blended"


def test_the_tables_are_made_of_the_json() -> None:
    measured = assemble(made_up(Says(present=0)), {}, EditBenchSettings(scenes=2, others=1))
    again = EditReport(json.loads(EditReport(measured).as_json()))
    lines = again.table().splitlines()
    names = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    rows = ["default", "peer", *quick_methods(), SAME_SCENES, ONE_ATTEMPT, TRUE_CAPTIONS]
    assert names[2 : 2 + len(rows)] == rows
    assert "| default | 2 | 50.0% |" in lines[2]
    assert lines[-3] == "Left out: 7: too dark"
    assert lines[-1].startswith("scenes 2, seed 0, others 1")


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="scenes is at least 1, got 0"):
        EditBenchSettings(scenes=0)


QUICK = ("diffedit",)


def test_a_method_that_is_not_there_is_told_before_anything_is_measured() -> None:
    with pytest.raises(UnknownNameError, match="unknown method 'photoshop'"):
        measure_editing(EditBenchSettings(scenes=1, methods=("photoshop",)))


@pytest.mark.slow
def test_the_embedded_model_is_measured_alike_by_one_and_by_two_processes() -> None:
    seen: list[tuple[int, int]] = []
    alone = measure_editing(
        EditBenchSettings(scenes=2, others=1, rounds=0, steps=2, methods=QUICK),
        progress=lambda p: seen.append((p.step, p.of)),
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]
    together = measure_editing(
        EditBenchSettings(scenes=2, others=1, rounds=0, steps=2, workers=2, methods=QUICK)
    )
    first, second = alone.measured, together.measured
    assert first["default"]["changed_outside"] == 0
    assert set(first["methods"]) == set(QUICK)
    for name in QUICK:  # the default removes by inversion and changes without
        assert first["methods"][name]["evaluations_repeat_not_decoding"] == 0
    assert {**first, "settings": {}} == {**second, "settings": {}}


@pytest.mark.slow
def test_costs_are_taken_in_a_process_of_its_own() -> None:
    cost = measure_cost("diffedit", rounds=2, steps=2)
    assert cost.seconds_first is not None
    assert cost.seconds_repeat is not None
    assert cost.seconds_first > 0 < cost.seconds_repeat
    assert 100 < cost.megabytes_peak < 5000
