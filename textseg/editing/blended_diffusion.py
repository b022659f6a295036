"""Blended Diffusion for text-driven editing of natural images (arXiv:2111.14818).

Section 4.1: a CLIP model looks at the estimate of the clean picture inside the mask, and each step
of the stochastic sampler is moved down the gradient of its distance to the text, taken through the
network. Section 4.2: after every step the picture comes back outside the mask under fresh noise;
and the distance is the mean over warped views, without which the gradient finds patterns that only
CLIP takes for the thing. Section 4.3: of several samples the one that CLIP finds nearest is kept.

What differs: it walks on latents, so the gradient comes through the decoder too; the authors' code
looks at a mix of estimate and state, not at the estimate; noise has the posterior's variance, where
the authors' network learned one; views are grey past the picture. They rank 8 batches of 4
samples; a batch of 4 is one attempt here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import DiffusionModel, decoding
from textseg.diffusion.sampling import Step, denoise_with, guided, walk
from textseg.diffusion.stochastic import descending
from textseg.editing.base import (
    STRICT,
    Guidance,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
    noised_background,
    noised_start,
)
from textseg.editing.views import warped_views
from textseg.matching import load_matcher, spherical_distance

APART = 10_000  # numbers of noise that each sample has for itself
Loss = Callable[[Tensor, int], Tensor]
"""Of an estimate of the clean latents (1, c, h, w), seen through the views of a number."""


@dataclass(frozen=True, config=STRICT)
class BlendedDiffusion:
    """Be led by a CLIP model inside the mask; the defaults of the authors' code.

    Their network reads no text, which is guidance 0: with more, the network follows it as well.
    """

    title: ClassVar[str] = "be led by a CLIP model inside the mask, keep the best of some samples"
    paper: ClassVar[str] = "arXiv:2111.14818"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "add")
    needs: ClassVar[tuple[Need, ...]] = ("gradients", "clip")
    cost: ClassVar[str] = "1 a step with its gradient for each sample, 2 with guidance"
    needs_gradients: ClassVar[Literal[True]] = True

    strength: Strength = 0.75
    steps: Steps = 100
    guidance: Guidance = 0.0
    clip: Annotated[
        str, Field(min_length=1, description="CLIP model: a folder, or a hub id in the cache")
    ] = "openai/clip-vit-base-patch16"
    clip_scale: Annotated[float, Field(ge=0, description="how far to be led by the CLIP model")] = (
        1000.0
    )
    range_scale: Annotated[
        float, Field(ge=0, description="how far to be held to colours that there are")
    ] = 50.0
    views: Annotated[
        int, Field(ge=1, le=64, description="views that CLIP looks at, all but one warped")
    ] = 8
    samples: Annotated[
        int, Field(ge=1, le=64, description="samples, of which CLIP chooses the one to keep")
    ] = 4

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of all samples together; the last step has only the one that is kept."""
        clip = load_matcher(self.clip, str(model.device))
        with torch.no_grad():
            text, empty = clip.read(source.target.prompts[0]), model.embed_text([""])
        decode = decoding(model)
        levels = edit_levels(model, self, source.latents)
        noises = [_numbered_from(k * APART, source.noise) for k in range(self.samples)]
        starts = [noised_start(model, self, replace(source, noise=noise)) for noise in noises]
        put_back = keep_background(source, levels, noised_background(model, source, levels))

        def apart(pixels: Tensor, *, views: int = 1, seed: int = 0) -> Tensor:
            mask = torch.nn.functional.interpolate(source.mask, pixels.shape[-2:])
            inside = mask * (2 * pixels - 1)  # so that grey is 0
            seen = clip.look((1 + warped_views(inside, views, side=clip.side, seed=seed)) / 2)
            return spherical_distance(seen, text).mean()

        def loss(x0: Tensor, number: int) -> Tensor:
            pixels = decode(x0)
            beyond = (2 * (pixels - pixels.clamp(0, 1))).square().mean()
            seen = apart(pixels, views=self.views, seed=number)
            return self.clip_scale * seen + self.range_scale * beyond

        def after(z: Tensor, sigma: float) -> Tensor:
            z = put_back(z, sigma)
            if sigma > levels[-1]:
                return z
            with torch.no_grad():
                ranks = [apart(decode(row).clamp(0, 1)).item() for row in z.split(1)]
            return z[[ranks.index(min(ranks))]]

        denoise = denoise_with(model, empty)
        if self.guidance:
            denoise = guided(model, source.target, source.negative, scale=self.guidance)
        led = descending(loss, lambda k: torch.cat([noise(len(levels) + k) for noise in noises]))
        return walk(denoise, torch.cat(starts), levels, after=after, solver=led)


def _numbered_from(first: int, noise: Callable[[int], Tensor]) -> Callable[[int], Tensor]:
    return lambda number: noise(first + number)
