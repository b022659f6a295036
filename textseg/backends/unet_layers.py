"""Which attentions and residual blocks a UNet of diffusers has, in the order of its calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textseg.diffusion.layers import Layer, Stage, refuse_compiled
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel
    from torch.nn import Module


def unet_layers(
    unet: UNet2DConditionModel, grid: tuple[int, int], *, tokens: int
) -> tuple[Layer, ...]:
    """Return the attentions of one call for latents of ``grid`` = (h, w) cells.

    Told from the modules, for the shapes do not tell them apart. Every stage but the last halves
    the sides. Raises ``UnsupportedError`` for blocks of another build and compiled ones.
    """
    refuse_compiled(unet)
    found: list[Layer] = []
    for stage, halvings, block in _blocks(unet):
        cells = (grid[0] >> halvings, grid[1] >> halvings)
        for looks_at_text in _attentions(block):
            found.append(
                Layer.cross(cells, tokens, stage=stage)
                if looks_at_text
                else Layer.own(cells, stage=stage)
            )
    return tuple(found)


def unet_residuals_up(unet: UNet2DConditionModel) -> tuple[str, ...]:
    """Return the names of the convolutions whose output each residual block adds on the way up."""
    return tuple(
        f"up_blocks.{k}.resnets.{n}.conv2"
        for k, block in enumerate(unet.up_blocks)
        for n in range(len(block.resnets))
    )


def _blocks(unet: UNet2DConditionModel) -> Iterator[tuple[Stage, int, Module]]:
    deepest = len(unet.down_blocks) - 1
    for k, block in enumerate(unet.down_blocks):
        yield "down", k, block
    if unet.mid_block is not None:
        yield "mid", deepest, unet.mid_block
    for k, block in enumerate(unet.up_blocks):
        yield "up", deepest - k, block


def _attentions(block: Module) -> Iterator[bool]:
    """Yield for each attention of a block whether it looks at the text."""
    for part in getattr(block, "attentions", ()):
        if not hasattr(part, "transformer_blocks"):
            raise UnsupportedError(
                f"attention of the build {type(part).__name__} cannot be seen or changed",
                hint="use an edit method that does without",
            )
        for transformer in part.transformer_blocks:
            yield transformer.attn1.is_cross_attention
            if transformer.attn2 is not None:
                yield transformer.attn2.is_cross_attention
