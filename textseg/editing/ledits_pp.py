"""LEDITS++: limitless image editing using text-to-image models (arXiv:2311.16711).

Section 3.1: the picture is noised and decoded with the noise maps of edit friendly DDPM. Section
3.2: several concepts are followed or left at once: the estimate without text moves by the sum of
what each concept says otherwise, with a sign and a scale. Section 3.3: each moves only where its
words are looked at most (M1) and where it says most (M2).

What differs: where nobody lists concepts, they are what the two texts say otherwise, the source's
with a minus; this package's mask stands in place of theirs, which can be asked for inside of it;
steps are of first order, where the authors take those of SDE-DPM-Solver++ of second order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.card import Change
from textseg.diffusion.layers import attentive
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction, covered
from textseg.diffusion.sampling import Step, walk
from textseg.diffusion.stochastic import mapped
from textseg.editing.base import (
    STRICT,
    Guidance,
    Need,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)
from textseg.editing.concepts import changed_concepts, signed_concepts
from textseg.errors import UnsupportedError

BLUR = torch.tensor([1.0, torch.e, 1.0]) / (torch.e + 2)  # of M1, along each side


@dataclass(frozen=True, config=STRICT)
class LEditsPP:
    """Follow and leave concepts with the noise maps of the picture.

    The defaults are those of the authors' code, which makes 30 steps in the last 85 % of the noise.
    """

    title: ClassVar[str] = "follow some concepts and leave others, with the picture's own noise"
    paper: ClassVar[str] = "arXiv:2311.16711"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "2 a step and 1 for each concept, of which texts mostly make 2"

    strength: Strength = 0.85
    steps: Steps = 35
    guidance: Guidance = 5.0
    concepts: Annotated[
        str,
        Field(description="what to follow and to leave: 'hat, -beard'; empty: what texts change"),
    ] = ""
    own_mask: Annotated[
        bool, Field(description="change only where a concept is looked at and says most")
    ] = False
    threshold: Annotated[
        float, Field(ge=0, le=1, description="share of the cells that each of both leaves alone")
    ] = 0.9

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the decoding."""
        if self.own_mask:
            attentive(model)
        told = (
            signed_concepts(self.concepts)
            if self.concepts
            else changed_concepts(source.source.prompts[0], source.target.prompts[0])
        )
        signs = torch.tensor([sign for _, sign in told]).reshape(-1, 1, 1, 1)
        texts = model.embed_text([words for words, _ in told])
        rows = Conditioning.cat([source.negative, source.negative, texts])
        levels = edit_levels(model, self, source.latents)
        path = {sigma: source.noised(model, sigma, k) for k, sigma in enumerate(levels)}
        path[levels[-1]] = source.latents

        def denoise(z: Tensor, sigma: float) -> Prediction:
            level, both = covered(model, sigma), torch.cat([path[sigma], z])
            asked = torch.cat([both, z.expand(len(told), -1, -1, -1)])
            looks = _Looks(rows[2:]) if self.own_mask else None
            watched = attending(model, looks.watch) if looks else model
            answer = watched.predict(asked, level, rows).velocity
            away, changes = answer[:2], answer[2:] - answer[1:2]
            if looks:
                changes = changes * looks.mask(self.threshold, changes)
            moved = (self.guidance * signs.to(changes) * changes).sum(0)
            return Prediction.from_velocity(both, level, torch.stack([away[0], away[1] + moved]))

        after = keep_background(source, levels, path.__getitem__)
        return walk(denoise, path[levels[0]], levels, after=after, solver=mapped(path))


class _Looks:
    """Where the words of concepts are looked at, in the coarsest layers on the way down and up."""

    def __init__(self, text: Conditioning) -> None:
        """Take the concepts; raises ``UnsupportedError`` where nobody can tell their words."""
        if not all(text.words):
            raise UnsupportedError(
                "the tokenizer does not tell which tokens are words",
                hint="load the model with a fast tokenizer, or leave own_mask out",
            )
        self._words = torch.tensor([[at is not None for at in row] for row in text.words])
        self._seen: list[Tensor] = []  # (concepts, 1, rows, columns)

    def watch(self, call: Attention) -> Attention:
        """Remember a call, whose rows are the picture, the target without text, the concepts."""
        if call.layer.text is not None and call.layer.stage != "mid":
            looks = call.looks_of_cells(range(2, len(call.q)), call.layer.text)
            looks = (looks * self._words[:, None].to(looks)).sum(-1)
            self._seen.append(looks.reshape(-1, 1, *call.layer.grid))
        return call

    def mask(self, threshold: float, changes: Tensor) -> Tensor:
        """Return M1 times M2 (concepts, 1, h, w) for what the concepts change, of that size."""
        most = _most(changes.abs().sum(1, keepdim=True), threshold)
        coarsest = min((each.shape[2:] for each in self._seen), key=math.prod, default=None)
        same = [each for each in self._seen if each.shape[2:] == coarsest]
        if not same:
            return most
        blur = (BLUR[:, None] * BLUR)[None, None].to(same[0])
        looks = pad(torch.stack(same).mean(0), (1, 1, 1, 1), mode="replicate")
        return most * interpolate(_most(conv2d(looks, blur), threshold), changes.shape[2:])


def _most(values: Tensor, threshold: float) -> Tensor:
    """Return 1 where values (concepts, 1, h, w) are above that share of those of their concept."""
    least = torch.quantile(values.flatten(1), threshold, dim=1)
    return (values >= least[:, None, None, None]).to(values)
