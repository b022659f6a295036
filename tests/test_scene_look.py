"""A second look: where it is taken, what it costs, and what becomes of the first."""

from __future__ import annotations

import numpy as np
import pytest

from tests.segmentation.helpers import Recording
from textseg.errors import Cancelled, UnknownNameError
from textseg.progress import CancelToken, Progress
from textseg.scene import Scene
from textseg.segmentation.windows import tiles
from textseg.testing import GaussianModel, GaussianThing, gaussian_card

SIZE = (96, 144)
THINGS = {
    "tree": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.45, 0.45, 0.55, 0.55)),
    "house": GaussianThing(colour=(0.8, 0.3, 0.2), box=(0.1, 0.7, 0.2, 0.8)),
}


def model_for(native: int = 24) -> Recording:
    return Recording(things=THINGS, card=gaussian_card(native=native))


def scene_with(model: GaussianModel) -> Scene:
    """Return a scene with a tree on one hundredth of the picture."""
    return Scene.open(model.picture(["tree"], *SIZE, seed=1), model)


def test_zoom_asks_once_more_around_what_was_found() -> None:
    model = model_for()
    whole = scene_with(model).segment("tree")
    asked = model.evaluations
    found = scene_with(model).segment("tree", look="zoom")
    windows = [note for note in found.notes if note.startswith("looked again in windows")]
    assert len(windows) == 1
    assert found.evaluations == model.evaluations - asked > whole.evaluations
    assert found.settings.look == "zoom"
    assert found.size == SIZE
    assert not np.array_equal(found.soft, whole.soft)


def test_outside_of_the_windows_the_first_look_stands() -> None:
    scene = scene_with(model_for())
    whole, found = scene.segment("tree"), scene.segment("tree", look="zoom")
    changed = np.abs(found.soft - whole.soft) > 1 / 65535
    rows, cols = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert np.ptp(rows) < SIZE[0] / 2
    assert np.ptp(cols) < SIZE[1] / 2


def test_what_was_asked_before_is_known_whichever_way_it_was_looked() -> None:
    model = model_for()
    scene = scene_with(model)
    first = scene.segment_all(["tree", "house"], look="tiles")
    asked = model.evaluations
    assert first.evaluations == asked
    again = scene.segment_all(["tree", "house"], look="tiles")
    assert model.evaluations == asked
    assert again.evaluations == 0
    for query in ("tree", "house"):
        np.testing.assert_array_equal(again[query].soft, first[query].soft)
    scene.segment("tree")
    assert model.evaluations == asked


def test_a_window_that_is_surer_decides_presence() -> None:
    scene = scene_with(model_for())
    whole, found = scene.segment("tree"), scene.segment("tree", look="zoom")
    assert found.presence >= whole.presence
    assert found.spread.shape == SIZE


def test_one_tile_among_many_has_to_be_surer() -> None:
    model = model_for()
    scene = Scene.open(model.picture([], *SIZE, seed=1), model)
    asked = tiles(SIZE, 24)
    alone = [
        Scene.open(np.ascontiguousarray(scene.rgb[each.box]), model).segment("tree").presence
        for each in asked
    ]
    whole, found = scene.segment("tree"), scene.segment("tree", look="tiles")
    odds = max(alone) / (1 - max(alone)) / len(asked)
    assert found.presence == pytest.approx(max(whole.presence, odds / (1 + odds)), rel=1e-3)
    assert not found.present


def test_a_picture_that_is_read_as_it_is_gets_one_look_and_a_remark() -> None:
    model = model_for(native=200)
    found = scene_with(model).segment("tree", look="tiles")
    assert model.evaluations == found.evaluations == 20
    assert any("no second look" in note for note in found.notes)


def test_words_that_nobody_knows_are_not_looked_for_again() -> None:
    model = model_for()
    found = scene_with(model).segment("zebra", look="tiles")
    assert found.present is None
    assert model.evaluations == found.evaluations == 20


def test_progress_tells_the_windows_and_may_stop_between_them() -> None:
    scene, seen, token = scene_with(model_for()), list[str](), CancelToken()

    def watch(progress: Progress) -> None:
        seen.append(progress.stage)
        if "(window 2 of" in progress.stage:
            token.cancel()

    with pytest.raises(Cancelled):
        scene.segment("tree", look="tiles", progress=watch, cancel=token)
    assert "comparing (window 1 of" in " ".join(seen)


def test_a_look_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="tiles"):
        scene_with(model_for()).segment("tree", look="closely")  # type: ignore[arg-type]  # wrong


def test_two_queries_are_asked_together_in_a_tile() -> None:
    alone, both = model_for(), model_for()
    scene_with(alone).segment("tree", look="tiles")
    scene_with(both).segment_all(["tree", "house"], look="tiles")
    assert both.evaluations == alone.evaluations * 3 / 2
