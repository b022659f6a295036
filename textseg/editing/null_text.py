"""Null-text inversion for editing real images using guided diffusion models (arXiv:2211.09794).

Algorithm 1: the picture is inverted with the source prompt, without guidance. Then
at each step down the embeddings of the empty text are fitted, so that the guided step lands where
the inversion came from. With these texts in place of the empty one the source prompt gives the
picture back under full guidance, and the target prompt starts from there.

What differs: the mask confines the edit, not prompt-to-prompt; the loss is measured in this
package's coordinates, in which it is half to all of what it is in the paper's; the
rate falls over the steps that there are. A negative prompt is where the fit begins. Models
that are told the guidance are asked twice all the same, since what is fitted is no empty text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction
from textseg.diffusion.sampling import Step, guided, walk
from textseg.diffusion.solvers import euler
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.base import (
    STRICT,
    Fitted,
    Fitting,
    Guidance,
    InversionSolver,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)

ENOUGH, MORE = 1e-5, 2e-5  # mean square at which a fit ends, and how that grows with each step


@dataclass(frozen=True, config=STRICT)
class NullText:
    """Fit the empty text of each step to the picture, then decode; the authors' defaults."""

    title: ClassVar[str] = "fit the empty text of every step to the picture, then decode"
    paper: ClassVar[str] = "arXiv:2211.09794"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("inversion", "gradients")
    cost: ClassVar[str] = (
        "2 a step, 1 a step of the inversion; once a picture 2 for every step of the fit "
        "with their gradients, and 2 a step"
    )

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    fit_steps: Annotated[
        int, Field(ge=0, le=1000, description="most steps of the fit at each level; 0 fits nothing")
    ] = 10
    rate: Annotated[
        float, Field(gt=0, le=1, description="rate of the fit at the first level; it falls to half")
    ] = 0.01
    inversion_solver: InversionSolver = "euler"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the decoding."""
        levels = edit_levels(model, self, source.latents)
        path = source.invert(levels, solver=self.inversion_solver, prompt="source")
        key = (self, levels, source.source.prompts, source.negative.prompts)
        fitted = source.fit(key, lambda fitting: self._fit(fitting, source, path, levels))
        texts = {sigma: _saying(source, fitted[f"{k}"]) for k, sigma in enumerate(levels[:-1])}

        def denoise(z: Tensor, sigma: float) -> Prediction:
            return guided(model, source.target, texts[sigma], scale=self.guidance)(z, sigma)

        after = keep_background(source, levels, path.at)
        return walk(denoise, path.at(levels[0]), levels, after=after)

    def _fit(
        self, fitting: Fitting, source: Source, path: Trajectory, levels: Sequence[float]
    ) -> Fitted:
        """Return the embeddings for each step; each begins with those of the step before."""
        z, null, found = path.at(levels[0]), source.negative.embeddings.float(), {}
        steps = list(enumerate(pairwise(levels)))

        def stepped(null: Tensor, step: tuple[float, float]) -> Tensor:
            text = _saying(source, null)
            denoise = guided(fitting.model, source.source, text, scale=self.guidance)
            return euler()(denoise, z, *step)[0]

        for k, step in fitting.watch(steps, len(steps)):
            null = null.detach().clone().requires_grad_()
            optimizer = torch.optim.Adam([null], lr=self.rate * (1 - k / (2 * len(steps))))
            for _ in range(self.fit_steps if self.guidance != 1 else 0):
                loss = (stepped(null, step) - path.at(step[1])).square().mean()
                (null.grad,) = torch.autograd.grad(loss, [null])
                optimizer.step()
                if loss < ENOUGH + k * MORE:
                    break
            found[f"{k}"] = null
            with torch.no_grad():
                z = stepped(null, step)
        return found


def _saying(source: Source, embeddings: Tensor) -> Conditioning:
    """Return the fitted text; its name is not empty, as what it says is not."""
    kept = embeddings.to(source.negative.embeddings.dtype)
    return replace(source.negative, prompts=("fitted to the picture",), embeddings=kept)
