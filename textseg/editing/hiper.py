"""HiPer: highly personalized text embedding for image manipulation by Stable Diffusion.

arXiv:2303.08767, section 3: a few embeddings behind the words of the source prompt are fitted until
the frozen network draws the picture with them. Put behind the words of the target prompt they
bring along what no word says of the picture. Neither weights nor rare words are needed.

What differs: models that read their padding give up its last tokens, as in the paper; where padding
is not read the fitted ones stand right behind the words. The new picture is drawn inside the mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import pad

from textseg.diffusion.card import Change
from textseg.diffusion.fitting import Lesson, descend, training_loss
from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.diffusion.sampling import Step, guided
from textseg.editing.base import STRICT, Fitted, Fitting, Guidance, Need, Source, Steps, Strength
from textseg.editing.fits import FitSteps, Rate, drawn_inside

MOST = 64


@dataclass(frozen=True, config=STRICT)
class HiPer:
    """Fit embeddings behind the source prompt, and put them behind the target prompt.

    The defaults are those of the authors' code and its read-me.
    """

    title: ClassVar[str] = "fit a few embeddings to the picture, put them behind the target text"
    paper: ClassVar[str] = "arXiv:2303.08767"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("gradients",)
    cost: ClassVar[str] = "2 a step; once a picture 1 a step of the fit, and its gradient"

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    fit_steps: FitSteps = 1200
    rate: Rate = 5e-3
    tokens: Annotated[int, Field(ge=1, le=MOST, description="embeddings that are fitted")] = 5
    share: Annotated[
        float, Field(ge=0, le=1, description="how much of them goes behind the target prompt")
    ] = 0.8

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of drawing with the target prompt and what was fitted."""
        key = ("hiper", source.source.prompts, self.fit_steps, self.rate, self.tokens)
        own = source.fit(key, lambda fitting: self._fit(fitting, source))["own"]
        target = with_own(source.target, self.share * own)
        return drawn_inside(
            model, self, source, guided(model, target, source.negative, scale=self.guidance)
        )

    def _fit(self, fitting: Fitting, source: Source) -> Fitted:
        own = own_of(source.source, self.tokens).requires_grad_()

        def loss(number: int) -> Tensor:
            lesson = Lesson(source.latents, with_own(source.source, own))
            return training_loss(fitting.model, lesson, number)

        steps = fitting.watch(range(self.fit_steps), self.fit_steps)
        descend([own], loss, steps, rate=self.rate)
        return {"own": own}


def own_of(text: Conditioning, tokens: int) -> Tensor:
    """Return (1, tokens, ...), what stands where ``with_own`` puts something; 0 behind the end.

    There are fewer where the padding that can be given up is shorter.
    """
    tokens = min(tokens, _free(text))
    first = _place(text, tokens)
    found = text.embeddings[:, first : first + tokens]
    return pad(found, (0, 0) * (found.ndim - 2) + (0, tokens - found.shape[1])).detach().clone()


def with_own(text: Conditioning, own: Tensor) -> Conditioning:
    """Return one prompt with embeddings (1, n, ...) behind its words, or as its last padding.

    Where a long text leaves less padding, the first of them are left out.
    """
    own = own[:, max(0, own.shape[1] - _free(text)) :]
    tokens, mask = own.shape[1], text.mask
    first = _place(text, tokens)
    behind = first + tokens
    parts = [text.embeddings[:, :first], own.to(text.embeddings), text.embeddings[:, behind:]]
    if mask is not None:
        mask = torch.cat([mask[:, :first], mask.new_ones(1, tokens), mask[:, behind:]], 1)
    return replace(text, embeddings=torch.cat(parts, 1), mask=mask, words=())


def _free(text: Conditioning) -> int:
    """Return how many tokens may be fitted: behind the words and what ends them, or any number."""
    if text.mask is not None:
        return MOST
    words = [place for place, word in enumerate(text.words[0]) if word is not None]
    return max(0, text.embeddings.shape[1] - max(words, default=-1) - 2)


def _place(text: Conditioning, tokens: int) -> int:
    if text.mask is None:
        return text.embeddings.shape[1] - tokens
    return int(text.mask[0].nonzero().max()) + 1 if text.mask.any() else 0
