"""Stable Diffusion 1.x, 2.x and XL: a UNet on the latents of an autoencoder, steered by CLIP text.

The networks of diffusers answer at x_t = a x0 + s eps and a timestep, with an estimate of the
noise, of v = a eps - s x0 (arXiv:2202.00512) or of x0. Here they are asked at z = x_t / (a + s) and
sigma = s / (a + s), and answer in all three forms.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from textseg.backends import clip_text
from textseg.backends.evaluation import evaluating
from textseg.backends.loading import (
    FAMILIES,
    Parts,
    choose_device,
    explained_memory,
    load_parts,
    parts_of,
)
from textseg.backends.schedule import Schedule
from textseg.backends.unet_card import PRECISION, unet_card
from textseg.diffusion.card import ModelCard, read_card, read_precision
from textseg.diffusion.model import Conditioning, Levels, Prediction, level_values, per_row
from textseg.errors import InvalidInputError, ModelError, PrecisionError, UnsupportedError

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DiffusionPipeline

TILE_ABOVE = 1024 * 1024  # pixels; larger pictures go through the autoencoder in tiles
TILE_SIDE = 512  # pixels; the size that Stable Diffusion's autoencoder was trained for


class DiffusersUNet:
    """A ``DiffusionModel`` made of the parts of a Stable Diffusion pipeline; without state."""

    def __init__(
        self,
        parts: Parts,
        *,
        name: str,
        card: ModelCard | None = None,
    ) -> None:
        """Check that the parts fit together and that this backend knows how to ask them.

        ``card`` is what the model is used to; ``None`` for what its family is. Raises
        ``UnsupportedError``.
        """
        _check_unet(parts, name)
        self._name = name
        self._parts = parts
        self._card = unet_card(parts, name) if card is None else card
        self._schedule = Schedule.of(parts.scheduler)

    @property
    def name(self) -> str:
        """What people call it."""
        return self._name

    @property
    def card(self) -> ModelCard:
        """What it is used to, and where those numbers come from."""
        return self._card

    @property
    def device(self) -> torch.device:
        """Where it computes, and where what it returns lies."""
        return self._parts.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision that the UNet computes in."""
        dtype: torch.dtype = self._parts.unet.dtype
        return dtype

    @property
    def latent_stride(self) -> int:
        """Image pixels per latent cell, along each side."""
        return _halvings(self._parts.vae.config.block_out_channels)

    @property
    def size_multiple(self) -> int:
        """Image sides must divide by this, so that every stage of the UNet has whole cells."""
        return self.latent_stride * _halvings(self._parts.unet.config.block_out_channels)

    @property
    def latent_channels(self) -> int:
        """Channels ``c`` of the latents."""
        return int(self._parts.unet.config.in_channels)

    @property
    def sigma_range(self) -> tuple[float, float]:
        """Lowest and highest noise level that the network was trained on."""
        return self._schedule.range

    def encode_image(self, image: Tensor) -> Tensor:
        """Return the latents (b, c, h, w) of an image (b, 3, H, W) in [0, 1].

        They are the posterior mean, scaled as the UNet wants it.

        Sides must divide by ``latent_stride``. Above ``TILE_ABOVE`` pixels the image is encoded in
        tiles.
        """
        stride = self.latent_stride
        if image.ndim != 4 or image.shape[1] != 3 or any(side % stride for side in image.shape[2:]):
            raise InvalidInputError(
                f"an image must be (b, 3, H, W) with sides that divide by {stride}, "
                f"got {tuple(image.shape)}"
            )
        vae = self._vae_for(pixels=image.shape[2] * image.shape[3])
        with evaluating(vae), explained_memory():
            scaled = (image.to(self.device).float() * 2 - 1).to(vae.dtype)
            mean: Tensor = vae.encode(scaled).latent_dist.mode().float()
        self._check_finite(mean, "autoencoder", vae.dtype)
        shift, scale = self._latent_units()
        return (mean - shift) / scale

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return the image (b, 3, H, W) in [0, 1] of latents (b, c, h, w)."""
        self._check_latents(latents)
        vae = self._vae_for(pixels=latents.shape[2] * latents.shape[3] * self.latent_stride**2)
        shift, scale = self._latent_units()
        with evaluating(vae), explained_memory():
            unscaled = (latents.to(self.device).float() * scale + shift).to(vae.dtype)
            image: Tensor = vae.decode(unscaled).sample.float()
        self._check_finite(image, "autoencoder", vae.dtype)
        return (image / 2 + 0.5).clamp(0, 1)

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; "" is the model's own "no text".

        The notes say, per prompt, what the tokenizer cut off and which words are unknown.
        """
        text = clip_text.embed(self._parts, prompts, known_words=self._card.language.known_words)
        self._check_finite(text.embeddings, "text encoder", self._parts.text_encoders[0].dtype)
        return text

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        """Return the estimates for ``z`` (b, c, h, w), with a prompt for each row.

        ``sigma`` is the noise level of all rows, or a tensor (b,) with that of each. Raises
        ``InvalidInputError`` for a level outside ``sigma_range``.
        """
        self._check_latents(z)
        if len(text) != len(z):
            raise InvalidInputError(
                f"{len(text)} prompts for {len(z)} latents; one for each is needed"
            )
        timesteps = [self._schedule.timestep(level) for level in level_values(sigma)]
        z = z.to(self.device).float()
        level = per_row(sigma, z)
        norm = ((1 - level) ** 2 + level**2) ** 0.5  # 1 / (a + s)
        answer = self._ask(z / norm, timesteps, text)
        match self._schedule.prediction_type:
            case "epsilon":
                return Prediction.from_eps(z, sigma, answer)
            case "sample":
                return Prediction.from_x0(z, sigma, answer)
        # eps - x0 = (a + s) v + (s - a) x_t, from v = a eps - s x0 and a a + s s = 1
        velocity = answer / norm + (2 * level - 1) * z / norm**2
        return Prediction.from_velocity(z, sigma, velocity)

    def levels(self, steps: int, start: float = 1.0) -> tuple[float, ...]:
        """Return the levels of a walk of ``steps`` steps, descending.

        The scheduler's config decides how they are spaced and where they end.
        Levels above ``start`` are left out, so ``levels(n, start=levels(n)[k]) == levels(n)[k:]``.
        """
        return self._schedule.levels(steps, start)

    def prior(self, noise: Tensor, sigma: float | None = None) -> Tensor:
        """Return pure noise as the network sees it at ``sigma``, by default its highest level."""
        level = self.sigma_range[1] if sigma is None else sigma
        return noise.to(self.device).float() * math.hypot(1 - level, level)  # x_t / (a + s)

    def _ask(self, x: Tensor, timesteps: Sequence[float], text: Conditioning) -> Tensor:
        unet, dtype = self._parts.unet, self.dtype
        with evaluating(unet), explained_memory():
            answer: Tensor = unet(
                x.to(dtype),
                torch.tensor(timesteps, dtype=torch.float32, device=self.device),
                text.embeddings.to(self.device, dtype),
                timestep_cond=self._no_guidance(len(x)),
                added_cond_kwargs=self._size_and_pooled(x, text),
            ).sample.float()
        self._check_finite(answer, "network", dtype)
        return answer

    def _size_and_pooled(self, x: Tensor, text: Conditioning) -> dict[str, Tensor] | None:
        if text.pooled is None:
            return None
        height, width = (side * self.latent_stride for side in x.shape[2:])
        # original size, top left corner of the crop, target size: a whole picture at its own size
        ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)
        return {
            "text_embeds": text.pooled.to(self.device, self.dtype),
            "time_ids": ids.to(self.device).expand(len(x), -1),
        }

    def _no_guidance(self, rows: int) -> Tensor | None:
        width = self._parts.unet.config.time_cond_proj_dim
        if width is None:
            return None
        # consistency models are told w = guidance scale - 1, as sines and cosines; here w = 0
        sines, cosines = torch.zeros(rows, width // 2), torch.ones(rows, width // 2)
        return torch.cat([sines, cosines], dim=1).to(self.device, self.dtype)

    def _vae_for(self, *, pixels: int) -> AutoencoderKL:
        # the copy shares all weights; its settings are ours, those of the original stay as they are
        vae = copy.copy(self._parts.vae)
        vae.use_slicing = True
        vae.use_tiling = pixels > TILE_ABOVE
        vae.tile_sample_min_size = TILE_SIDE
        vae.tile_latent_min_size = TILE_SIDE // self.latent_stride
        return vae

    def _latent_units(self) -> tuple[Tensor, Tensor]:
        """Return shift and scale, (1 or c, 1, 1): the autoencoder has z * scale + shift."""
        config = self._parts.vae.config
        shift = torch.tensor(config.latents_mean or [config.shift_factor or 0.0])
        scale = torch.tensor(config.latents_std or [1.0]) / config.scaling_factor
        return shift.to(self.device)[:, None, None], scale.to(self.device)[:, None, None]

    def _check_latents(self, latents: Tensor) -> None:
        if latents.ndim != 4 or latents.shape[1] != self.latent_channels:
            raise InvalidInputError(
                f"latents must be (b, {self.latent_channels}, h, w), got {tuple(latents.shape)}"
            )

    def _check_finite(self, values: Tensor, part: str, dtype: torch.dtype) -> None:
        if torch.isfinite(values).all():
            return
        wrong = f"the {part} of {self._name!r} returned values that are not numbers, in {dtype}"
        if dtype != torch.float32:
            raise PrecisionError(wrong, hint="load the model with dtype='float32'")
        raise ModelError(
            wrong, hint="it runs in float32 already: the weights or the input are damaged"
        )


def load_unet_model(
    source: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: str = "auto",
    local_files_only: bool = False,
    name: str | None = None,
) -> DiffusersUNet:
    """Load a diffusers folder or hub id.

    A local folder may hold a card of its own, see ``textseg.diffusion.card``. ``device`` "auto"
    prefers cuda, then mps, then cpu; ``dtype`` "auto" is float32 on a cpu, elsewhere what the card
    says. Raises ``ModelError`` and ``UnsupportedError``.
    """
    if dtype == "auto" and choose_device(device).type != "cpu":
        dtype = read_precision(Path(source), PRECISION).accelerator
    parts = load_parts(source, device=device, dtype=dtype, local_files_only=local_files_only)
    called = name or str(source)
    card = read_card(Path(source), unet_card(parts, called))
    return DiffusersUNet(parts, name=called, card=card)


def wrap_pipeline(
    pipeline: DiffusionPipeline, *, device: str = "auto", dtype: str = "auto"
) -> DiffusersUNet:
    """Use a loaded pipeline where it is and as it is; nothing in it is changed.

    It is asked in evaluation mode, and back in its own between the calls. A card in the folder that
    it was loaded from counts.

    Raises ``InvalidInputError`` when ``device`` or ``dtype`` ask for something other than what it
    has.
    """
    parts = parts_of(pipeline)
    has_device, has_dtype = str(parts.device), str(parts.unet.dtype).removeprefix("torch.")
    if device not in ("auto", has_device, parts.device.type) or dtype not in ("auto", has_dtype):
        raise InvalidInputError(
            f"device {device!r} and dtype {dtype!r} were asked for, and the pipeline is on "
            f"{has_device} in {has_dtype}",
            hint="move it with pipeline.to(device, dtype); a loaded pipeline is never changed here",
        )
    name = str(getattr(pipeline, "name_or_path", "") or type(pipeline).__name__)
    return DiffusersUNet(parts, name=name, card=read_card(Path(name), unet_card(parts, name)))


def _halvings(widths: Sequence[int]) -> int:
    """Return by what a network divides the sides: every stage but the last halves them."""
    return int(2 ** (len(widths) - 1))


def _check_unet(parts: Parts, name: str) -> None:
    config, latent = parts.unet.config, parts.vae.config.latent_channels
    problem = None
    if config.in_channels != latent:
        problem = f"its UNet takes {config.in_channels} channels, where the latents have {latent}"
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
            hint=f"use {FAMILIES}, but not their inpainting, depth, refiner or adapter variants",
        )


def _added_width(parts: Parts) -> int:
    pooled = parts.text_encoders[-1].config.projection_dim
    return int(
        pooled + 6 * parts.unet.config.addition_time_embed_dim
    )  # 6 numbers: see _size_and_pooled
