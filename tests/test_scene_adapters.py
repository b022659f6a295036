"""A wrapped pipeline is shared: when its adapters are changed, nothing of before is believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textseg.scene import Scene
from textseg.testing import GaussianModel

PICTURE = np.random.default_rng(0).random((32, 48, 3)).astype(np.float32)


class Adapted(GaussianModel):
    """A model of which somebody says what is added to it."""

    adapters: tuple[str, ...] = ()


def test_what_was_asked_is_asked_again_when_adapters_have_changed() -> None:
    model = Adapted()
    scene = Scene.open(PICTURE, model)
    assert scene.segment("left", draws=2).evaluations > 0
    assert scene.segment("left", draws=2).evaluations == 0
    model.adapters = ("style",)
    assert scene.segment("left", draws=2).evaluations > 0
    assert scene.segment("left", draws=2).evaluations == 0


def test_the_way_that_another_model_made_a_picture_is_forgotten() -> None:
    model = Adapted()
    scene = Scene.generate("left", model, steps=2, size=(8, 12))
    assert scene.path is not None
    model.adapters = ("style",)
    assert scene.path is None


def test_switching_a_lora_of_a_wrapped_pipeline_is_noticed(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from tests.backends.test_loras import write_lora
    from tests.tiny import build_sd
    from textseg.registry.families import wrap_family

    file = write_lora(build_sd(), tmp_path / "style.safetensors")
    pipeline = build_sd()
    pipeline.load_lora_weights(str(tmp_path), weight_name=file.name, adapter_name="style")
    scene = Scene.open(PICTURE, wrap_family(pipeline))
    changes = [
        lambda: None,
        pipeline.disable_lora,
        pipeline.enable_lora,
        lambda: pipeline.set_adapters(["style"], [0.25]),
        pipeline.fuse_lora,
    ]
    for change in changes:
        change()
        found = scene.segment("tree", draws=2)
        fresh = Scene.open(PICTURE, wrap_family(pipeline)).segment("tree", draws=2)
        np.testing.assert_array_equal(found.soft, fresh.soft)
        assert scene.segment("tree", draws=2).evaluations == 0
