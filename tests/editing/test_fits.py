"""What is fitted to a picture: made once, counted apart, seen and stopped like all other work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest
import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from tests.editing.helpers import Watched, bench
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import Step, denoise_with, walk
from textseg.editing.base import STRICT, Fitted, Fitting, Need, Source, Steps
from textseg.errors import Cancelled, InvalidInputError
from textseg.progress import CancelToken, Progress
from textseg.scene import Scene
from textseg.testing import GaussianModel

FIT_STEPS = 3


@dataclass(frozen=True, config=STRICT)
class Shifting:
    """Fits a shift of the latents by gradients, then puts it there."""

    title: ClassVar[str] = "a shift"
    paper: ClassVar[str] = "none"
    needs: ClassVar[tuple[Need, ...]] = ("gradients", "examples")

    steps: Steps = 2
    strength: float = 1.0
    guidance: float = 1.0

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        def make(fitting: Fitting) -> Fitted:
            shift = torch.zeros(1, requires_grad=True)
            for k in fitting.watch(iter(range(FIT_STEPS)), FIT_STEPS):
                noised = 0.5 * (source.latents + shift) + 0.5 * fitting.noise(k)
                fitting.model.predict(noised, 0.5, source.source)
                (slope,) = torch.autograd.grad((shift - 1).square().sum(), shift)
                shift = (shift - 0.5 * slope).detach().requires_grad_()
            return {"shift": shift}

        shift = source.fit(("shift", self.steps), make)["shift"]
        start: Tensor = source.latents + shift + sum(each.mean() for each in source.examples)
        return walk(denoise_with(model, source.target), start, (0.2, 0.1, 0.0))


EXAMPLE = np.full((16, 16, 3), 0.25, np.float32)
MASK = np.ones((16, 24), bool)


def scene_of(model: GaussianModel) -> Scene:
    return Scene.open(np.zeros((16, 24, 3), np.float32), model)


def test_a_fit_is_made_once_a_picture_and_counted_apart() -> None:
    scene = scene_of(Watched(rate=0.3))
    given = {"method": Shifting(), "mask": MASK, "source": "tree", "examples": [EXAMPLE]}
    first = scene.edit("tree", "house", attempts=2, **given)
    assert first.evaluations.fit == FIT_STEPS
    again = scene.edit("tree", "house", seed=5, **given)
    assert again.evaluations.fit == 0
    other = scene.edit("tree", "house", **{**given, "method": Shifting(steps=3)})
    assert other.evaluations.fit == FIT_STEPS
    assert first.evaluations.total == sum(
        [first.evaluations.fit, first.evaluations.decode, first.evaluations.choice]
    )


def test_what_was_fitted_asks_for_no_gradients_and_is_what_was_made() -> None:
    table = bench(GaussianModel(rate=0.3))
    fitted = table.fitted("key", lambda fitting: {"a": fitting.noise(1).requires_grad_()})
    assert not fitted["a"].requires_grad
    assert table.fitted("key", lambda fitting: pytest.fail("made again")) is fitted
    same = bench(GaussianModel(rate=0.3), source="dog")
    same.seed = 9  # of the edit; a fit draws its own noise
    assert torch.equal(same.fitted("key", lambda each: {"a": each.noise(1)})["a"], fitted["a"])


def test_a_fit_is_seen_and_can_be_stopped() -> None:
    seen, cancel = list[tuple[str, int, int]](), CancelToken()

    def watch(progress: Progress) -> None:
        seen.append((progress.stage, progress.step, progress.of))
        if progress.stage == "fitting" and progress.step == 2:
            cancel.cancel()

    given = {"method": Shifting(), "mask": MASK, "source": "tree", "examples": [EXAMPLE]}
    with pytest.raises(Cancelled):
        scene_of(GaussianModel(rate=0.3)).edit(
            "tree", "house", progress=watch, cancel=cancel, **given
        )
    assert [step for stage, step, _ in seen if stage == "fitting"] == [1, 2]
    assert {of for stage, _, of in seen if stage == "fitting"} == {FIT_STEPS}


def test_examples_reach_the_method_as_latents_of_their_own_size() -> None:
    scene, given = scene_of(GaussianModel(rate=0.3)), {"method": Shifting(), "mask": MASK}
    bright = np.ones((8, 32, 3), np.float32)
    found = [
        scene.edit("tree", "house", source="tree", examples=examples, **given).picture.rgb
        for examples in ([EXAMPLE], [EXAMPLE, bright])
    ]
    assert (found[1] > found[0]).mean() > 0.9


def test_examples_are_refused_where_nothing_is_learned_and_missed_where_something_is() -> None:
    scene, given = scene_of(GaussianModel(rate=0.3)), {"mask": MASK, "source": "tree"}
    with pytest.raises(InvalidInputError, match="takes no examples, got 1"):
        scene.edit("tree", "house", examples=[EXAMPLE], **given)
    with pytest.raises(InvalidInputError, match="learns from pictures of a subject"):
        scene.edit("tree", "house", method=Shifting(), **given)


def test_a_method_may_do_with_or_without_examples() -> None:
    @dataclass(frozen=True, config=STRICT)
    class Either(Shifting):
        needs: ClassVar[tuple[Need, ...]] = ("gradients", "examples or none")

    scene = scene_of(GaussianModel(rate=0.3))
    given = {"method": Either(), "mask": MASK, "source": "tree"}
    found = [scene.edit("tree", "house", examples=each, **given) for each in ((), [EXAMPLE])]
    assert not np.array_equal(found[0].picture.rgb, found[1].picture.rgb)
