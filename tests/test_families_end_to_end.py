"""Everything that a picture can be asked for, on a tiny network of each family."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.editing.helpers import METHODS, method_with, runs_on
from tests.tiny import FAMILIES
from textseg.backends.latent import LatentModel
from textseg.scene import Scene

TRANSFORMERS = [name for name in FAMILIES if name not in ("sd1", "sd2", "xl")]
RGB = np.random.default_rng(0).random((22, 30, 3), np.float32)
MASK = np.pad(np.ones((8, 12), np.float32), ((4, 10), (8, 10)))


@pytest.fixture(params=TRANSFORMERS)
def model(request: pytest.FixtureRequest, tiny_models: Any) -> LatentModel:
    found: LatentModel = tiny_models[request.param]
    return found


def test_a_query_gets_a_mask_and_an_answer(model: LatentModel) -> None:
    """What it is says nothing: the networks are random."""
    found = Scene.open(RGB, model).segment("tree", draws=2)
    assert found.soft.shape == found.spread.shape == RGB.shape[:2]
    assert np.isfinite(found.soft).all()
    assert 0 < found.presence < 1


def test_every_method_changes_what_is_masked_and_no_pixel_outside(model: LatentModel) -> None:
    scene = Scene.open(RGB, model)
    for name in filter(lambda name: runs_on(name, model), METHODS):
        found = scene.edit(
            "tree", "house", source="tree", method=method_with(name), mask=MASK, attempts=1
        )
        outside = found.mask == 0
        assert outside.any(), name
        assert np.array_equal(found.picture.rgb[outside], scene.rgb[outside]), name
        assert not np.array_equal(found.picture.rgb, scene.rgb), name


def test_a_picture_is_made_of_text(model: LatentModel) -> None:
    size = (2 * model.size_multiple, 3 * model.size_multiple)
    made = Scene.generate("tree", model, steps=2, size=size)
    assert made.rgb.shape == (*size, 3)
    assert np.isfinite(made.rgb).all()
