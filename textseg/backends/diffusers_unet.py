"""Stable Diffusion 1.x, 2.x and XL: a UNet on latents, steered by CLIP text."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from textseg.backends import clip_text
from textseg.backends.autoencoders import halvings
from textseg.backends.family import Family
from textseg.backends.finite import check_finite
from textseg.backends.latent import LatentModel
from textseg.backends.parts import check_place, name_of
from textseg.backends.processes import VariancePreserving
from textseg.backends.unet_card import unet_card
from textseg.backends.unet_layers import unet_layers, unet_residuals_up
from textseg.backends.unet_parts import KINDS, Parts, load_parts, parts_of
from textseg.diffusion.card import ModelCard, read_card
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning, cells_of
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


class DiffusersUNet(LatentModel):
    """A ``DiffusionModel`` made of the parts of a Stable Diffusion pipeline; without state."""

    def __init__(self, parts: Parts, *, name: str, card: ModelCard | None = None) -> None:
        """Check that the parts fit together and that this backend knows how to ask them.

        ``card`` is what the model is used to; ``None`` for what its family is. Raises
        ``UnsupportedError``.
        """
        _check_unet(parts, name, takes=self.channels_taken(parts.vae.config.latent_channels))
        super().__init__(
            parts.unet,
            parts.vae,
            VariancePreserving.of(parts.scheduler),
            name=name,
            device=parts.device,
            card=self.make_card(parts, name) if card is None else card,
            notes=parts.notes,
        )
        self._parts = parts

    @classmethod
    def make_card(cls, parts: Parts, name: str) -> ModelCard:
        """Return what a model of these parts is used to; a card beside the weights goes first."""
        return unet_card(parts, name)

    @classmethod
    def channels_taken(cls, latent: int) -> int:
        """Return how many channels its UNet takes where the latents have so many."""
        return latent

    @property
    def patch(self) -> int:
        """Latent cells that become one in the middle of the UNet, along each side."""
        return halvings(self._parts.unet.config.block_out_channels)

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; "" is the model's own "no text".

        The notes say, per prompt, what the tokenizer cut off and which words are unknown.
        """
        text = clip_text.embed(self._parts, prompts, known_words=self.card.language.known_words)
        dtype = self._parts.text_encoders[0].dtype
        check_finite(text.embeddings, "text encoder", model=self.name, dtype=dtype)
        return text

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the UNet for these latents and prompts, in their order."""
        return unet_layers(self.network, cells_of(z), tokens=text.embeddings.shape[1])

    def residuals_up(self) -> tuple[str, ...]:
        """Return what the residual blocks of the decoder give; see ``Residual``."""
        return unet_residuals_up(self.network)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        answer: Tensor = self._network(
            self._input(x, text),
            times,
            text.embeddings.to(x),
            timestep_cond=self._no_guidance(x),
            added_cond_kwargs=size_and_pooled(x, text, stride=self.latent_stride),
        ).sample
        return answer

    def _input(self, x: Tensor, text: Conditioning) -> Tensor:
        """Return what the UNet takes, (b, channels, h, w): ``x``, and what it is shown besides."""
        return x

    def _no_guidance(self, x: Tensor) -> Tensor | None:
        width = self._parts.unet.config.time_cond_proj_dim
        if width is None:
            return None
        # consistency models are told w = guidance scale - 1, as sines and cosines; here w = 0
        sines, cosines = torch.zeros(len(x), width // 2), torch.ones(len(x), width // 2)
        return torch.cat([sines, cosines], dim=1).to(x)


def size_and_pooled(x: Tensor, text: Conditioning, *, stride: int) -> dict[str, Tensor] | None:
    """Return what UNets as XL's are told besides; None for those that want no pooled text.

    ``stride`` are the image pixels per cell of ``x`` (b, c, h, w).
    """
    if text.pooled is None:
        return None
    height, width = (side * stride for side in x.shape[2:])
    # original size, top left corner of the crop, target size: a whole picture at its own size
    ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)
    return {"text_embeds": text.pooled.to(x), "time_ids": ids.to(x.device).expand(len(x), -1)}


KindOf = Callable[[Parts], type[DiffusersUNet]]


def _plain(parts: Parts) -> type[DiffusersUNet]:
    return DiffusersUNet


def load_unet_model(
    source: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: str = "auto",
    local_files_only: bool = False,
    name: str | None = None,
    kind_of: KindOf = _plain,
) -> DiffusersUNet:
    """Load a diffusers folder or hub id.

    A local folder may hold a card of its own, see ``textseg.diffusion.card``. ``device`` "auto"
    prefers cuda, then mps, then cpu; ``dtype`` "auto" is float32 on a cpu, elsewhere what the card
    says. ``kind_of`` chooses the class. Raises ``ModelError`` and ``UnsupportedError``.
    """
    parts = load_parts(source, device=device, dtype=dtype, local_files_only=local_files_only)
    called, kind = name or str(source), kind_of(parts)
    card = read_card(Path(source), kind.make_card(parts, called))
    return kind(parts, name=called, card=card)


def wrap_pipeline(
    pipeline: DiffusionPipeline,
    *,
    device: str = "auto",
    dtype: str = "auto",
    kind_of: KindOf = _plain,
) -> DiffusersUNet:
    """Use a loaded pipeline where it is and as it is; nothing in it is changed.

    It is asked in evaluation mode, and back in its own between the calls. A card in the folder that
    it was loaded from counts. ``kind_of`` chooses the class.

    Raises ``InvalidInputError`` when ``device`` or ``dtype`` ask for something other than what it
    has.
    """
    parts = parts_of(pipeline)
    check_place(device, dtype, has=parts.device, in_dtype=parts.unet.dtype)
    name, kind = name_of(pipeline), kind_of(parts)
    return kind(parts, name=name, card=read_card(Path(name), kind.make_card(parts, name)))


def unet_family(kind_of: KindOf) -> Family:
    """Return how the registry makes models of the classes that ``kind_of`` chooses."""
    return Family(
        partial(load_unet_model, kind_of=kind_of), partial(wrap_pipeline, kind_of=kind_of)
    )


def _check_unet(parts: Parts, name: str, *, takes: int) -> None:
    config, latent = parts.unet.config, parts.vae.config.latent_channels
    problem = None
    if config.in_channels != takes:
        problem = (
            f"its UNet takes {config.in_channels} channels, where latents of {latent} need {takes}"
        )
    elif config.out_channels != latent:
        problem = (
            f"its UNet returns {config.out_channels} channels, where the latents have {latent}"
        )
    elif config.class_embed_type or config.num_class_embeds:
        problem = "its UNet wants a class or noise-level label"
    elif config.encoder_hid_dim_type:
        problem = f"its UNet wants a further input ({config.encoder_hid_dim_type})"
    elif config.addition_embed_type != ("text_time" if len(parts.text_encoders) == 2 else None):
        problem = (
            f"its UNet asks for {config.addition_embed_type}, which its text encoders do not give"
        )
    elif (
        len(parts.text_encoders) == 2
        and _added_width(parts) != config.projection_class_embeddings_input_dim
    ):
        problem = "its UNet wants other size and style inputs than the XL base model"
    if problem:
        raise UnsupportedError(
            f"the model {name!r} is not supported: {problem}",
            hint=f"use {KINDS.title}, but not their depth, refiner or adapter variants",
        )


def _added_width(parts: Parts) -> int:
    pooled = parts.text_encoders[-1].config.projection_dim
    return int(
        pooled + 6 * parts.unet.config.addition_time_embed_dim
    )  # 6 numbers: see size_and_pooled


FAMILY = unet_family(_plain)
