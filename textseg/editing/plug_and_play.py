"""Plug-and-Play diffusion features for text-driven image-to-image translation (arXiv:2211.12572).

Section 4: what a network computes on its way up lays the picture out, so the target gets it from
the picture: of one residual block what it adds, and of the attention of cells among one another
which cells look at which. Both are taken over in the first steps, in the answers to the target
prompt and to the one that guidance leads away from. Words and colours are the target's.

What differs: the picture is inverted by a rule of second order in as many steps as are made, where
the authors take 999 of DDIM; which prompt guidance leads away from is the caller's; outside the
mask the picture stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.attention import Attention
from textseg.diffusion.card import Change
from textseg.diffusion.features import features, residual
from textseg.diffusion.layers import attentive
from textseg.diffusion.model import DiffusionModel, Prediction
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

BLOCK, OF = 4, 12  # residual blocks on the way up; "output block 4" of Stable Diffusion's twelve


@dataclass(frozen=True, config=STRICT)
class PlugAndPlay:
    """Give the target what the network computes of the picture.

    The defaults are those of the authors' code (config_pnp.yaml of pnp-diffusers). It holds shapes,
    so it is for what keeps its outline.
    """

    title: ClassVar[str] = "give what the network computes of the picture to the target"
    paper: ClassVar[str] = "arXiv:2211.12572"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ("inversion", "attention", "features")
    cost: ClassVar[str] = "3 a step, 1 a step of the inversion"

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    attention_share: Annotated[
        Share, Field(description="share of the steps in which cells look at cells as before")
    ] = 0.5
    feature_share: Annotated[
        Share, Field(description="share of the steps in which features are the picture's")
    ] = 0.8
    inversion_solver: InversionSolver = "reused_midpoint"
    inversion_prompt: InversionPrompt = "empty"

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the edit."""
        layers = attentive(model).attention_layers(source.latents, source.target)
        network, blocks = residual(model).network, residual(model).residuals_up()
        held = blocks[len(blocks) * BLOCK // OF :][:1]
        up = [k for k, layer in enumerate(layers) if (layer.kind, layer.stage) == ("self", "up")]
        levels = edit_levels(model, self, source.latents)
        path = source.invert(levels, solver=self.inversion_solver, prompt=self.inversion_prompt)
        gone = {sigma: k / (len(levels) - 1) for k, sigma in enumerate(levels)}

        def lead(sigma: float) -> Leading:
            return _looking(up[1:] if gone[sigma] < self.attention_share else [])

        beside = guided_beside(
            model,
            source,
            path,
            text=asked_with(model, source, self.inversion_prompt),
            scale=self.guidance,
            lead=lead,
        )

        def denoise(z: Tensor, sigma: float) -> Prediction:
            names = held if gone[sigma] < self.feature_share else ()
            with features(network, names, _as_in_the_source):
                return beside(z, sigma)

        after = keep_background(source, levels, path.at)
        return walk(denoise, path.at(levels[0]), levels, after=after)


def _looking(layers: Sequence[int]) -> Leading:
    """Return what has all cells look at cells as those of the source do, in some layers."""

    def lead(call: Attention, rows: Sequence[int]) -> Attention:
        if call.index not in layers:
            return call
        return replace(call, q=with_source(call.q, rows), k=with_source(call.k, rows))

    return lead


def _as_in_the_source(name: str, given: object) -> Tensor:
    assert isinstance(given, Tensor)  # that is what convolutions give
    return given[-1:].expand_as(given)
