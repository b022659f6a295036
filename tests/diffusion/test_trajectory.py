from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from textseg.diffusion.sampling import denoise_with, draw_noise, walk
from textseg.diffusion.trajectory import Trajectory
from textseg.errors import InvalidInputError
from textseg.testing import GaussianModel

SHAPE = (1, 3, 4, 6)


def states(count: int) -> tuple[torch.Tensor, ...]:
    return tuple(draw_noise(SHAPE, seed=seed) for seed in range(count))


def make_walk(levels: tuple[float, ...]):
    model = GaussianModel()
    return walk(denoise_with(model, model.embed_text(["tree"])), draw_noise(SHAPE, seed=9), levels)


def test_a_walk_down_is_kept_in_its_order() -> None:
    start, levels = draw_noise(SHAPE, seed=9), (1.0, 0.6, 0.2, 0.0)
    path = Trajectory.downwards(start, 1.0, make_walk(levels))
    assert path.levels == levels
    assert path.states[0] is start
    for sigma, step in zip(levels[1:], make_walk(levels), strict=True):
        assert_close(path.at(sigma), step.z, rtol=0, atol=0)


def test_a_walk_up_is_kept_from_the_noise_down() -> None:
    picture, levels = draw_noise(SHAPE, seed=9), (0.0, 0.2, 0.6)
    path = Trajectory.upwards(picture, 0.0, make_walk(levels))
    assert path.levels == (0.6, 0.2, 0.0)
    assert path.clean is picture
    assert path.at(0.0) is picture
    *_, top = make_walk(levels)
    assert_close(path.at(0.6), top.z, rtol=0, atol=0)


def test_a_level_may_be_off_by_rounding_and_no_more() -> None:
    path = Trajectory((0.5, 0.1), states(2))
    assert path.at(0.1 + 1e-8) is path.states[1]
    with pytest.raises(
        InvalidInputError, match=r"no state at sigma 0\.1010.*2 levels from 0\.5000"
    ):
        path.at(0.101)


def test_it_covers_levels_that_all_have_a_state() -> None:
    path = Trajectory((0.9, 0.5, 0.1), states(3))
    assert path.covers((0.9, 0.1))
    assert path.covers((0.5 + 1e-9,))
    assert not path.covers((0.9, 0.4))
    assert path.covers(())


def test_its_size_is_that_of_all_states() -> None:
    path = Trajectory((0.9, 0.5, 0.1), states(3))
    assert path.nbytes == 3 * 4 * 1 * 3 * 4 * 6


@pytest.mark.parametrize("levels", [(0.1, 0.5), (0.5, 0.5), (0.9, 0.1, 0.5)])
def test_levels_that_do_not_descend_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInputError, match="must descend"):
        Trajectory(levels, states(len(levels)))


@pytest.mark.parametrize(("levels", "count"), [((0.5, 0.1), 3), ((0.5, 0.1), 1), ((), 0)])
def test_each_level_has_one_state(levels: tuple[float, ...], count: int) -> None:
    with pytest.raises(InvalidInputError, match=f"{len(levels)} levels for {count} states"):
        Trajectory(levels, states(count))
