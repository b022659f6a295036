"""Prompt-to-Prompt image editing with cross attention control (arXiv:2208.01626).

Sections 3.2 and 3.3: which cells look at which words lays the picture out, so for the first steps
the target prompt gets the source prompt's attention: of the words that replace others ("word
swap"), of those that are in both ("refinement"), and new words can be made to count more
("re-weighting"). Cells look at cells as in the source for a share of the steps, where there are few
of them.

What differs: the source is read off the picture's trajectory at each step, as Direct Inversion does
(arXiv:2310.01506, section 4), so that it does not drift; this package's mask stands in place of
local blending; rows of attention always sum to one. Where cells and words are looked at together
(the joint attention of transformers) the words share what the target gives to all of them, and the
cells likewise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.attention import Attention
from textseg.diffusion.card import Change
from textseg.diffusion.layers import attentive
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import Step, walk
from textseg.editing.aligning import Aligned, aligned
from textseg.editing.base import (
    STRICT,
    Guidance,
    InversionPrompt,
    InversionSolver,
    Need,
    Share,
    Source,
    Steps,
    Strength,
    edit_levels,
    keep_background,
)
from textseg.editing.leading import Leading, guided_beside, with_source

FEW = 16 * 16  # cells; finer stages keep their own self-attention, as in the authors' code


@dataclass(frozen=True, config=STRICT)
class PromptToPrompt:
    """Give the source prompt's attention to the target prompt.

    The defaults are those of the authors' examples. It holds shapes, so it is for what keeps its
    outline.
    """

    title: ClassVar[str] = "give the attention of the picture's own text to the target text"
    paper: ClassVar[str] = "arXiv:2208.01626"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace")
    needs: ClassVar[tuple[Need, ...]] = ("inversion", "attention")
    cost: ClassVar[str] = "3 a step, 1 a step of the inversion"

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    cross_share: Annotated[
        Share, Field(description="share of the steps in which words keep their places")
    ] = 0.8
    self_share: Annotated[
        Share, Field(description="share of the steps in which cells look at cells as before")
    ] = 0.4
    new_words: Annotated[
        float, Field(ge=0, le=100, description="how much more new words count; 1 is as they are")
    ] = 1.0
    inversion_solver: InversionSolver = "reused_midpoint"
    inversion_prompt: InversionPrompt = "source"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the edit."""
        attentive(model)
        words = aligned(source.source, source.target)
        levels = edit_levels(model, self, source.latents)
        path = source.invert(levels, solver=self.inversion_solver, prompt=self.inversion_prompt)
        gone = {sigma: k / (len(levels) - 1) for k, sigma in enumerate(levels)}
        denoise = guided_beside(
            model,
            source,
            path,
            text=source.source,
            scale=self.guidance,
            lead=lambda sigma: self.control(words, gone[sigma]),
            target_alone=True,
        )
        after = keep_background(source, levels, path.at)
        return walk(denoise, path.at(levels[0]), levels, after=after)

    def control(self, words: Aligned, gone: float) -> Leading:
        """Return what is done to attention after a share of the steps.

        It is told the rows of the target; the last row is the source's.
        """
        swapping, holding = gone < self.cross_share, gone < self.self_share

        def lead(call: Attention, rows: Sequence[int]) -> Attention:
            layer = call.layer
            held = holding and (not layer.stage or math.prod(layer.grid) <= FEW)
            if layer.text is None:  # from equal queries and keys come equal probabilities
                if not held:
                    return call
                return replace(call, q=with_source(call.q, rows), k=with_source(call.k, rows))
            joint = held and layer.kind == "joint"
            if swapping or joint:
                call = _led(call, rows, words, swapping=swapping, holding=joint)
            if self.new_words == 1:
                return call
            weights = torch.ones(len(call.q), 1, 1, layer.keys, device=call.q.device)
            heavier = torch.where(words.new, self.new_words, 1.0).to(weights)
            for row in rows:
                weights[row, ..., layer.text] = heavier
            return call.reweighted(weights)

        return lead


def _led(
    call: Attention, rows: Sequence[int], words: Aligned, *, swapping: bool, holding: bool
) -> Attention:
    """Return the call in which the cells of the target look where those of the source do."""
    cells, text = call.layer.picture, call.layer.text
    looks = call.probabilities()  # (rows, heads, queries, keys)
    found, source = looks.clone(), looks[-1]
    for row in rows:
        if swapping:
            before, now = source[:, cells, text], looks[row, :, cells, text]
            swapped = torch.where(words.known.to(now.device), before @ words.given.to(now), now)
            found[row, :, cells, text] = _sharing(swapped, now)
        if holding:
            kept = _sharing(source[:, cells, cells], looks[row, :, cells, cells])
            found[row, :, cells, cells] = kept
    return call.with_probabilities(found)


def _sharing(looks: Tensor, total: Tensor) -> Tensor:
    """Return looks at keys that add up to what ``total`` gives to these keys."""
    summed = looks.sum(-1, keepdim=True).clamp_min(torch.finfo(looks.dtype).tiny)
    return looks * total.sum(-1, keepdim=True) / summed
