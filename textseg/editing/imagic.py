"""Imagic: text-based real image editing with diffusion models (arXiv:2210.09276).

Section 3.2, figure 3: (A) from the target prompt's embedding on, an embedding is fitted with which
the frozen network draws the picture; (B) the network is fitted to draw the picture with it; (C)
the fitted network draws with an embedding on the line from the fitted to the target prompt's.

What differs: the network works on latents, where the paper fits two further ones that enlarge the
picture; the new picture is drawn inside the mask. The source prompt has no say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.fitting import Lesson, descend, refit, refitted, training_loss
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import Step, guided
from textseg.diffusion.twin import refittable
from textseg.editing.base import STRICT, Fitted, Fitting, Guidance, Need, Source, Steps, Strength
from textseg.editing.fits import PATTERNS, FitSteps, Rate, Weights, drawn_inside

EMBEDDING = "its embedding"  # no name of a weight


@dataclass(frozen=True, config=STRICT)
class Imagic:
    """Fit an embedding to the picture, then the network, and draw on the way to the target.

    The defaults are those of the pipeline for Stable Diffusion among diffusers' examples.
    """

    title: ClassVar[str] = "fit an embedding and the network to the picture, go on to the target"
    paper: ClassVar[str] = "arXiv:2210.09276"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("gradients", "weights")
    cost: ClassVar[str] = (
        "2 a step; once a picture and target 1 a step of both fits, and its gradient"
    )

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    text_steps: FitSteps = 500
    text_rate: Rate = 1e-3
    fit_steps: FitSteps = 1000
    rate: Rate = 2e-6
    weights: Weights = "all"
    target_share: Annotated[
        float,
        Field(
            ge=0,
            le=2,
            description="place on the line from the picture's embedding (0) to the target's (1)",
        ),
    ] = 1.2

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of drawing with the fitted network."""
        refittable(model)
        first = ("imagic", source.target.prompts, self.text_steps, self.text_rate)
        key = (*first, self.fit_steps, self.rate, self.weights)
        fitted = dict(source.fit(key, lambda fitting: self._fit(fitting, source)))
        own, towards = fitted.pop(EMBEDDING), source.target.embeddings
        text = replace(source.target, embeddings=own + self.target_share * (towards - own))
        second = refitted(model, fitted)
        return drawn_inside(
            model, self, source, guided(second, text, source.negative, scale=self.guidance)
        )

    def _fit(self, fitting: Fitting, source: Source) -> Fitted:
        of = self.text_steps + self.fit_steps
        steps = iter(fitting.watch(range(of), of))
        own = source.target.embeddings.detach().clone().requires_grad_()

        def loss(learner: DiffusionModel, number: int) -> Tensor:
            lesson = Lesson(source.latents, replace(source.target, embeddings=own))
            return training_loss(learner, lesson, number)

        first = islice(steps, self.text_steps)
        descend([own], lambda k: loss(fitting.model, k), first, rate=self.text_rate)
        own.requires_grad_(False)
        pattern = PATTERNS[self.weights]
        weights = refit(fitting.model, pattern, loss, steps=steps, rate=self.rate)
        return {**weights, EMBEDDING: own}
