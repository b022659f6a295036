"""MasaCtrl: tuning-free mutual self-attention control (arXiv:2304.08465).

Section 3.2: the target prompt lays its own picture out, but from a step and a layer on its cells
look at those of the source instead of at one another (keys and values are the source's), so that
things keep their looks in another pose or form.

What differs: the source is read off the picture's trajectory, as Direct Inversion does; this
package's mask, outside of which the picture stays, stands in place of the masks that the authors
take from attention (section 3.3). Where a network has more or fewer layers than the authors', it is
the same share of them. Where cells and words are looked at together (the joint attention of
transformers) the words remain the target's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from textseg.diffusion.attention import Attention
from textseg.diffusion.card import Change
from textseg.diffusion.layers import attentive
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import Step, walk
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
from textseg.editing.leading import Leading, asked_with, guided_beside, with_source


@dataclass(frozen=True, config=STRICT)
class MasaCtrl:
    """Let the target look at the cells of the picture, from a step and a layer on.

    The defaults are those of the authors' code: from step 4 of 50 and layer 10 of 16. Colours and
    textures stay, so it is for another form of the same thing.
    """

    title: ClassVar[str] = "lay the target out anew, with the looks of what was there"
    paper: ClassVar[str] = "arXiv:2304.08465"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace")
    needs: ClassVar[tuple[Need, ...]] = ("inversion", "attention")
    cost: ClassVar[str] = "3 a step, 1 a step of the inversion"

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    first_step: Annotated[
        Share, Field(description="share of the steps in which cells look at one another")
    ] = 4 / 50
    first_layer: Annotated[
        Share, Field(description="share of the layers in which cells look at one another")
    ] = 10 / 16
    inversion_solver: InversionSolver = "reused_midpoint"
    inversion_prompt: InversionPrompt = "empty"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the edit."""
        layers = attentive(model).attention_layers(source.latents, source.target)
        looking = [k for k, layer in enumerate(layers) if layer.kind in ("self", "joint")]
        later = looking[round(self.first_layer * len(looking)) :]
        levels = edit_levels(model, self, source.latents)
        path = source.invert(levels, solver=self.inversion_solver, prompt=self.inversion_prompt)
        gone = {sigma: k / (len(levels) - 1) for k, sigma in enumerate(levels)}
        denoise = guided_beside(
            model,
            source,
            path,
            text=asked_with(model, source, self.inversion_prompt),
            scale=self.guidance,
            lead=lambda sigma: mutual(later if gone[sigma] >= self.first_step else []),
        )
        after = keep_background(source, levels, path.at)
        return walk(denoise, path.at(levels[0]), levels, after=after)


def mutual(layers: Sequence[int]) -> Leading:
    """Return what has all cells look at the cells of the source, in some layers."""

    def lead(call: Attention, rows: Sequence[int]) -> Attention:
        if call.index not in layers:
            return call
        cells = call.layer.picture
        return replace(call, k=with_source(call.k, rows, cells), v=with_source(call.v, rows, cells))

    return lead
