"""Trajectories are kept between edits."""

from __future__ import annotations

import pytest
import torch

from tests.editing.helpers import bench
from textseg.diffusion.counting import Counter
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.apply import TRAJECTORY_BYTES, Paths
from textseg.testing import GaussianModel

LEVELS = (0.8, 0.5, 0.2, 0.0)


class Inversions:
    """Asks for trajectories and counts what they cost."""

    def __init__(self, made: Trajectory | None = None) -> None:
        self.table = bench(GaussianModel(rate=0.3))
        self.counter = Counter(self.table.model)
        self.paths = Paths(self.table.latents, made)
        self.watched = 0

    def __call__(
        self, levels: tuple[float, ...] = LEVELS, *, prompt: str = "", solver: str = "euler"
    ) -> Trajectory:
        text = self.table.text(prompt)
        model = self.counter.as_model
        return self.paths.invert(model, levels, text=text, solver=solver, watch=self._watch)

    def _watch(self, _: object) -> None:
        self.watched += 1


def test_a_trajectory_is_found_once_for_its_levels_text_and_solver() -> None:
    ask = Inversions()
    first = ask()
    assert ask.counter.rows == ask.watched == 3
    assert ask() is first
    assert ask.counter.rows == 3
    others = [ask((0.8, 0.0)), ask(prompt="tree"), ask(solver="fixed_point")]
    assert ask.counter.rows == 3 + 1 + 3 + 2 * 3
    assert all(other is not first for other in others)
    assert [other.levels for other in others] == [(0.8, 0.0), LEVELS, LEVELS]
    assert torch.equal(others[1].clean, ask.table.latents)


def test_a_picture_that_was_made_needs_no_inversion_at_the_levels_it_was_made_through() -> None:
    levels = (1.0, *LEVELS)
    made = Trajectory(levels, tuple(torch.full((1, 3, 8, 12), level) for level in levels))
    ask = Inversions(made)
    assert ask() is made
    assert ask(solver="fixed_point", prompt="tree") is made
    assert ask.counter.rows == 0
    assert ask((0.7, 0.0)) is not made
    assert ask.counter.rows == 1


def test_trajectories_are_kept_within_their_bytes() -> None:
    ask = Inversions()
    first = ask()
    assert ask.paths._kept.limit_bytes == TRAJECTORY_BYTES
    ask.paths._kept.limit_bytes = 2 * first.nbytes
    for prompt in ("tree", "house", "tree house"):
        ask(prompt=prompt)
        assert ask.paths._kept.nbytes <= 2 * first.nbytes
    assert len(ask.paths._kept) == 2
    rows = ask.counter.rows
    assert ask() is not first
    assert ask.counter.rows == rows + 3


def test_an_inversion_that_is_stopped_is_not_kept() -> None:
    ask = Inversions()

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask.paths.invert(
            ask.table.model, LEVELS, text=ask.table.text(""), solver="euler", watch=stop
        )
    assert len(ask.paths._kept) == 0
    assert ask().levels == LEVELS
