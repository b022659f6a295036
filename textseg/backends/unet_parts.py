"""The parts of Stable Diffusion 1.x, 2.x and XL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from textseg.backends.parts import Kind, Kinds, Loaded, load_all, take_apart
from textseg.diffusion.card import Precision

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DiffusionPipeline, SchedulerMixin, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

_CLIP_WORDS = ("CLIPTokenizer", "CLIPTokenizerFast")
KINDS = Kinds(
    title="Stable Diffusion 1.x, 2.x and XL text-to-image checkpoints in diffusers format",
    parts={
        "vae": Kind("diffusers", ("AutoencoderKL",)),
        "unet": Kind("diffusers", ("UNet2DConditionModel",)),
        "text_encoder": Kind("transformers", ("CLIPTextModel",)),
        "tokenizer": Kind("transformers", _CLIP_WORDS),
        "text_encoder_2": Kind("transformers", ("CLIPTextModelWithProjection",), "tokenizer_2"),
        "tokenizer_2": Kind("transformers", _CLIP_WORDS, "text_encoder_2"),
    },
    precision=Precision("float16", found="what checkpoints of the family are published in"),
)


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a model, on their device; XL models have two text encoders.

    ``empty_is_zero`` says that "no text" is an embedding of zeros instead of the embedded empty
    prompt; ``notes`` are remarks for people.
    """

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text_encoders: tuple[CLIPTextModel | CLIPTextModelWithProjection, ...]
    tokenizers: tuple[CLIPTokenizer, ...]
    scheduler: SchedulerMixin
    empty_is_zero: bool
    device: torch.device
    notes: tuple[str, ...] = ()


def load_parts(
    source: str | os.PathLike[str], *, device: str, dtype: str, local_files_only: bool
) -> Parts:
    """Load what is needed from a diffusers folder or a hub id, and nothing else.

    Raises ``ModelError`` for missing or broken files and ``UnsupportedError`` for other families.
    """
    return _assembled(
        load_all(source, KINDS, device=device, dtype=dtype, local_files_only=local_files_only)
    )


def parts_of(pipeline: DiffusionPipeline) -> Parts:
    """Take the parts of a loaded pipeline where they are, without changing it.

    A half-precision autoencoder that asks for float32 is copied; everything else is shared.
    """
    return _assembled(take_apart(pipeline, KINDS))


def _assembled(loaded: Loaded) -> Parts:
    parts, index = loaded.parts, loaded.index
    pairs = [("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")]
    pairs = [pair for pair in pairs if parts.get(pair[0]) is not None]
    return Parts(
        vae=parts["vae"],
        unet=parts["unet"],
        text_encoders=tuple(parts[encoder] for encoder, _ in pairs),
        tokenizers=tuple(parts[tokenizer] for _, tokenizer in pairs),
        scheduler=parts["scheduler"],
        empty_is_zero=len(pairs) == 2 and bool(index.get("force_zeros_for_empty_prompt", True)),
        device=loaded.device,
        notes=loaded.notes,
    )
