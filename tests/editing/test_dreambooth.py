"""DreamBooth: what the copy learns in its two stages, and where it changes nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import Bench, Watched, bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.fitting import ATTENTION, Lesson, refit, training_loss
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.scene import Scene

STEPS, RATE = 3, 1e-3
ATTENTION_NAME = re.compile(ATTENTION)


def table_with(*sizes: tuple[int, int], model: DiffusionModel | None = None) -> Bench:
    table = bench(model or wrap_pipeline(build_sd()))
    channels = table.model.latent_channels
    table.examples = tuple(draw_noise((1, channels, *size), seed=3) for size in sizes)
    return table


def weights_of(table: Bench) -> dict[str, torch.Tensor]:
    """What was fitted: the only fit that is kept."""
    ((fitted,),) = (table.paths._fits._kept.values(),)
    return dict(fitted)


def test_the_copy_learns_the_scene_around_the_mask_and_then_the_examples() -> None:
    table = table_with((6, 10), (8, 8))
    method = method_with("dreambooth", fit_steps=STEPS, rate=RATE, subject="a sks cat")
    table.run(method, table.soft)
    scene = Lesson(table.latents, table.text("tree"), where=1 - table.soft)
    subject = [Lesson(each, table.text("a sks cat")) for each in table.examples]
    order = [scene, scene, scene, subject[1], subject[0], subject[1]]
    expected = refit(
        table.model,
        ATTENTION,
        lambda learner, k: training_loss(learner, order[k], k),
        steps=range(6),
        rate=RATE,
    )
    found = weights_of(table)
    assert set(found) == set(expected)
    for name, each in expected.items():
        assert_close(found[name], each.detach(), rtol=0, atol=1e-6)


def test_without_examples_it_learns_the_picture_by_its_own_text() -> None:
    model = Watched(rate=0.3)
    table = bench(model)
    table.run(method_with("dreambooth", fit_steps=STEPS, steps=2, guidance=1.0), table.soft)
    assert model.calls == [("tree",)] * STEPS + [("house",)] * 2


def test_examples_are_learned_by_the_target_prompt_where_no_text_is_given() -> None:
    model = Watched(rate=0.3)
    table = table_with((6, 10), model=model)
    table.run(method_with("dreambooth", fit_steps=2, steps=1, guidance=1.0), table.soft)
    assert model.calls == [("tree",)] * 2 + [("house",)] * 2 + [("house",)]


@pytest.mark.parametrize("rank", [0, 2])
def test_a_fit_of_no_steps_draws_the_target_prompt(rank: int) -> None:
    table = table_with((6, 10))
    found = table.run(method_with("dreambooth", fit_steps=0, rank=rank), table.soft)
    assert torch.equal(found, table.run(method_with("blended", strength=1.0), table.soft))


def test_what_is_added_to_the_weights_is_of_low_rank() -> None:
    table = table_with((6, 10))
    before = dict(table.model.network.named_parameters())  # type: ignore[attr-defined]  # of this backend
    table.run(method_with("dreambooth", fit_steps=STEPS, rate=RATE, rank=2), table.soft)
    found = weights_of(table)
    assert all(ATTENTION_NAME.search(name) for name in found)
    ranks = {torch.linalg.matrix_rank(found[name] - before[name], rtol=1e-3) for name in found}
    assert 0 < max(ranks) <= 2


@pytest.mark.parametrize(
    ("name", "other"), [("dreambooth", {}), ("dreambooth", {"subject": "cat"}), ("unipaint", {})]
)
def test_another_mask_or_example_is_another_fit(name: str, other: dict[str, str]) -> None:
    scene = Scene.open(np.zeros((16, 24, 3), np.float32), Watched(rate=0.3))
    grey, white = (np.full((16, 8, 3), value, np.float32) for value in (0.5, 1.0))
    mask = np.zeros((16, 24), bool)
    mask[4:9, 4:12] = True
    method, given = method_with(name, **other), {"source": "", "prompt": "tree", "seed": 1}

    def fit(examples: list[np.ndarray], mask: np.ndarray) -> int:
        edit = scene.edit("", "tree", method=method, mask=mask, examples=examples, **given)
        return edit.evaluations.fit

    first = fit([grey], mask)
    assert first > 0
    assert fit([grey], mask) == 0
    assert fit([white], mask) == fit([grey, white], mask) == first
    assert fit([grey], ~mask) == first
