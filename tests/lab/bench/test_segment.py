from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from textseg.lab.bench.questions import Question
from textseg.lab.bench.scores import Specks
from textseg.lab.bench.segment import THRESHOLDS, Report, ScoredAnswer, groups, oracle, summary

NONE = Specks(0, 0)
ALL = Question("tree", np.ones((4, 6), bool))


def answer(present: bool, found: bool, presence: float, ap: float = 0.5) -> ScoredAnswer:
    truth = np.full((20, 30), present)
    ious, specks = (ap,) + (0.1,) * len(THRESHOLDS), Specks(2, 1)
    return ScoredAnswer(Question("tree", truth), ap, ap, ious, specks, presence, found, 4.0, 0.5)


def test_a_summary_counts_false_and_missed_and_averages_over_present_queries() -> None:
    row = summary(
        [
            answer(True, True, 0.9, ap=0.8),
            answer(True, False, 0.3, ap=0.4),
            answer(False, True, 0.6),
            answer(False, False, 0.1),
        ]
    )
    assert row["queries"] == 4
    assert row["pixel_ap"] == pytest.approx(0.6)
    assert row["iou"] == pytest.approx(0.6)
    assert (row["specks"], row["holes"]) == (2, 1)
    assert row["missed"] == 0.5
    assert row["false_present"] == 0.5
    assert row["presence_auroc"] == pytest.approx(0.75)
    assert row["evaluations_per_query"] == 4


def test_small_things_do_not_count() -> None:
    small = np.zeros((20, 30), bool)
    small[0, 0] = True
    tiny = ScoredAnswer(Question("tree", small), 0.0, 0.0, (0.0,) * 20, NONE, 0.0, False, 4.0, 0.5)
    assert summary([answer(True, True, 0.9, ap=0.8), tiny])["queries"] == 1


def reworded(found: ScoredAnswer) -> ScoredAnswer:
    question = replace(found.question, query="the tree is red", reworded=True)
    return replace(found, question=question)


def test_reworded_questions_count_on_their_own_alone() -> None:
    usual = [answer(True, True, 0.9, ap=0.8), answer(False, False, 0.1)]
    again = [reworded(answer(True, False, 0.4, ap=0.2)), reworded(answer(False, True, 0.6))]
    both = groups(usual + again)
    assert summary(usual + again) == summary(usual)
    assert both.pop("held-out phrasings")["pixel_ap"] == pytest.approx(0.2)
    assert both == groups(usual)
    assert "held-out phrasings" not in groups(usual)


def test_the_best_threshold_is_one_for_all_queries() -> None:
    def of(level: float) -> ScoredAnswer:
        ious = (0.5, *(1.0 - abs(level - t) for t in THRESHOLDS))
        return ScoredAnswer(
            Question("tree", np.ones((4, 6), bool)), 1, 1, ious, NONE, None, None, 1, 1
        )

    row = summary([of(0.2), of(0.4)])
    assert 0.2 <= row["best_threshold"] <= 0.4
    assert row["best_iou"] == pytest.approx(0.9)


def test_a_method_that_cannot_tell_presence_has_none() -> None:
    row = summary(
        [
            ScoredAnswer(
                Question("tree", np.ones((4, 6), bool)), 1, 1, (1.0,) * 20, NONE, None, None, 1, 1
            )
        ]
    )
    assert row["presence_auroc"] is None
    assert row["false_present"] is None
    assert row["missed"] is None


def test_the_oracle_is_perfect_on_whole_cells_and_not_on_half_ones() -> None:
    whole, half = np.zeros((32, 64), bool), np.zeros((32, 64), bool)
    whole[8:24, 16:48] = True
    half[11:21, 19:45] = True
    assert oracle(Question("tree", whole), stride=8).ap > 0.99
    assert oracle(Question("tree", half), stride=8).ious[0] < 0.95


def test_a_report_survives_json_and_has_a_row_for_every_method() -> None:
    row = summary([answer(True, True, 0.9), answer(False, False, 0.1)])
    cost = {
        "seconds_one_query": 1.0,
        "over_bare_evaluations": 1.1,
        "five_together_over_single": 0.6,
        "seconds_loading": 0.5,
        "megabytes_20_queries": 30.0,
    }
    report = Report(
        {"default": row, "peer": row, "variants": {"N = 1": row}, "cost": cost}, {"scenes": 2}
    )
    again = Report.from_json(json.loads(report.to_json()))
    assert again == report
    table = report.to_text().splitlines()
    assert [line.split("|")[1].strip() for line in table[2:5]] == ["default", "peer", "N = 1"]
    assert "scenes 2" in table[-1]
