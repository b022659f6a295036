"""What all networks on the latents of an autoencoder share; a family adds its text and its call."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import Module

from textseg.backends.adapters import adapter_state
from textseg.backends.autoencoders import autoencoder_of
from textseg.backends.evaluation import evaluating
from textseg.backends.finite import check_finite
from textseg.backends.loading import explained_memory
from textseg.backends.processes import Process
from textseg.diffusion.card import ModelCard
from textseg.diffusion.model import Cells, Conditioning, Levels, Prediction, level_values, per_row
from textseg.errors import InvalidInputError


class LatentModel(ABC):
    """A ``DiffusionModel`` made of a network, an autoencoder and a noise process; without state."""

    def __init__(
        self,
        network: Any,  # of diffusers, whose classes share no base that declares config and dtype
        vae: Any,  # of diffusers, one of ``textseg.backends.autoencoders.KINDS``
        process: Process,
        *,
        name: str,
        device: torch.device,
        card: ModelCard,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Hold the parts, which the family has checked; ``notes`` are remarks for people."""
        self._network, self._process, self.notes = network, process, notes
        self._autoencoder = autoencoder_of(vae, device, model=name)
        self._card = card

    @property
    def network(self) -> Module:
        """What ``predict`` asks."""
        network: Module = self._network
        return network

    def with_network(self, network: Module) -> Self:
        """Return the same model around another network of the same build."""
        found = copy.copy(self)
        found._network = network
        return found

    @property
    def adapters(self) -> Hashable:
        """What is added to the weights of the network now; see ``diffusion.extras``."""
        return adapter_state(self.network)

    @property
    @abstractmethod
    def patch(self) -> int:
        """Latent cells that the network takes together, along each side."""

    @abstractmethod
    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; "" is the model's own "no text".

        The notes say, per prompt, what the tokenizer cut off and which words are unknown.
        """

    @abstractmethod
    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        """Return what the network answers at ``x`` (b, c, h, w), as the noise process reads it.

        ``times`` (b,) float32 are those of the process. ``x`` is on the device and in the precision
        of the network. A network that is told another time, or answers with another sign, is
        understood here.
        """

    @property
    def name(self) -> str:
        """What people call it."""
        return self._autoencoder.model

    @property
    def card(self) -> ModelCard:
        """What it is used to, and where those numbers come from."""
        return self._card

    @property
    def device(self) -> torch.device:
        """Where it computes, and where what it returns lies."""
        return self._autoencoder.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision that the network computes in."""
        dtype: torch.dtype = self._network.dtype
        return dtype

    @property
    def latent_stride(self) -> int:
        """Image pixels per latent cell, along each side."""
        return self._autoencoder.stride

    @property
    def size_multiple(self) -> int:
        """Image sides must divide by this, so that the network has whole patches."""
        return self.latent_stride * self.patch

    @property
    def native_size(self) -> int:
        """Side in pixels of the square pictures that the network was trained on."""
        sample = self._network.config.sample_size
        return int(sample if isinstance(sample, int) else max(sample)) * self.latent_stride

    @property
    def latent_channels(self) -> int:
        """Channels ``c`` of the latents."""
        return self._autoencoder.channels

    @property
    def sigma_range(self) -> tuple[float, float]:
        """Lowest and highest noise level that the network was trained on."""
        return self._process.range

    def encode_image(self, image: Tensor) -> Tensor:
        """Return the latents (b, c, h, w) of an image (b, 3, H, W) in [0, 1].

        They are the posterior mean, scaled as the network wants it. Sides must divide by
        ``latent_stride``. Large images are encoded in tiles.
        """
        return self._autoencoder.encode(image)

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return the image (b, 3, H, W) in [0, 1] of latents (b, c, h, w)."""
        return self.decode_unclamped(latents).clamp(0, 1)

    def decode_unclamped(self, latents: Tensor) -> Tensor:
        """Return the same as the autoencoder gives it, a little below 0 and above 1 too."""
        self._check_latents(latents)
        return self._autoencoder.decode(latents)

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
        told = [self._process.time(level) for level in level_values(sigma)]
        z = z.to(self.device).float()
        per_row(sigma, z)  # raises before the network does
        times = torch.tensor(told, dtype=torch.float32, device=self.device).expand(len(z))
        with evaluating(self._network), explained_memory():
            x = self._process.seen(z, sigma).to(self.dtype)
            answer = self._ask(x, times, text).float()
        check_finite(answer, "network", model=self.name, dtype=x.dtype)
        return self._process.read(z, sigma, answer)

    def levels(
        self, steps: int, start: float = 1.0, *, cells: Cells | None = None
    ) -> tuple[float, ...]:
        """Return the levels of a walk of ``steps`` steps on ``cells`` of latents, descending.

        ``None`` are those of ``native_size``. Levels above ``start`` are left out, so
        ``levels(n, start=levels(n)[k]) == levels(n)[k:]``.
        """
        side = self.native_size // self.latent_stride
        rows, columns = cells or (side, side)
        tokens = (rows // self.patch) * (columns // self.patch)
        return self._process.levels(steps, start, tokens=tokens)

    def prior(self, noise: Tensor, sigma: float | None = None) -> Tensor:
        """Return pure noise as the network sees it at ``sigma``, by default its highest level."""
        level = self.sigma_range[1] if sigma is None else sigma
        return self._process.prior(noise.to(self.device).float(), level)

    def training_weight(self, sigma: float) -> float:
        """Return how much squared errors of the velocity count in training; see ``fitting``."""
        return self._process.training_weight(sigma)

    def _check_latents(self, latents: Tensor) -> None:
        if latents.ndim != 4 or latents.shape[1] != self.latent_channels:
            raise InvalidInputError(
                f"latents must be (b, {self.latent_channels}, h, w), got {tuple(latents.shape)}"
            )
        longest, largest = max(latents.shape[2:]) * self.latent_stride, self.card.sizes.largest
        if largest is not None and longest > largest:
            raise InvalidInputError(
                f"{self.name!r} takes sides of at most {largest} pixels, got {longest}"
            )
