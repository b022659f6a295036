"""How a model is made to follow a text more than it does by itself.

Most mix two answers, as classifier-free guidance has it (arXiv:2207.12598). Some bring the mix back
to the length that one of the answers had, and distilled ones are told the scale and answer once. So
this is a model's own: one that has its own way names it ``guide``. A scale of 1 is without guidance
for all of them; who counts from elsewhere converts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, cast

import torch
from torch import Tensor

from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction, covered, per_row
from textseg.diffusion.solvers import Denoiser

Scale = float | Tensor
"""How far to go: one number, or a tensor (n,) with one for each prompt."""


class Guide(Protocol):
    """A way of following a text."""

    def __call__(
        self, model: DiffusionModel, text: Conditioning, reference: Conditioning, *, scale: Scale
    ) -> Denoiser:
        """Return the denoiser that follows ``text``, away from as many prompts of ``reference``.

        ``scale`` is never 1 for all of them, which is without guidance.
        """


Mix = Callable[[Tensor, Tensor, Scale], Tensor]
"""Velocities (b, c, h, w) by the reference and by the text, and the scale -> the guided one."""


def extrapolated(away: Tensor, towards: Tensor, scale: Scale) -> Tensor:
    """Return ``scale`` times the way from ``away`` to ``towards`` (arXiv:2207.12598, eq. 6)."""
    return away + per_row(scale, away) * (towards - away)


@dataclass(frozen=True)
class ClassifierFree:
    """Ask about reference and text in one batch, and mix the two velocities."""

    mix: Mix = extrapolated

    def __call__(
        self, model: DiffusionModel, text: Conditioning, reference: Conditioning, *, scale: Scale
    ) -> Denoiser:
        """Return the denoiser; see ``Guide``."""
        both = Conditioning.cat([reference, text])

        def denoise(z: Tensor, sigma: float) -> Prediction:
            level = covered(model, sigma)
            away, towards = model.predict(torch.cat([z, z]), level, both).velocity.chunk(2)
            return Prediction.from_velocity(z, level, self.mix(away, towards, scale))

        return denoise


TOLD = "guidance"  # among ``Conditioning.further``: (n,), the scale that a network is told


def told(text: Conditioning, scale: Scale) -> Conditioning:
    """Return prompts that tell a distilled network the scale, in place of one they had."""
    scales = torch.as_tensor(scale, dtype=torch.float32, device=text.embeddings.device)
    scales = scales.expand(len(text))
    return replace(text, further={**text.further, TOLD: scales})


@dataclass(frozen=True)
class Embedded:
    """Tell the scale to a network that was distilled to answer as if it had been mixed.

    So FLUX.1 dev does it (arXiv:2210.03142, section 3.1); ``embed_text`` tells it 1. Its teacher
    was led away from the empty prompt, so a reference that says something is mixed with, by answers
    of the network told 1.
    """

    def __call__(
        self, model: DiffusionModel, text: Conditioning, reference: Conditioning, *, scale: Scale
    ) -> Denoiser:
        """Return the denoiser; see ``Guide``."""
        if any(map(str.strip, reference.prompts)):
            return ClassifierFree()(model, text, reference, scale=scale)
        scaled = told(text, scale)
        return lambda z, sigma: model.predict(z, covered(model, sigma), scaled)


def guide_of(model: DiffusionModel) -> Guide:
    """Return the model's own way of following a text, classifier-free guidance where it has none.

    It is looked for in the optional attribute ``guide``.
    """
    return cast(Guide, getattr(model, "guide", None) or ClassifierFree())
