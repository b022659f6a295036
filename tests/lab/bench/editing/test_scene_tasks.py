from __future__ import annotations

import numpy as np
import pytest

from tests.lab.bench.editing.drawn import SIZE, Tasks, task_of
from textseg.lab.bench.editing.scene_tasks import (
    BY_QUERY,
    MIN_AREA,
    OPERATIONS,
    scene_numbers,
    scene_tasks,
)
from textseg.picturebook.scenes import render, sample_scene


@pytest.fixture(scope="module")
def asked() -> Tasks:
    return scene_tasks("calibration", 3, size=SIZE)


def test_a_scene_has_one_task_for_every_operation_and_the_same_ones_again(asked: Tasks) -> None:
    assert [task.operation for task in asked] == list(OPERATIONS)
    again = scene_tasks("calibration", 3, size=SIZE)
    assert [(t.query, t.target) for t in again] == [(t.query, t.target) for t in asked]
    assert all(np.array_equal(a.truth, b.truth) for a, b in zip(again, asked, strict=True))


@pytest.mark.parametrize("index", [0, 3, 5])
def test_the_truth_differs_in_its_region_and_hardly_anywhere_else(index: int) -> None:
    for task in scene_tasks("calibration", index, size=SIZE):
        change = np.abs(task.truth - task.image).mean(-1)
        assert change[task.region].mean() > 0.02
        if task.operation != "setting":  # a new setting shines through the things' outlines
            assert change[~task.region].mean() < 0.2 * change[task.region].mean()


def test_a_thing_that_is_named_alone_and_large_enough_is_chosen() -> None:
    for index in scene_numbers("calibration", scenes=2, seed=0, size=SIZE):
        rendered = render(sample_scene("calibration", index), size=SIZE)
        things = [(thing.kind, thing.color) for thing in rendered.scene.things]
        for task in scene_tasks("calibration", index, size=SIZE):
            if task.operation not in BY_QUERY:
                assert task.there is None
                continue
            assert task.there is not None
            assert things.count(task.there) == 1
            assert rendered.masks[things.index(task.there)].mean() >= MIN_AREA
            assert task.query == f"{task.there[1]} {task.there[0]}"


def test_scenes_without_anything_to_edit_are_passed_over_and_seeds_share_none() -> None:
    numbers = [scene_numbers("calibration", scenes=3, seed=seed, size=SIZE) for seed in (0, 1)]
    assert set(numbers[0]).isdisjoint(numbers[1])
    assert min(numbers[1]) >= 1_000_000
    assert all(len(found) == 3 for found in numbers)


def test_a_new_thing_may_be_painted_where_it_is_to_be_and_a_little_around(asked: Tasks) -> None:
    task = task_of(asked, "add")
    assert task.mask is not None
    assert task.mask[task.region].all()
    assert task.region.sum() < task.mask.sum() < 3 * task.region.sum()
    assert task.query == ""


def test_the_tasks_about_a_scene_stay_the_same() -> None:
    """Published numbers must be of the same tasks: raise `SET_VERSION` when these change."""
    assert [(task.query, task.target) for task in scene_tasks("evaluation", 0)] == [
        ("white car", "orange car"),
        ("white car", "white fish"),
        ("white car", ""),
        ("", "a yellow mushroom"),
        ("sea", "in a room"),
    ]
