"""Zero-shot image-to-image translation: pix2pix-zero (arXiv:2302.03027).

Section 3.1: what tells one thing from another is a direction among the embeddings of text, the mean
over many sentences with the one less that over the same with the other; it is added to those of the
picture's own text. Section 3.3: at each step the latents are moved down the gradient of how much
the looks of cells at words differ from those in the picture, and then denoised.

What differs: the sentences begin as the picture's text does and end in different places, where the
authors have a language model write a thousand (``textseg.editing.directions``); the picture's looks
are read off its trajectory, as Direct Inversion does, which is exact without the regularisation of
section 3.2 ("regularised" is there to be chosen); which prompt guidance leads away from is the
caller's, theirs is the source's; the gradient is that of the target's row alone. Latents move by it
in the coordinates of unit variance, in which the authors' step size holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.card import Change, SolverName
from textseg.diffusion.layers import attentive
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction, covered
from textseg.diffusion.sampling import Step, guided, walk
from textseg.diffusion.solvers import Denoiser, euler
from textseg.editing.base import (
    STRICT,
    Guidance,
    InversionPrompt,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)
from textseg.editing.directions import redirected


@dataclass(frozen=True, config=STRICT)
class Pix2PixZero:
    """Add a direction to the picture's text, and hold on to where its words are looked at.

    The defaults are those of the authors' code. It holds shapes, so it is for what keeps its
    outline.
    """

    title: ClassVar[str] = "add a direction to the text, hold on to where words are looked at"
    paper: ClassVar[str] = "arXiv:2302.03027"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace")
    needs: ClassVar[tuple[Need, ...]] = ("inversion", "attention", "gradients")
    cost: ClassVar[str] = "4 a step, one of them with its gradient, 1 a step of the inversion"
    needs_gradients: ClassVar[Literal[True]] = True

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 5.0
    attention_guidance: Annotated[
        float, Field(ge=0, le=10, description="how far to move towards the picture's attention")
    ] = 0.1
    inversion_solver: Annotated[
        Literal[SolverName, "fixed_point", "regularised"],
        Field(description="rule that makes the steps of the inversion"),
    ] = "reused_midpoint"
    inversion_prompt: InversionPrompt = "source"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the edit."""
        attentive(model)
        with torch.no_grad():
            text = redirected(model, source.source, source.target)
        levels = edit_levels(model, self, source.latents)
        path = source.invert(levels, solver=self.inversion_solver, prompt=self.inversion_prompt)
        guide = guided(model, text, source.negative, scale=self.guidance)

        def step(
            denoise: Denoiser, z: Tensor, sigma: float, to: float
        ) -> tuple[Tensor, Prediction]:
            with torch.no_grad():
                wanted = looks_at_words(model, path.at(sigma), sigma, source.source)
            slope = self.attention_guidance * _slope(model, z, sigma, text=text, wanted=wanted)
            with torch.no_grad():
                return euler()(denoise, z - ((1 - sigma) ** 2 + sigma**2) * slope, sigma, to)

        after = keep_background(source, levels, path.at)
        return walk(guide, path.at(levels[0]), levels, after=after, solver=lambda: step)


def looks_at_words(
    model: DiffusionModel, z: Tensor, sigma: float, text: Conditioning
) -> list[Tensor]:
    """Return how cells look at words in each layer, (1, heads, cells, tokens)."""
    looks: list[Tensor] = []

    def watch(call: Attention) -> Attention:
        if call.layer.text is not None:
            looks.append(call.probabilities()[:, :, call.layer.picture, call.layer.text])
        return call

    attending(model, watch).predict(z, covered(model, sigma), text)
    return looks


def _slope(
    model: DiffusionModel, z: Tensor, sigma: float, *, text: Conditioning, wanted: list[Tensor]
) -> Tensor:
    """Return the gradient of the distance of looks to those wanted: squared, the mean of heads."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        looks = looks_at_words(model, z, sigma, text)
        distances = [
            (now - before).square().sum((2, 3)).mean()
            for now, before in zip(looks, wanted, strict=True)
        ]
        if not distances:
            return torch.zeros_like(z)
        (slope,) = torch.autograd.grad(torch.stack(distances).sum(), [z])
    return slope
