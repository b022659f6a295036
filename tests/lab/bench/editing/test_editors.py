from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.editing.helpers import Exact
from tests.lab.bench.editing.drawn import Says
from textseg.editing.result import Evaluations
from textseg.lab.bench.editing.editors import SceneEditor, quick_methods
from textseg.lab.bench.editing.peer import DiffEditPeer
from textseg.lab.bench.editing.scene_figures import measure
from textseg.lab.bench.editing.scene_tasks import SceneTask
from textseg.testing import GaussianModel


def tree_to_house(model: GaussianModel) -> tuple[SceneTask, SceneTask]:
    """A tree, to become a house and then to go, in the world of the exact model."""
    first = SceneTask(
        image=model.picture(["tree"], 32, 48, seed=1).astype(np.float32),
        source_prompt="tree",
        target_prompt="house",
        query="tree",
        target="house",
        operation="recolour",
        candidates={"house": model.picture(["house"], 32, 48, seed=1).astype(np.float32)},
        answer="house",
        region=model.region("tree", 32, 48),
        pair=("house", "red"),
    )
    return first, replace(first, operation="remove")


@pytest.mark.parametrize("method", [None, *quick_methods()])
def test_every_method_is_asked_through_one_scene_and_keeps_what_is_outside(
    method: str | None,
) -> None:
    tasks = tree_to_house(GaussianModel())
    editor = SceneEditor(Exact(), method, prompts="source", steps=4)
    editing = editor.open(tasks[0].image)
    answers = [editing(task) for task in tasks]
    for task, answer in zip(tasks, answers, strict=True):
        assert measure(task, answer, Says())["changed_outside"] == 0
    first, second = (answer.evaluations for answer in answers)
    assert first.mask > 0
    assert first.decode > 0
    assert (second.mask, second.inversion, second.decode) == (0, 0, first.decode)


def test_where_the_query_is_not_there_the_picture_comes_back() -> None:
    model = GaussianModel()
    task = replace(tree_to_house(model)[0], query="house", target="tree")
    answer = SceneEditor(model, steps=2).open(task.image)(task)
    assert (answer.found, answer.evaluations) == (False, Evaluations())
    np.testing.assert_array_equal(answer.rgb, task.image)


def test_the_peer_counts_its_rows_and_keeps_mask_and_inversion(
    tiny_folders: Mapping[str, Path],
) -> None:
    tasks = tree_to_house(GaussianModel())
    peer = DiffEditPeer(tiny_folders["sd1"], steps=5)
    editing = peer.open(tasks[0].image)
    first, second = (editing(task) for task in tasks)
    assert first.rgb.shape == (32, 48, 3)
    assert first.mask is not None
    assert first.mask.shape == (32, 48)
    assert first.evaluations == Evaluations(mask=40, inversion=4, decode=8)
    assert second.evaluations == Evaluations(decode=8)
    again = peer.open(tasks[0].image)(tasks[0])
    np.testing.assert_array_equal(again.rgb, first.rgb)
