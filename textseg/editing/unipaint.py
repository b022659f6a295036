"""Uni-paint: a unified framework for multimodal image inpainting with pretrained diffusion models.

arXiv:2310.07222, section 3: the network is fitted to what is outside the hole, without a text, so
that it continues the picture; a text, an exemplar or a stroke then says what comes into the hole.
An exemplar is learned in the same steps, with a text of its own. Attention is masked: cells outside
the hole look neither at the words nor at cells inside, so the text says what comes into the hole,
not what the picture shows: to remove something it is empty.

A stroke is painted into the picture, and ``strength`` says at which noise it comes in: 0.55 in the
authors' demo.

What differs: masked rows of attention sum to one, and what is no word (begin, end, padding) may be
looked at from everywhere; the hole is blanked in the latents. The text of an exemplar is the target
prompt or ``subject``, in place of a pseudo-word that a picture encoder chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.card import Change
from textseg.diffusion.fitting import Lesson, refit, refitted, training_loss
from textseg.diffusion.layers import attentive
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.sampling import Step, guided
from textseg.diffusion.stand_in import StandIn
from textseg.diffusion.twin import refittable
from textseg.editing.base import STRICT, Fitted, Fitting, Guidance, Need, Source, Steps, Strength
from textseg.editing.fits import (
    PATTERNS,
    FitSteps,
    Rate,
    Subject,
    Weights,
    drawn_inside,
    fingerprint,
    subject_text,
)

Words = Sequence[Sequence[int | None]]


@dataclass(frozen=True, config=STRICT)
class UniPaint:
    """Fit a copy to what is around the hole, and to exemplars; fill the hole with it.

    The defaults are those of the authors' demo.
    """

    title: ClassVar[str] = "fit a copy of the network to what is around the mask, and fill it"
    paper: ClassVar[str] = "arXiv:2310.07222"
    suits: ClassVar[tuple[Change, ...]] = ("replace", "add")
    needs: ClassVar[tuple[Need, ...]] = ("attention", "gradients", "weights", "examples or none")
    cost: ClassVar[str] = (
        "2 a step; once a picture and mask 1 a step of the fit, 2 with examples, and its gradient"
    )

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 8.0
    fit_steps: FitSteps = 100
    rate: Rate = 1e-5
    weights: Weights = "all"
    subject: Subject = ""
    masked: Annotated[
        bool, Field(description="cells outside look neither at the words nor at what is inside")
    ] = True

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of filling the hole with the fitted copy."""
        refittable(model)
        if self.masked:
            attentive(model)
        around = self._around(model, source)
        text = subject_text(model, source, self.subject)
        examples = [Lesson(each, text) for each in source.examples]
        told = fingerprint(source.mask, *source.examples), text.prompts if examples else ()
        key = ("unipaint", self.fit_steps, self.rate, self.weights, *told)
        weights = source.fit(key, lambda fitting: self._fit(fitting, around, examples))
        second = refitted(model, weights)
        if self.masked:
            second = _Masked(second, source.mask).as_model
        return drawn_inside(
            model, self, source, guided(second, source.target, source.negative, scale=self.guidance)
        )

    def _around(self, model: DiffusionModel, source: Source) -> Lesson:
        hole = max_pool2d(source.mask, 3, stride=1, padding=1)  # a cell wider, as in the code
        return Lesson((1 - source.mask) * source.latents, model.embed_text([""]), where=1 - hole)

    def _fit(self, fitting: Fitting, around: Lesson, examples: Sequence[Lesson]) -> Fitted:
        def loss(learner: DiffusionModel, number: int) -> Tensor:
            found = training_loss(learner, around, number)
            if examples:
                found = found + training_loss(learner, examples[number % len(examples)], number)
            return found

        steps = fitting.watch(range(self.fit_steps), self.fit_steps)
        return refit(fitting.model, PATTERNS[self.weights], loss, steps=steps, rate=self.rate)


class _Masked(StandIn):
    """Stands in for a model whose cells outside the mask do not see what comes inside."""

    def __init__(self, model: DiffusionModel, mask: Tensor) -> None:
        super().__init__(model)
        self._mask = mask

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        led = attending(self._model, lambda call: masked(call, self._mask, text.words))
        return led.predict(z, sigma, text)


def masked(call: Attention, mask: Tensor, words: Words) -> Attention:
    """Return the call in which cells outside look neither at words nor at cells inside.

    Args:
        call: of any layer that has cells.
        mask: (1, 1, h, w) in [0, 1] of latent cells.
        words: of each row, which word a token belongs to; None: to none, which stays.
    """
    layer = call.layer
    inside = interpolate(mask, layer.grid, mode="area").flatten().to(call.q.device)
    rows = 1 if layer.text is None else len(call.q)
    weights = torch.ones(rows, 1, call.q.shape[2], call.k.shape[2], device=call.q.device)
    if layer.kind != "cross":
        weights[..., layer.picture, layer.picture] = 1 - (1 - inside)[:, None] * inside
    if layer.text is not None:
        for row, tokens in zip(weights, words, strict=True):
            told = torch.tensor([token is not None for token in tokens], device=row.device)
            if told.any() and not told.all():
                row[:, layer.picture, layer.text] = torch.where(told, inside[:, None], 1.0)
    return call.reweighted(weights)
