from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.editing.helpers import Exact
from textseg.editing.result import Evaluations
from textseg.errors import InvalidInputError
from textseg.lab.bench.edit import (
    EditBenchSettings,
    EditReport,
    SceneScores,
    ask,
    assembled,
    measure_editing,
)
from textseg.lab.bench.edit_cost import Cost, measure
from textseg.lab.bench.edit_editors import (
    DEFAULT,
    ONE_ATTEMPT,
    PEER,
    SAME_SCENES,
    TRUE_CAPTIONS,
    SceneEditor,
    method_names,
)
from textseg.lab.bench.edit_judging import REMOVED_L1, Reliability, judged, reliability
from textseg.lab.bench.edit_peer import DiffEditPeer
from textseg.lab.bench.edit_questions import (
    BY_QUERY,
    MIN_AREA,
    OPERATIONS,
    Exam,
    Operation,
    Pair,
    Rgb,
    Task,
    exam,
    scene_numbers,
    unit,
)
from textseg.lab.bench.edit_scores import Answer, Editing, Marker, Score, summary
from textseg.lab.training.judge import RegionVerdict
from textseg.picturebook.scenes import Rendered, SceneDescription
from textseg.testing import GaussianModel

SIZE = 64


@dataclass(frozen=True)
class Says:
    """A judge that sees the same thing everywhere, and the mean colour of pictures."""

    pair: Pair = ("house", "red")
    present: float = 0.9

    def region(self, rgb: Rgb, mask: NDArray[np.generic]) -> RegionVerdict:
        return RegionVerdict(*self.pair, self.present, {self.pair: self.present})

    def image_features(self, rgb: Rgb) -> NDArray[np.float32]:
        return np.append(rgb.mean((0, 1)), np.float32(1))

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[len(text), 1, 2, 3] for text in texts], np.float32)


@dataclass(frozen=True)
class Hands:
    """An editor that hands out rendered pictures: the truth, or what it was given."""

    name: str
    operations: tuple[Operation, ...] = OPERATIONS

    def open(self, exam: Exam) -> Editing:
        return self.edit

    def edit(self, task: Task) -> Answer | None:
        if self.name == "nothing found":
            return None
        picture = task.truth if self.name == "truth" else task.before
        mask = (task.truth != task.before).any(-1).astype(np.float32)
        return Answer(picture, picture, mask, Evaluations(2, 3, 4))


@pytest.fixture(scope="module")
def asked() -> Exam:
    return exam("calibration", 3, size=SIZE)


def task_of(asked: Exam, operation: Operation) -> Task:
    return next(task for task in asked.tasks if task.operation == operation)


def pairs_of(task: Task) -> Pair:
    assert task.pair is not None
    return task.pair


# -- tasks


def test_a_scene_has_one_task_for_every_operation_and_the_same_ones_again(asked: Exam) -> None:
    assert [task.operation for task in asked.tasks] == list(OPERATIONS)
    again = exam("calibration", 3, size=SIZE)
    assert [(t.query, t.target) for t in again.tasks] == [(t.query, t.target) for t in asked.tasks]
    assert all(
        np.array_equal(a.truth, b.truth) for a, b in zip(again.tasks, asked.tasks, strict=True)
    )


@pytest.mark.parametrize("index", [0, 3, 5])
def test_the_truth_differs_in_its_region_and_hardly_anywhere_else(index: int) -> None:
    for task in exam("calibration", index, size=SIZE).tasks:
        change = np.abs(task.truth - task.before).mean(-1)
        assert change[task.region].mean() > 0.02
        if task.operation != "setting":  # a new setting shines through the things' outlines
            assert change[~task.region].mean() < 0.2 * change[task.region].mean()


def test_a_thing_that_is_named_alone_and_large_enough_is_chosen() -> None:
    for index in scene_numbers("calibration", scenes=2, seed=0, size=SIZE):
        asked = exam("calibration", index, size=SIZE)
        things = [(thing.kind, thing.color) for thing in asked.rendered.scene.things]
        assert things.count(asked.pair) == 1
        assert asked.rendered.masks[things.index(asked.pair)].mean() >= MIN_AREA
        assert {task.query for task in asked.tasks if task.operation in BY_QUERY} == {
            f"{asked.pair[1]} {asked.pair[0]}"
        }


def test_scenes_without_anything_to_edit_are_passed_over_and_seeds_share_none() -> None:
    numbers = [scene_numbers("calibration", scenes=3, seed=seed, size=SIZE) for seed in (0, 1)]
    assert set(numbers[0]).isdisjoint(numbers[1])
    assert min(numbers[1]) >= 1_000_000
    assert all(len(found) == 3 for found in numbers)


def test_a_new_thing_may_be_painted_where_it_is_to_be_and_a_little_around(asked: Exam) -> None:
    task = task_of(asked, "add")
    assert task.painted is not None
    assert task.painted[task.region].all()
    assert task.region.sum() < task.painted.sum() < 3 * task.region.sum()
    assert task.query == ""


# -- judging


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_truth_is_nearest_to_itself_and_the_unedited_picture_is_not(
    asked: Exam, operation: Operation
) -> None:
    task = task_of(asked, operation)
    judge = Says(present=0.0)
    assert judged(task, task.truth, judge).nearest
    assert not judged(task, task.before, judge).nearest


@pytest.mark.parametrize("operation", ["recolour", "replace", "add"])
def test_success_is_the_right_kind_in_the_right_colour(asked: Exam, operation: Operation) -> None:
    task = task_of(asked, operation)
    kind, color = pairs_of(task)
    right, pale = Says((kind, color)), Says((kind, "pale"))
    assert judged(task, task.before, right).success
    assert not judged(task, task.truth, pale).success
    assert judged(task, task.truth, pale).kind
    assert not judged(task, task.truth, pale).color
    assert not judged(task, task.truth, Says((kind, color), present=0.4)).success


def test_removal_needs_a_place_where_nothing_is_found_and_that_looks_right(asked: Exam) -> None:
    task, nothing = replace(task_of(asked, "remove"), bare=True), Says(present=0.1)
    grey = task.truth + np.float32(1.5 * REMOVED_L1) * task.region[..., None]
    assert judged(task, task.truth, nothing).success
    assert not judged(task, task.truth, Says(present=0.9)).success
    assert not judged(task, grey, nothing).success
    assert not judged(task, grey, nothing).nearest


def test_removal_may_reveal_another_thing_but_not_the_same(asked: Exam) -> None:
    task = replace(task_of(asked, "remove"), bare=False)
    assert judged(task, task.truth, Says(("elephant", "grey"))).success
    assert not judged(task, task.truth, Says(pairs_of(task))).success


def test_reliability_tells_a_judge_that_always_says_the_same(asked: Exam) -> None:
    task = task_of(asked, "recolour")
    stubborn = reliability(asked, task, Says(pairs_of(task)))
    assert stubborn == Reliability(truth=True, unedited=False, fooled=True)
    assert reliability(asked, task, Says(asked.pair)).unedited
    assert reliability(asked, task_of(asked, "add"), Says()).unedited is None


# -- scores


def test_a_perfect_editor_beats_one_that_changes_nothing(asked: Exam) -> None:
    editors = {name: Hands(name) for name in ("truth", "before")}
    found = ask(asked, editors, Says(present=0.0))
    perfect, idle = summary(found.scores["truth"]), summary(found.scores["before"])
    assert perfect["nearest"] == 1
    assert idle["nearest"] == 0
    assert perfect["setting_success"] == perfect["remove_success"] == 1
    assert idle["setting_success"] == idle["remove_success"] == 0
    assert perfect["region_l1"] == 0 < idle["region_l1"]
    assert perfect["region_psnr"] is None  # infinite
    assert idle["region_psnr"] < 30
    assert perfect["changed_outside"] == idle["changed_outside"] == 0
    assert idle["clip_directional"] == 0


def test_pixels_that_change_outside_the_editors_own_mask_are_counted(asked: Exam) -> None:
    task = task_of(asked, "recolour")
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:5, :7] = 0.5
    brighter = np.clip(task.before * np.float32(0.5), 0, 1)
    score = Marker(asked, Says()).score(task, Answer(brighter, brighter, mask, Evaluations()))
    assert score.figures is not None
    assert score.figures.changed_outside == SIZE * SIZE - 35
    assert score.figures.mask_share == pytest.approx(35 / SIZE**2)


def test_the_composite_is_measured_beside_what_the_model_made(asked: Exam) -> None:
    task = task_of(asked, "recolour")
    answer = Answer(
        task.truth, task.truth * np.float32(0.8), np.ones((SIZE, SIZE), np.float32), Evaluations()
    )
    row = summary([Marker(asked, Says()).score(task, answer)])
    assert row["outside_truth_psnr"] is None  # infinite
    assert row["outside_truth_psnr_raw"] < 30
    assert row["outside_truth_ssim"] == pytest.approx(1)
    assert row["outside_truth_ssim_raw"] < 1


def test_what_is_not_found_is_a_failure_without_figures(asked: Exam) -> None:
    marker, task = Marker(asked, Says(present=0.0)), task_of(asked, "remove")
    scores = [marker.score(task, Hands("truth").edit(task)), marker.score(task, None)]
    row = summary(scores)
    assert row["found"] == row["remove_success"] == 0.5
    assert row["region_l1"] == 0
    assert row["recolour_success"] is None
    assert list(row["operations"]) == ["remove"]


def test_a_first_edit_is_told_from_those_that_repeat_its_query(asked: Exam) -> None:
    def score(operation: Operation, evaluations: Evaluations) -> Score:
        task = task_of(asked, operation)
        answer = Answer(task.truth, task.truth, np.ones((SIZE, SIZE), np.float32), evaluations)
        return Marker(asked, Says()).score(task, answer)

    row = summary(
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


# -- editors


def gaussian_exam(model: GaussianModel) -> Exam:
    """A tree, to become a house and then to go, in the world of the exact model."""
    before = model.picture(["tree"], 32, 48, seed=1)
    after = model.picture(["house"], 32, 48, seed=1)
    rendered = Rendered(
        SceneDescription("meadow", (), 0), (before * 255).round().astype(np.uint8), before
    )
    first = Task(
        operation="recolour",
        query="tree",
        target="house",
        before=unit(rendered),
        candidates={"house": after.astype(np.float32)},
        answer="house",
        region=model.region("tree", 32, 48),
        pair=("house", "red"),
        captions=("tree", "house"),
    )
    return Exam(0, rendered, ("tree", "green"), (first, replace(first, operation="remove")))


@pytest.mark.parametrize("method", [None, *method_names()])
def test_every_method_is_asked_through_one_scene_and_keeps_what_is_outside(
    method: str | None,
) -> None:
    asked = gaussian_exam(GaussianModel())
    editor = SceneEditor(Exact(), method, true_captions=True, steps=4)
    scores = ask(asked, {"it": editor}, Says()).scores["it"]
    first, second = (score.evaluations for score in scores)
    assert all(score.figures and score.figures.changed_outside == 0 for score in scores)
    assert first.mask > 0
    assert first.decode > 0
    assert (second.mask, second.inversion, second.decode) == (0, 0, first.decode)


def test_a_query_that_is_not_there_has_no_answer() -> None:
    model = GaussianModel()
    asked = gaussian_exam(model)
    absent = replace(asked.tasks[0], query="house", target="tree")
    assert SceneEditor(model, steps=2).open(asked)(absent) is None


def test_the_peer_counts_its_rows_and_keeps_mask_and_inversion(
    tiny_folders: Mapping[str, Path],
) -> None:
    picture = gaussian_exam(GaussianModel())
    peer = DiffEditPeer(tiny_folders["sd1"], steps=5)
    editing = peer.open(picture)
    first, second = (editing(task) for task in picture.tasks)
    assert first is not None
    assert second is not None
    assert first.picture.shape == (32, 48, 3)
    assert first.mask.shape == (32, 48)
    assert first.evaluations == Evaluations(mask=40, inversion=4, decode=8)
    assert second.evaluations == Evaluations(decode=8)
    again = peer.open(picture)(picture.tasks[0])
    assert again is not None
    np.testing.assert_array_equal(again.picture, first.picture)


# -- the report


def made_up(judge: Says) -> list[SceneScores]:
    names = (DEFAULT, PEER, *method_names(), ONE_ATTEMPT, TRUE_CAPTIONS)
    scenes = [exam("calibration", index, size=SIZE) for index in (3, 5)]
    every = {name: Hands("truth", BY_QUERY) if name == PEER else Hands("truth") for name in names}
    return [
        ask(scenes[0], every, judge),
        ask(scenes[1], {DEFAULT: Hands("nothing found")}, judge),
    ]


def test_the_json_has_a_row_for_default_peer_and_every_method() -> None:
    cost = Cost(3.0, 1.0, 700.0)
    settings = EditBenchSettings(scenes=2, others=1)
    report = EditReport(assembled(made_up(Says(present=0)), {DEFAULT: cost, PEER: cost}, settings))
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
    assert set(measured["methods"]) == set(method_names())
    assert measured["default"]["scenes"] == 2
    assert measured["default"]["remove_success"] == 0.5
    assert measured["variants"][SAME_SCENES]["scenes"] == measured["peer"]["scenes"] == 1
    assert measured["variants"][SAME_SCENES]["remove_success"] == 1
    assert measured["peer"]["add_success"] is None
    assert measured["default"]["seconds_first"] == 3
    assert measured["methods"]["blended"]["seconds_first"] is None
    assert measured["judge"]["remove"] == {"truth": 1, "unedited": 0, "fooled": 0}
    assert measured["settings"]["seed"] == 0
    assert measured["settings"]["default_methods"]["remove"] == "blended"


def test_the_tables_are_made_of_the_json() -> None:
    measured = assembled(made_up(Says(present=0)), {}, EditBenchSettings(scenes=2, others=1))
    again = EditReport(json.loads(EditReport(measured).as_json()))
    lines = again.table().splitlines()
    names = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    rows = ["default", "peer", *method_names(), SAME_SCENES, ONE_ATTEMPT, TRUE_CAPTIONS]
    assert names[2 : 2 + len(rows)] == rows
    assert "| default | 2 | 50.0% |" in lines[2]
    assert lines[-1].startswith("scenes 2, seed 0, others 1")


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="scenes is at least 1, got 0"):
        EditBenchSettings(scenes=0)


@pytest.mark.slow
def test_the_embedded_model_is_measured_alike_by_one_and_by_two_processes() -> None:
    seen: list[tuple[int, int]] = []
    alone = measure_editing(
        EditBenchSettings(scenes=2, others=1, rounds=0, steps=2),
        progress=lambda p: seen.append((p.step, p.of)),
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]
    together = measure_editing(EditBenchSettings(scenes=2, others=1, rounds=0, steps=2, workers=2))
    first, second = alone.measured, together.measured
    assert first["default"]["changed_outside"] == 0
    for name in ("flowedit", "diffedit"):  # the default removes by inversion and changes without
        assert first["methods"][name]["evaluations_repeat_not_decoding"] == 0
    assert {**first, "settings": {}} == {**second, "settings": {}}


@pytest.mark.slow
def test_costs_are_taken_in_a_process_of_its_own() -> None:
    cost = measure("diffedit", rounds=2, steps=2)
    assert cost.seconds_first is not None
    assert cost.seconds_repeat is not None
    assert cost.seconds_first > 0 < cost.seconds_repeat
    assert 100 < cost.megabytes_peak < 5000


def test_the_tasks_about_a_scene_stay_the_same() -> None:
    """Published numbers must be of the same tasks: raise `SET_VERSION` when these change."""
    assert [(task.query, task.target) for task in exam("evaluation", 0).tasks] == [
        ("white car", "orange car"),
        ("white car", "white fish"),
        ("white car", ""),
        ("", "a yellow mushroom"),
        ("sea", "in a room"),
    ]
