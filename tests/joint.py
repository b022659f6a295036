"""Tiny transformers with joint attention behind the border of ``DiffusionModel``."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, SD3Transformer2DModel
from torch import Tensor

from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning, Levels, Prediction, level_values
from textseg.diffusion.sampling import draw_noise
from textseg.testing import GaussianModel

WIDTH, POOLED, TOKENS = 32, 16, 9


def build_sd3_transformer() -> SD3Transformer2DModel:
    """With a second attention, of cells alone, in the first block, as SD 3.5 has it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SD3Transformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            caption_projection_dim=16,
            pooled_projection_dim=POOLED,
            dual_attention_layers=(0,),
            qk_norm="rms_norm",
        ).eval()


def build_flux_transformer() -> FluxTransformer2DModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=POOLED,
            axes_dims_rope=(4, 4, 8),
        ).eval()


@dataclass(frozen=True)
class Joint(GaussianModel):
    """Latents 4 channels deep, a token for each word, and a transformer that answers velocities."""

    network: Any = field(default_factory=build_sd3_transformer)  # Any: of diffusers
    name: str = "sd3"
    latent_channels: int = 4
    tokens: int = TOKENS

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        lines = [prompt.split() for prompt in prompts]
        states = [
            [draw_noise((WIDTH,), seed=zlib.crc32(word.encode())) for word in _filled(line, self)]
            for line in lines
        ]
        embeddings = torch.stack([torch.stack(line) for line in states])
        return Conditioning(
            prompts=tuple(prompts),
            embeddings=embeddings,
            pooled=embeddings.mean(1)[:, :POOLED],
            words=tuple(
                tuple(k if k < len(line) else None for k in range(self.tokens)) for line in lines
            ),
        )

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        grid = (z.shape[2] // 2, z.shape[3] // 2)
        joint = Layer.joint(grid, text.embeddings.shape[1], text_first=False)
        return (joint, Layer.own(grid), joint)

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        velocity = self.network(
            z,
            encoder_hidden_states=text.embeddings,
            pooled_projections=text.pooled,
            timestep=_times(z, sigma) * 1000,
        ).sample
        return Prediction.from_velocity(z, sigma, velocity)


@dataclass(frozen=True)
class TextFirst(Joint):
    """The same around FLUX, where the text stands before the picture."""

    network: Any = field(default_factory=build_flux_transformer)
    name: str = "flux"

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        grid = (z.shape[2] // 2, z.shape[3] // 2)
        return (Layer.joint(grid, text.embeddings.shape[1], text_first=True),) * 3

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        b, c, h, w = z.shape
        velocity = self.network(
            hidden_states=FluxPipeline._pack_latents(z, b, c, h, w),
            encoder_hidden_states=text.embeddings,
            pooled_projections=text.pooled,
            timestep=_times(z, sigma),
            img_ids=FluxPipeline._prepare_latent_image_ids(b, h // 2, w // 2, z.device, z.dtype),
            txt_ids=torch.zeros(text.embeddings.shape[1], 3),
        ).sample
        return Prediction.from_velocity(z, sigma, FluxPipeline._unpack_latents(velocity, h, w, 1))


def _filled(line: list[str], model: Joint) -> list[str]:
    return [*line, *["<pad>"] * (model.tokens - len(line))]


def _times(z: Tensor, sigma: Levels) -> Tensor:
    values = level_values(sigma)
    return torch.tensor(values if len(values) == len(z) else values * len(z))
