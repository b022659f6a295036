"""SINE: single image editing with text-to-image diffusion models (arXiv:2212.04489).

Section 3.2: a copy of the network is fitted to the picture and the text for it. At high noise,
where the layout is decided, its answer is mixed with what the network itself says of the target
prompt, and guidance leads away from what that says without a text; at low noise the network goes on
alone, so that what the copy learned too well of one picture does not spoil the rest.

What differs: the copy learns the source prompt as it is, where the paper names the subject by a
rare word; patches with coordinates (section 3.3), which need networks that were made for them, are
left out. The new picture is drawn inside the mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.fitting import Lesson, refit, refitted, training_loss
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.sampling import Step, guided
from textseg.diffusion.stand_in import StandIn
from textseg.diffusion.twin import refittable
from textseg.editing.base import (
    STRICT,
    Fitted,
    Fitting,
    Guidance,
    Need,
    Share,
    Source,
    Steps,
    Strength,
    edit_levels,
)
from textseg.editing.fits import PATTERNS, FitSteps, Rate, Weights, drawn_inside


@dataclass(frozen=True, config=STRICT)
class SINE:
    """Mix what the network says of the target with what a fitted copy says of the source.

    The defaults are those of the authors' code and its read-me.
    """

    title: ClassVar[str] = "mix the target's answer with that of a copy fitted to the picture"
    paper: ClassVar[str] = "arXiv:2212.04489"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("gradients", "weights")
    cost: ClassVar[str] = (
        "3 a step of the first, 2 a later one; once a picture 1 a step of the fit, and its gradient"
    )

    strength: Strength = 1.0
    steps: Steps = 100
    guidance: Guidance = 10.0
    fit_steps: FitSteps = 800
    rate: Rate = 1e-6
    weights: Weights = "all"
    mixed_share: Annotated[
        Share, Field(description="share of the steps in which the fitted copy has a say")
    ] = 0.5
    fitted_share: Annotated[
        Share, Field(description="how much of the mix the fitted copy says")
    ] = 0.6

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of drawing with both networks."""
        refittable(model)
        key = ("sine", source.source.prompts, self.fit_steps, self.rate, self.weights)
        second = refitted(model, source.fit(key, lambda fitting: self._fit(fitting, source)))
        levels = edit_levels(model, self, source.latents)
        mixed = set(levels[: round(self.mixed_share * (len(levels) - 1))])
        mix = _Mixed(model, second, source, self.fitted_share).as_model

        def denoise(z: Tensor, sigma: float) -> Prediction:
            asked = mix if sigma in mixed else model
            follow = guided(asked, source.target, source.negative, scale=self.guidance)
            return follow(z, sigma)

        return drawn_inside(model, self, source, denoise)

    def _fit(self, fitting: Fitting, source: Source) -> Fitted:
        lesson = Lesson(source.latents, source.source)
        return refit(
            fitting.model,
            PATTERNS[self.weights],
            lambda learner, k: training_loss(learner, lesson, k),
            steps=fitting.watch(range(self.fit_steps), self.fit_steps),
            rate=self.rate,
        )


class _Mixed(StandIn):
    """Stands in for a model: of the target it says in part what another says of the source."""

    def __init__(
        self, model: DiffusionModel, second: DiffusionModel, source: Source, share: float
    ) -> None:
        super().__init__(model)
        self._second, self._source, self._share = second, source, share

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        found = self._model.predict(z, sigma, text)
        target = self._source.target.prompts[0]
        rows = [row for row, prompt in enumerate(text.prompts) if prompt == target]
        told = self._source.source.repeat_interleave(len(rows))
        here = sigma[rows] if isinstance(sigma, Tensor) else sigma
        velocity = found.velocity.clone()
        own = self._second.predict(z[rows], here, told).velocity
        velocity[rows] = torch.lerp(velocity[rows], own, self._share)
        return Prediction.from_velocity(z, sigma, velocity)
