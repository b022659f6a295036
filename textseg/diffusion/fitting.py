"""Fitting a model to pictures: the loss that it was trained with, and what follows its slope.

A network is trained to answer at noised pictures, by the square of what its answer lacks. Here that
is the error of the velocity, with the weight that a network's own kind of answer gives it
(``training_weight`` of a model; 1 where it has none). Levels are spread as the model's own steps
are, in an even sequence (multiples of the golden ratio) in place of random ones.

Either weights are fitted themselves, or what is added to them is, as a product of two thin matrices
(LoRA, arXiv:2106.09685, section 4.1): far fewer numbers, which take a larger rate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.nn.utils.parametrize import register_parametrization

from textseg.diffusion.model import Cells, Conditioning, DiffusionModel, cells_of, covered
from textseg.diffusion.sampling import draw_noise
from textseg.diffusion.twin import refittable, twin

ATTENTION = r"(attn\d?|attention)\.to_[kv]"
"""Names of the keys and values of attention, in the networks of all families."""

GRID = 100  # steps of the model's own whose levels are spread over
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, eq=False)
class Lesson:
    """A picture to learn, and by which text.

    Attributes:
        x0: latents (1, c, h, w).
        text: one prompt.
        where: (1, 1, h, w), how much each cell counts; None: all of them the same.
    """

    x0: Tensor
    text: Conditioning
    where: Tensor | None = None


def training_level(model: DiffusionModel, cells: Cells, number: int) -> float:
    """Return the level of a question by number: any hundred in a row are spread evenly."""
    levels = model.levels(GRID, cells=cells)
    place = (0.5 + number * GOLDEN) % 1 * (len(levels) - 1)
    k = int(place)
    return covered(model, levels[k] + (place - k) * (levels[k + 1] - levels[k]))


def training_loss(model: DiffusionModel, lesson: Lesson, number: int) -> Tensor:
    """Return the mean squared error of the network's answer at the picture under noise.

    Level and noise are chosen by ``number``: the same one asks the same question. One evaluation.
    """
    sigma = training_level(model, cells_of(lesson.x0), number)
    noise = draw_noise(lesson.x0.shape, seed=number).to(lesson.x0)
    z = (1 - sigma) * lesson.x0 + sigma * noise
    error = model.predict(z, sigma, lesson.text).velocity - (noise - lesson.x0)
    weigh = getattr(model, "training_weight", None)
    squared = error.square() * (1.0 if weigh is None else weigh(sigma))
    return (squared if lesson.where is None else squared * lesson.where).mean()


def descend(
    values: Sequence[Tensor], loss: Callable[[int], Tensor], steps: Iterable[int], *, rate: float
) -> None:
    """Change ``values``, which ask for gradients, by one step of Adam on the loss of each number.

    The steps are summed in float32: half precision is too coarse for them.
    """
    kept = [value.detach().float().clone() for value in values]
    optimizer = torch.optim.Adam(kept, rate)
    for number in steps:
        slopes = torch.autograd.grad(loss(number), list(values), allow_unused=True)
        for each, slope in zip(kept, slopes, strict=True):
            each.grad = None if slope is None else slope.float()
        optimizer.step()
        with torch.no_grad():
            for value, each in zip(values, kept, strict=True):
                value.copy_(each)


def refit(
    model: DiffusionModel,
    pattern: str,
    loss: Callable[[DiffusionModel, int], Tensor],
    *,
    steps: Iterable[int],
    rate: float,
) -> Mapping[str, Tensor]:
    """Return weights that a twin has after as many steps of Adam; the model stays as it is.

    Args:
        model: to start from.
        pattern: which weights, see ``twin``.
        loss: of the twin's model, by number.
        steps: the numbers.
        rate: of Adam.

    Raises:
        UnsupportedError: the weights of the model cannot be fitted.
    """
    second = twin(refittable(model).network, pattern)
    learner = cast(DiffusionModel, refittable(model).with_network(second.network))
    descend(list(second.trained.values()), lambda k: loss(learner, k), steps, rate=rate)
    return second.trained


class LowRank(Module):
    """A matrix (rows, columns), and what is added to it: nothing at first."""

    def __init__(self, weight: Tensor, *, rank: int, seed: int) -> None:
        """Take a matrix; the first thin one is drawn as in diffusers' examples, the other is 0."""
        super().__init__()
        rows, columns = weight.shape
        self.down = Parameter(draw_noise((rank, columns), seed=seed).to(weight) / rank)
        self.up = Parameter(weight.new_zeros(rows, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the sum (rows, columns)."""
        return weight + self.up @ self.down


def refit_low_rank(
    model: DiffusionModel,
    pattern: str,
    loss: Callable[[DiffusionModel, int], Tensor],
    *,
    steps: Iterable[int],
    rate: float,
    rank: int,
) -> Mapping[str, Tensor]:
    """Return weights with what was added to them; the model stays as it is.

    Args:
        model: to start from.
        pattern: which weights, see ``twin``; those that are matrices change.
        loss: of the twin's model, by number.
        steps: the numbers.
        rate: of Adam.
        rank: of what is added.

    Raises:
        UnsupportedError: the weights of the model cannot be fitted.
    """
    second = twin(refittable(model).network, pattern)
    added: dict[str, LowRank] = {}
    for number, (name, weight) in enumerate(second.trained.items()):
        weight.requires_grad_(False)
        if weight.ndim == 2:
            owner, _, part = name.rpartition(".")
            added[name] = LowRank(weight, rank=rank, seed=number)
            register_parametrization(second.network.get_submodule(owner), part, added[name])
    learner = cast(DiffusionModel, refittable(model).with_network(second.network))
    thin = [each for pair in added.values() for each in (pair.down, pair.up)]
    descend(thin, lambda k: loss(learner, k), steps, rate=rate)
    with torch.no_grad():
        return {name: pair(second.trained[name]) for name, pair in added.items()}


def refitted(model: DiffusionModel, weights: Mapping[str, Tensor]) -> DiffusionModel:
    """Return the model with other weights, by name; it shares all the rest with the first."""
    first = refittable(model)
    second = twin(first.network, f"^({'|'.join(map(re.escape, weights))})$")
    with torch.no_grad():
        for name, value in second.trained.items():
            value.requires_grad_(False).copy_(weights[name])
    return cast(DiffusionModel, first.with_network(second.network))
