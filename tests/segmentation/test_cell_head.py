"""The cells of a query, found by a learned head in place of a threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.segmentation.helpers import maps
from textseg.diffusion.card import CellHead
from textseg.errors import InvalidInputError, ModelError
from textseg.lab.bench.calibrate_cells import Covered, fit_cells
from textseg.lab.bench.scores import share_of_cells
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.registry.models import load_model
from textseg.scene import Scene
from textseg.segmentation.cell_head import (
    CELL_FEATURES,
    cell_features,
    cell_spread,
    find_cells,
)
from textseg.segmentation.difference import RawMaps
from textseg.segmentation.soften import SoftenSettings, soften

HEIGHT, WIDTH = 6, 9


def drawn(seed: int = 0, *, spread: float = 0.0) -> RawMaps:
    """Maps of chance, with looks at two words."""
    chance = np.random.default_rng(seed)
    values = [chance.gamma(2.0, size=(HEIGHT, WIDTH)) for _ in range(2)]
    raw = maps(values[0], spread=spread, information=values[1], evidence=values[1] - 2)
    looks = chance.random((2, HEIGHT, WIDTH)).astype(np.float32)
    return replace(raw, words=looks, words_spread=np.full((HEIGHT, WIDTH), spread, np.float32))


def feature(raw: RawMaps, name: str) -> np.ndarray:
    return cell_features(raw)[..., CELL_FEATURES.index(name)]


def test_features_are_complete_and_finite_for_any_map() -> None:
    dark = replace(drawn(), words=np.zeros((1, HEIGHT, WIDTH), np.float32))
    for raw in (drawn(), dark, replace(dark, **{n: 0 * v for n, v in dark.arrays().items()})):
        found = cell_features(raw)
        assert found.shape == (HEIGHT, WIDTH, len(CELL_FEATURES))
        assert np.isfinite(found).all()


def test_features_are_what_they_are_called() -> None:
    raw = drawn()
    assert raw.words is not None
    together = raw.words.mean(0) / raw.words.mean(0).max()
    np.testing.assert_allclose(feature(raw, "words"), together, rtol=1e-5)
    ranks = feature(raw, "difference_rank") * HEIGHT * WIDTH
    assert sorted(ranks.ravel().round().tolist()) == list(range(HEIGHT * WIDTH))
    ratio = raw.evidence.sum() / raw.information.sum()
    np.testing.assert_allclose(feature(raw, "query_ratio"), ratio, rtol=1e-5)
    own, around = (feature(raw, f"information_{which}") for which in ("own", "around"))
    assert (around >= own).all()
    assert (around > own).any()


def test_no_feature_but_one_depends_on_the_unit_of_the_maps() -> None:
    raw = drawn()
    scaled = {"difference": 10.0, "information": 100.0, "evidence": 100.0, "bands": 100.0}
    other = replace(raw, **{n: np.float32(k) * getattr(raw, n) for n, k in scaled.items()})
    for name in CELL_FEATURES:
        if name != "query_information":
            np.testing.assert_allclose(
                feature(other, name), feature(raw, name), rtol=1e-3, atol=1e-5, err_msg=name
            )


def test_cells_are_the_logistic_function_of_the_features() -> None:
    raw = drawn()
    head = CellHead({"words": 2.0, "difference_rank": -1.0}, 0.5)
    total = 2 * feature(raw, "words") - feature(raw, "difference_rank") + 0.5
    np.testing.assert_allclose(find_cells(raw, head), 1 / (1 + np.exp(-total)), rtol=1e-6)


def test_the_spread_is_what_the_error_of_each_map_moves() -> None:
    head = CellHead({"words_difference": 1.0, "evidence_own": 0.3}, 0.0)
    assert not cell_spread(drawn(), head).any()
    raw = drawn(spread=0.01)
    alone = [
        find_cells(replace(raw, **{name: getattr(raw, name) + np.float32(0.01)}), head)
        for name in ("difference", "information", "evidence")
    ]
    assert raw.words is not None
    mean = raw.words.mean(0)
    alone.append(find_cells(replace(raw, words=raw.words * (1 + 0.01 / mean)), head))
    expected = np.sqrt(sum(np.square(each - find_cells(raw, head)) for each in alone))
    np.testing.assert_allclose(cell_spread(raw, head), expected, rtol=1e-4, atol=1e-8)


def test_a_head_of_unknown_features_is_refused() -> None:
    with pytest.raises(ModelError, match="unknown charm"):
        find_cells(drawn(), CellHead({"charm": 1.0}, 0.0))


def test_fitting_finds_what_decides() -> None:
    examples = [
        Covered(raw, (feature(raw, "words") > 0.7).astype(float)) for raw in map(drawn, range(60))
    ]
    head = fit_cells(examples)
    assert set(head.weights) == set(CELL_FEATURES)
    fresh = [drawn(seed) for seed in range(100, 120)]
    right = [
        np.mean((find_cells(raw, head) > 0.5) == (feature(raw, "words") > 0.7)) for raw in fresh
    ]
    assert np.mean(right) > 0.95


def test_maps_that_are_not_whole_cannot_be_fitted_to() -> None:
    unseen = replace(drawn(), words=None, words_spread=None)
    with pytest.raises(InvalidInputError, match="looks at words"):
        fit_cells([Covered(unseen, np.zeros((HEIGHT, WIDTH)))])
    with pytest.raises(InvalidInputError, match="nothing that is there"):
        fit_cells([])
    with pytest.raises(InvalidInputError, match="all bands"):
        cell_features(unseen)


def test_the_share_of_a_cell_is_that_of_its_pixels() -> None:
    truth = np.zeros((4, 6), bool)
    truth[:2, :3] = True
    truth[3, 5] = True
    np.testing.assert_array_equal(share_of_cells(truth, (2, 2)), [[1, 0], [0, 1 / 6]])


HEAD = CellHead({"words": 4.0}, -2.0)


def test_the_head_stands_in_for_the_threshold_where_all_is_there() -> None:
    raw = drawn(spread=0.01)
    found = soften(raw, SoftenSettings(head=True), HEAD)
    np.testing.assert_allclose(found.soft, find_cells(raw, HEAD), rtol=1e-6)
    assert (found.rule, found.source, found.threshold) == ("head", "cells", 0.5)
    plain = soften(raw, SoftenSettings())
    others = [
        soften(raw, SoftenSettings(head=False), HEAD),
        soften(raw, SoftenSettings(head=True), None),
        soften(replace(raw, words=None, words_spread=None), SoftenSettings(head=True), HEAD),
    ]
    for other in others:
        np.testing.assert_array_equal(other.soft, plain.soft)
        assert other.rule == "mean"


def test_a_model_without_a_head_says_so(tiny_models) -> None:
    scene = Scene.open(np.zeros((24, 40, 3), np.float32), tiny_models["sd1"])
    with pytest.raises(InvalidInputError, match="no cell head"):
        scene.segment("tree", soften=SoftenSettings(head=True))


def test_the_embedded_model_finds_cells_by_its_head_unless_attention_is_off() -> None:
    picture = render(PICTURES["meadow"][0]).image
    scene = Scene.open(picture, load_model("picturebook", device="cpu"))
    rules = [scene.segment("tree", attention=each).threshold.rule for each in (True, False)]
    assert rules == ["head", "otsu"]
