"""The picture as it was is asked about too, and leads the attention of what it becomes.

The source is read off the picture's trajectory at each step, as Direct Inversion does
(arXiv:2310.01506, section 4), so that it does not drift.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.sampling import guided
from textseg.diffusion.solvers import Denoiser
from textseg.diffusion.stand_in import StandIn
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.base import Source

Leading = Callable[[Attention, Sequence[int]], Attention]
"""Sees a call and the rows of it that are led; the last row is the source's."""


def guided_beside(
    model: DiffusionModel,
    source: Source,
    path: Trajectory,
    *,
    text: Conditioning,
    scale: float,
    lead: Callable[[float], Leading],
    target_alone: bool = False,
) -> Denoiser:
    """Return the denoiser that follows the target prompt, with the source beside it in each call.

    Args:
        model: one that is ``Attentive``.
        source: picture and words.
        path: has the picture's state at each level.
        text: one prompt, which the source is asked about with.
        scale: of the guidance.
        lead: gives what is done to attention at a level.
        target_alone: lead the rows of the target prompt only, not those that guidance leads away
            from.
    """

    def denoise(z: Tensor, sigma: float) -> Prediction:
        only = source.target.prompts[0] if target_alone else None
        led = _Led(model, path.at(sigma), text, lead=lead(sigma), only=only)
        return guided(led.as_model, source.target, source.negative, scale=scale)(z, sigma)

    return denoise


def asked_with(
    model: DiffusionModel, source: Source, prompt: Literal["empty", "source"]
) -> Conditioning:
    """Return the prompt that an inversion was asked with, for the source beside it."""
    return source.source if prompt == "source" else model.embed_text([""])


def with_source(values: Tensor, rows: Sequence[int], at: slice = slice(None)) -> Tensor:
    """Return values (rows, heads, tokens, d) in which rows have what the last one has.

    ``at`` are the tokens of which this is so.
    """
    found = values.clone()
    found[list(rows), :, at] = values[-1, :, at]
    return found


class _Led(StandIn):
    def __init__(
        self,
        model: DiffusionModel,
        state: Tensor,
        text: Conditioning,
        *,
        lead: Leading,
        only: str | None,
    ) -> None:
        super().__init__(model)
        self._state, self._text, self._lead, self._only = state, text, lead, only

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        rows = [row for row, prompt in enumerate(text.prompts) if self._only in (None, prompt)]
        watched = attending(self._model, lambda call: self._lead(call, rows))
        both = Conditioning.cat([text, self._text])
        found = watched.predict(torch.cat([z, self._state]), sigma, both)
        return Prediction(found.x0[:-1], found.eps[:-1], found.velocity[:-1])
