"""Parts of tiny checkpoints that several families have; see ``tests.tiny``."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTokenizer, T5Config, T5EncoderModel, T5Tokenizer

TEXT_LENGTH = 24
TEXT_WIDTH = 32
T5_SIZES: Mapping[str, Any] = {
    "d_model": 3 * TEXT_WIDTH,
    "d_ff": 37,
    "d_kv": 8,
    "num_heads": 4,
    "num_layers": 2,
    "feed_forward_proj": "gated-gelu",
}
SD_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def build_tokenizer(*, pad_token: str = "<|endoftext|>") -> CLIPTokenizer:
    """A byte-pair tokenizer of single characters, in which only "tree" is one token."""
    start, end = "<|startoftext|>", "<|endoftext|>"
    characters = [*string.ascii_lowercase, *string.digits, *"!',.-"]
    merged = ["tr", "ee</w>", "tree</w>"]
    tokens = [start, end, *characters, *(c + "</w>" for c in characters), *merged]
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[("t", "r"), ("e", "e</w>"), ("tr", "ee</w>")],
        model_max_length=TEXT_LENGTH,
        pad_token=pad_token,
    )


def build_scheduler(**options: Any) -> DDIMScheduler:
    settings = {**SD_BETAS, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
    return DDIMScheduler(**{**settings, **options})


def build_unet(**options: Any) -> UNet2DConditionModel:
    settings = {
        "sample_size": 16,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (16, 32),
        "norm_num_groups": 8,
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": 4,
    }
    return UNet2DConditionModel(**{**settings, **options}).eval()


def build_vae(**options: Any) -> AutoencoderKL:
    settings = {
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "latent_channels": 4,
        "sample_size": 32,
    }
    return AutoencoderKL(**{**settings, **options}).eval()


def build_text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=37,
        projection_dim=TEXT_WIDTH,
        num_attention_heads=4,
        num_hidden_layers=3,
        max_position_embeddings=TEXT_LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def build_t5_tokenizer() -> T5Tokenizer:
    """Pieces of single characters, in which only "tree" is one token."""
    pieces = ["\u2581tree", "\u2581", *string.ascii_lowercase, *string.digits, *"!',.-"]
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return T5Tokenizer(vocab=[*specials, *((piece, -2.0) for piece in pieces)], extra_ids=0)


def build_t5(tokenizer: T5Tokenizer) -> T5EncoderModel:
    return T5EncoderModel(T5Config(vocab_size=len(tokenizer), **T5_SIZES)).eval()


def stir(network: Any) -> Any:
    """The network, with weights that make text and level matter where it starts out with zeros."""
    with torch.no_grad():
        for weight in network.parameters():
            fan = weight[0].numel() if weight.ndim > 1 else 16
            weight.add_(torch.randn_like(weight) / fan**0.5)
    return network
