"""Models whose steps depend on the size of the picture, walked at that size everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from tests.editing.helpers import LEAPING, METHODS, STEPS, Exact, bench, method_with
from textseg.diffusion.model import Cells, cells_of
from textseg.scene import Scene
from textseg.testing import check_model


@dataclass(frozen=True)
class Shifting(Exact):
    """Takes larger steps near the noise where a picture is larger, as FLUX does (eq. in SD 3)."""

    asked: list[Cells | None] = field(default_factory=list)

    def levels(
        self, steps: int, start: float = 1.0, *, cells: Cells | None = None
    ) -> tuple[float, ...]:
        self.asked.append(cells)
        rows, columns = cells or (16, 16)
        shift = (rows * columns / 256) ** 0.5
        even = super().levels(steps)
        levels = (shift * sigma / (1 + (shift - 1) * sigma) for sigma in even)
        return tuple(sigma for sigma in levels if sigma <= start)


def test_levels_that_depend_on_the_size_keep_the_contract() -> None:
    check_model(Shifting(latent_stride=2, size_multiple=4))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_walks_on_the_levels_of_its_picture(name: str) -> None:
    model = Shifting()
    table = bench(model)
    steps = table.steps(method_with(name, strength=1.0), table.everything)
    assert set(model.asked) == {cells_of(table.latents)}
    expected = model.levels(STEPS, cells=cells_of(table.latents))
    if name in LEAPING:
        assert {step.sigma for step in steps} <= set(expected)
        assert steps[-1].sigma == expected[-1]
    else:
        assert [step.sigma for step in steps] == list(expected[1:])


@torch.no_grad()
def test_pictures_are_made_on_the_levels_of_their_size_and_edited_on_them() -> None:
    model = Shifting(latent_stride=2, size_multiple=2)
    scene = Scene.generate("a tree", model, size=(24, 40), steps=3)
    mask = np.zeros((24, 40), np.float32)
    mask[4:12, 8:20] = 1
    for method in METHODS:
        scene.edit("", "a house", mask=mask, method=method_with(method), crop=False)
    assert set(model.asked) == {(12, 20)}
