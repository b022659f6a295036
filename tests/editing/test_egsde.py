from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import bench, method_with
from textseg.editing.egsde import EGSDE
from textseg.testing import GaussianModel

MODEL = GaussianModel(rate=0.3)


def test_held_in_every_cell_the_picture_comes_back() -> None:
    table = bench(MODEL)
    method = method_with("egsde", weight=1000.0, blocks=1024)
    assert_close(table.run(method, table.everything), table.latents, rtol=0, atol=1e-5)


def test_the_more_weight_the_nearer_is_the_low_band_to_the_pictures() -> None:
    table = bench(MODEL)

    def apart(weight: float) -> float:
        method = method_with("egsde", steps=20, weight=weight, blocks=2)
        assert isinstance(method, EGSDE)
        away = table.run(method, table.everything) - table.latents
        blocks = torch.nn.functional.avg_pool2d(away, 4)  # 2 x 3 of 4 x 4 cells
        assert (away - blocks.repeat_interleave(4, 2).repeat_interleave(4, 3)).abs().max() > 0.1
        return blocks.norm().item()

    assert apart(50.0) < 0.5 * apart(2.0) < 0.5 * apart(0.0)


def test_one_step_pulls_as_far_as_the_papers_many_small_ones() -> None:
    """A factor of 1 - 2 weight beta for each: the descent of the squared distance, a projection."""
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    bars = (1 - betas).cumprod(0)
    many = (1 - 2 * 2.0 * betas[101:301]).prod().item()
    one = (bars[300] / bars[100]).item() ** (2 * 2.0)
    assert one == pytest.approx(many, rel=0.05)


def test_from_pure_noise_the_low_band_is_the_pictures_at_once() -> None:
    """Under the noise of the start, which is all that the state shares with the picture there."""
    table = bench(MODEL)
    one, whole = {"steps": 4, "strength": 1.0, "blocks": 1024}, table.everything
    held, free = (table.steps(method_with("egsde", weight=w, **one), whole)[0] for w in (2.0, 0.0))
    start = table.source_with(whole).noised(MODEL, held.sigma, 0)
    assert_close(held.z, start, rtol=0, atol=1e-5)
    assert (free.z - start).abs().max() > 0.1
