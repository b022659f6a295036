"""Rivals in a scene: when they are asked, what that costs, and what they decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.segmentation.helpers import Recording
from tests.tiny import FAMILIES
from textseg.backends.latent import LatentModel
from textseg.diffusion.card import Presence
from textseg.diffusion.rivalry import Rivals
from textseg.errors import Cancelled
from textseg.progress import CancelToken, Progress
from textseg.scene import Scene
from textseg.testing import GaussianModel, gaussian_card

ALWAYS = Rivals(doubt=(0.0, 1.0))
NEVER = Rivals(doubt=(1.0, 1.0))


def model_with(rivals: Rivals = ALWAYS, **presence: Any) -> Recording:
    card = gaussian_card(presence=Presence(rivals=rivals, **presence))
    return Recording(rate=0.3, card=card)


def scene_of(model: GaussianModel, *present: str) -> Scene:
    return Scene.open(model.picture(present, 32, 48, seed=1), model)


def test_rivals_tell_present_from_absent_with_nothing_fitted() -> None:
    model = model_with(weights={})
    for there, other in (("tree", "house"), ("house", "tree")):
        found = scene_of(model, there).segment_all([there, other], presence="rivals")
        assert found[there].present
        assert not found[other].present
        assert found[other].rivals is not None
        assert found[other].rivals.rival == there


def test_rivals_are_asked_where_the_card_or_the_caller_says_so() -> None:
    usual, asking = model_with(), model_with(rule="rivals")
    assert scene_of(usual, "tree").segment("tree").rivals is None
    assert scene_of(usual, "tree").segment("tree", presence="rivals").rivals is not None
    found = scene_of(asking, "tree").segment("tree")
    assert found.rivals is not None
    assert found.settings.presence == "rivals"
    assert scene_of(asking, "tree").segment("tree", presence="calibrated").rivals is None


def test_rivals_are_asked_in_doubt_only() -> None:
    model = model_with(NEVER)
    found = scene_of(model, "tree").segment("tree", presence="rivals")
    assert found.rivals is None
    assert found.evaluations == model.evaluations == 20


def test_a_query_without_rivals_is_read_by_its_features() -> None:
    model = model_with()
    scene = scene_of(model, "tree")
    assert scene.segment("there", presence="rivals").rivals is None
    alone = GaussianModel(things={"tree": model.things["tree"]}, rate=0.3, card=model.card)
    assert scene_of(alone, "tree").segment("tree", presence="rivals").rivals is None


def test_a_query_with_unknown_words_is_not_weighed() -> None:
    model = model_with()
    found = scene_of(model, "tree").segment("red tree", presence="rivals")
    assert (found.present, found.rivals) == (None, None)
    assert model.evaluations == 20


def test_the_probability_is_that_of_the_cards_function() -> None:
    rivals = replace(ALWAYS, weights={"log_odds": 0.5, "rivalry": 3.0}, bias=0.25, threshold=0.9)
    model = model_with(rivals, weights={"ratio": 2.0}, bias=-1.0)
    scene = scene_of(model, "tree")
    usual = scene.segment("tree", presence="calibrated").presence
    found = scene.segment("tree", presence="rivals")
    assert found.rivals is not None
    total = 0.5 * np.log(usual / (1 - usual)) + 3 * found.rivals.score + 0.25
    assert found.presence == pytest.approx(1 / (1 + np.exp(-total)))
    assert found.present == (found.presence >= 0.9)


def test_evaluations_are_those_of_the_model_and_shared_ones_count_once() -> None:
    model = model_with()
    found = scene_of(model, "tree").segment_all(["tree", "house"], presence="rivals")
    assert found.evaluations == model.evaluations == 30  # each is the other's rival
    model = model_with()
    alone = scene_of(model, "tree").segment("tree", presence="rivals")
    assert alone.evaluations == model.evaluations == 30


def test_what_was_weighed_before_costs_nothing_and_comes_back_bit_for_bit() -> None:
    model = model_with()
    scene = scene_of(model, "tree")
    first = scene.segment("tree", presence="rivals")
    model.calls.clear()
    again = scene.segment_all(["tree"], presence="rivals")
    assert again.evaluations == model.evaluations == 0
    assert again[0].presence == first.presence
    np.testing.assert_array_equal(again[0].soft, first.soft)


def test_rivals_of_an_earlier_call_serve_a_later_one() -> None:
    model = model_with()
    scene = scene_of(model, "tree")
    scene.segment("tree", presence="rivals")
    model.calls.clear()
    scene.segment("a tree", presence="rivals")  # its rival is "a house"
    assert model.evaluations == 20
    model.calls.clear()
    scene.segment("tree", presence="rivals", soften=None, draws=10)
    assert model.evaluations == 0


def test_queries_whose_maps_are_known_are_asked_again_for_their_rivals() -> None:
    model = model_with()
    scene = scene_of(model, "tree")
    scene.segment("tree", presence="calibrated")
    model.calls.clear()
    found = scene.segment_all(["tree"], presence="rivals")
    assert found.evaluations == model.evaluations == 20


def test_weighing_is_a_stage_of_its_own_and_can_be_stopped() -> None:
    cancel, seen = CancelToken(), list[str]()

    def follow(progress: Progress) -> None:
        seen.append(progress.stage)
        if progress.stage == "weighing rivals":
            cancel.cancel()

    model = model_with()
    with pytest.raises(Cancelled):
        scene_of(model, "tree").segment("tree", presence="rivals", progress=follow, cancel=cancel)
    assert list(dict.fromkeys(seen)) == ["comparing", "weighing rivals"]
    assert model.evaluations == 20


def test_early_stops_and_antithetic_noises_are_weighed_with_their_own_draws() -> None:
    for options in ({"tolerance": 1e9}, {"antithetic": True}, {"draws": 1}):
        model = model_with()
        scene = scene_of(model, "tree")
        found = scene.segment_all(["tree", "house"], presence="rivals", **options)
        assert found["tree"].present
        assert not found["house"].present
        assert found.evaluations == model.evaluations


# what an instruction asks for need not be there: models that follow them decide nothing
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "kontext"])
def test_an_untrained_network_finds_nothing(
    family: str, tiny_models: Mapping[str, LatentModel]
) -> None:
    model = tiny_models[family]
    assert model.card.presence.rule == "rivals"
    side = model.size_multiple
    rgb = np.random.default_rng(0).random((4 * side, 6 * side, 3), np.float32)
    rgb[: 2 * side, : 2 * side] = (0.8, 0.2, 0.1)
    found = Scene.open(rgb, model).segment_all(["tree", "a red car", "zebra"], draws=4)
    for item in found:
        assert item.rivals is not None
        assert not item.present, (item, item.rivals)
