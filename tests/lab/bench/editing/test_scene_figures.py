from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.lab.bench.editing.drawn import SIZE, Hands, Says, SeesIn, Tasks, task_of
from textseg.editing.result import Evaluations
from textseg.lab.bench.editing.judging import (
    REMOVED_L1,
    Reliability,
    check_judge,
    judge_picture,
)
from textseg.lab.bench.editing.running import Scored
from textseg.lab.bench.editing.scene_figures import score_answer, summarize
from textseg.lab.bench.editing.scene_tasks import (
    OPERATIONS,
    Operation,
    Pair,
    SceneTask,
    scene_tasks,
)
from textseg.lab.bench.editing.tasks import Answer


@pytest.fixture(scope="module")
def asked() -> Tasks:
    return scene_tasks("calibration", 3, size=SIZE)


def pairs_of(task: SceneTask) -> Pair:
    assert task.pair is not None
    return task.pair


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_truth_is_nearest_to_itself_and_the_unedited_picture_is_not(
    asked: Tasks, operation: Operation
) -> None:
    task = task_of(asked, operation)
    judge = Says(present=0.0)
    assert judge_picture(task, task.truth, judge).nearest
    assert not judge_picture(task, task.image, judge).nearest


@pytest.mark.parametrize("operation", ["recolour", "replace", "add"])
def test_success_is_the_right_kind_in_the_right_colour(asked: Tasks, operation: Operation) -> None:
    task = task_of(asked, operation)
    kind, color = pairs_of(task)
    right, pale = Says((kind, color)), Says((kind, "pale"))
    assert judge_picture(task, task.image, right).success
    assert not judge_picture(task, task.truth, pale).success
    assert judge_picture(task, task.truth, pale).kind
    assert not judge_picture(task, task.truth, pale).color
    assert not judge_picture(task, task.truth, Says((kind, color), present=0.4)).success


def test_removal_needs_a_place_where_nothing_is_found_and_that_looks_right(asked: Tasks) -> None:
    task, nothing = replace(task_of(asked, "remove"), bare=True), Says(present=0.1)
    grey = task.truth + np.float32(1.5 * REMOVED_L1) * task.region[..., None]
    assert judge_picture(task, task.truth, nothing).success
    assert not judge_picture(task, task.truth, Says(present=0.9)).success
    assert not judge_picture(task, grey, nothing).success
    assert not judge_picture(task, grey, nothing).nearest


def test_removal_may_reveal_another_thing_but_not_the_same(asked: Tasks) -> None:
    task = replace(task_of(asked, "remove"), bare=False)
    assert judge_picture(task, task.truth, Says(("elephant", "grey"))).success
    assert not judge_picture(task, task.truth, Says(pairs_of(task))).success


def test_another_setting_needs_the_things_that_were_there(asked: Tasks) -> None:
    task = task_of(asked, "setting")
    (pair, _), *_ = task.things
    leaves, loses = Says(pair), SeesIn(pair, picture=task.image)
    same, gone = (judge_picture(task, task.truth, judge) for judge in (leaves, loses))
    assert (same.success, same.nearest, same.kept) == (True, True, 1)
    assert (gone.success, gone.nearest, gone.kept) == (False, True, 0)
    row = summarize([score_answer(task, Hands("truth").edit(task), loses)])
    assert (row["setting_success"], row["things_kept"]) == (0, 0)


def test_things_that_the_judge_never_names_are_not_missed(asked: Tasks) -> None:
    task = task_of(asked, "setting")
    verdict = judge_picture(task, task.truth, Says(("elephant", "grey")))
    assert (verdict.success, verdict.kept) == (True, None)


def test_reliability_tells_a_judge_that_always_says_the_same(asked: Tasks) -> None:
    task = task_of(asked, "recolour")
    stubborn = check_judge(task, Says(pairs_of(task)))
    assert stubborn == Reliability(truth=True, unedited=False, fooled=True)
    assert check_judge(task, Says(task.there)).unedited
    assert check_judge(task_of(asked, "add"), Says()).unedited is None


def test_a_perfect_editor_beats_one_that_changes_nothing(asked: Tasks) -> None:
    perfect, idle = (
        summarize([score_answer(task, hands.edit(task), Says(present=0.0)) for task in asked])
        for hands in (Hands("truth"), Hands("before"))
    )
    assert perfect["nearest"] == 1
    assert idle["nearest"] == 0
    assert perfect["setting_success"] == perfect["remove_success"] == 1
    assert idle["setting_success"] == idle["remove_success"] == 0
    assert perfect["region_l1"] == 0 < idle["region_l1"]
    assert perfect["region_psnr"] is None  # infinite
    assert idle["region_psnr"] < 30
    assert perfect["changed_outside"] == idle["changed_outside"] == 0
    assert idle["clip_directional"] == 0


def test_pixels_that_change_outside_the_editors_own_mask_are_counted(asked: Tasks) -> None:
    task = task_of(asked, "recolour")
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:5, :7] = 0.5
    darker = np.clip(task.image * np.float32(0.5), 0, 1)
    figures = score_answer(task, Answer(rgb=darker, mask=mask), Says()).figures
    assert figures["changed_outside"] == SIZE * SIZE - 35
    assert figures["mask_share"] == pytest.approx(35 / SIZE**2)
    whole = score_answer(task, Answer(rgb=darker), Says()).figures
    assert (whole["changed_outside"], whole["mask_share"]) == (0, 1)


def test_the_composite_is_measured_beside_what_the_model_made(asked: Tasks) -> None:
    task = task_of(asked, "recolour")
    answer = Answer(rgb=task.truth, raw=task.truth * np.float32(0.8))
    row = summarize([score_answer(task, answer, Says())])
    assert row["outside_truth_psnr"] is None  # infinite
    assert row["outside_truth_psnr_raw"] < 30
    assert row["outside_truth_ssim"] == pytest.approx(1)
    assert row["outside_truth_ssim_raw"] < 1


def test_what_is_not_found_is_a_failure_without_figures(asked: Tasks) -> None:
    task = task_of(asked, "remove")
    answers = [Hands(name).edit(task) for name in ("truth", "nothing found")]
    row = summarize([score_answer(task, answer, Says(present=0.0)) for answer in answers])
    assert row["found"] == row["remove_success"] == 0.5
    assert row["region_l1"] == 0
    assert row["recolour_success"] is None
    assert list(row["operations"]) == ["remove"]


def test_a_first_edit_is_told_from_those_that_repeat_its_query(asked: Tasks) -> None:
    def score(operation: Operation, evaluations: Evaluations) -> Scored:
        task = task_of(asked, operation)
        return score_answer(task, Answer(rgb=task.truth, evaluations=evaluations), Says())

    row = summarize(
        [
            score("recolour", Evaluations(20, 10, 30)),
            score("replace", Evaluations(decode=30)),
            score("remove", Evaluations(decode=32)),
            score("add", Evaluations(1, 1, 1)),
        ]
    )
    assert row["evaluations_first"] == 60
    assert row["evaluations_repeat"] == 31
    assert row["evaluations_repeat_not_decoding"] == 0
