"""What every text-to-image model looks like from here, and what it answers.

One coordinate system for all of them: a noise level ``sigma`` in [0, 1] and the mix

    z = (1 - sigma) * x0 + sigma * eps            # sigma 0: clean, 1: pure noise
    velocity = eps - x0 = dz / dsigma

A variance-preserving model with x_t = a x0 + s eps is the same thing seen through z = x_t / (a + s)
and sigma = s / (a + s). A backend converts once, at its border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from textseg.errors import InvalidInputError

Levels = float | Tensor  # one noise level for all b rows, or a tensor (b,) with one for each


def level_values(sigma: Levels) -> list[float]:
    """Return the levels as numbers: one for each row, or a single one that serves all rows."""
    return sigma.flatten().tolist() if isinstance(sigma, Tensor) else [sigma]


def per_row(sigma: Levels, z: Tensor) -> Levels:
    """Return the levels such that they broadcast over the rows of ``z`` (b, ...).

    Raises ``InvalidInputError`` for a tensor that does not have exactly one level for each row.
    """
    if not isinstance(sigma, Tensor):
        return sigma
    if sigma.shape != z.shape[:1]:
        raise InvalidInputError(
            f"levels of shape {tuple(sigma.shape)} do not go with {len(z)} rows of z; "
            f"pass a float for all of them or a tensor ({len(z)},)"
        )
    return sigma.to(z).reshape(-1, *[1] * (z.ndim - 1))


@dataclass(frozen=True)
class Prediction:
    """A model's estimate in three equivalent forms, (b, c, h, w) float32.

    The forms belong together: ``z == (1 - sigma) * x0 + sigma * eps`` for the ``z`` and the noise
    levels that were asked about, one for all rows or one for each.
    """

    x0: Tensor
    eps: Tensor
    velocity: Tensor

    @classmethod
    def from_x0(cls, z: Tensor, sigma: Levels, x0: Tensor) -> Self:
        """Return the three forms of an estimate of the clean latents; needs ``sigma`` > 0."""
        if (lowest := min(level_values(sigma))) <= 0:
            raise InvalidInputError(f"clean latents say nothing about the noise at sigma {lowest}")
        velocity = (z - x0) / per_row(sigma, z)
        return cls(x0=x0, eps=x0 + velocity, velocity=velocity)

    @classmethod
    def from_eps(cls, z: Tensor, sigma: Levels, eps: Tensor) -> Self:
        """Return the three forms of an estimate of the noise; needs ``sigma`` < 1."""
        if (highest := max(level_values(sigma))) >= 1:
            raise InvalidInputError(
                f"noise says nothing about the clean latents at sigma {highest}"
            )
        velocity = (eps - z) / (1 - per_row(sigma, z))
        return cls(x0=eps - velocity, eps=eps, velocity=velocity)

    @classmethod
    def from_velocity(cls, z: Tensor, sigma: Levels, velocity: Tensor) -> Self:
        """Return the three forms of an estimate of dz / dsigma; well-behaved at every level."""
        sigma = per_row(sigma, z)
        return cls(x0=z - sigma * velocity, eps=z + (1 - sigma) * velocity, velocity=velocity)


@dataclass(frozen=True)
class Conditioning:
    """What a model made of ``n`` prompts; a batch that can be indexed, repeated and joined.

    ``embeddings`` is (n, tokens, dim); ``pooled`` is (n, dim) for the models that want one vector
    per prompt as well, else ``None``. ``notes`` holds, per prompt, remarks for people: which words
    are unknown, what was cut off. ``unknown`` holds, per prompt, the words that the model does not
    know, so that what it answers to them means nothing; where there are any, the first note says
    so. A model of an open vocabulary knows all words.
    """

    prompts: tuple[str, ...]
    embeddings: Tensor
    pooled: Tensor | None = None
    notes: tuple[tuple[str, ...], ...] = ()
    unknown: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        """Fill in empty notes and words, and check that all fields speak of the same prompts."""
        for name in ("notes", "unknown"):
            if not getattr(self, name):
                object.__setattr__(self, name, ((),) * len(self.prompts))
        counts = {len(self.prompts), len(self.embeddings), len(self.notes), len(self.unknown)}
        if self.pooled is not None:
            counts.add(len(self.pooled))
        if len(counts) > 1:
            raise InvalidInputError(
                f"{len(self.prompts)} prompts do not go with embeddings for "
                f"{len(self.embeddings)}, notes for {len(self.notes)} and unknown words for "
                f"{len(self.unknown)}"
            )
        for words, notes in zip(self.unknown, self.notes, strict=True):
            if words and not notes:
                raise InvalidInputError(
                    f"no note says that the model does not know {', '.join(words)}",
                    hint="make it the first one, see textseg.diffusion.vocabulary",
                )

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(self.prompts)

    def __getitem__(self, index: int | slice | Sequence[int]) -> Conditioning:
        """Return the chosen prompts, always as a batch (an ``int`` gives a batch of one)."""
        if isinstance(index, int):
            index = [index]
        rows = range(len(self))[index] if isinstance(index, slice) else index
        chosen = torch.tensor([range(len(self))[row] for row in rows], dtype=torch.long)
        chosen = chosen.to(self.embeddings.device)
        return Conditioning(
            prompts=tuple(self.prompts[row] for row in rows),
            embeddings=self.embeddings[chosen],
            pooled=None if self.pooled is None else self.pooled[chosen],
            notes=tuple(self.notes[row] for row in rows),
            unknown=tuple(self.unknown[row] for row in rows),
        )

    def repeat_interleave(self, times: int) -> Conditioning:
        """Return each prompt ``times`` times in a row: a, a, b, b for ``times`` = 2."""
        return self[[row for row in range(len(self)) for _ in range(times)]]

    @staticmethod
    def cat(parts: Sequence[Conditioning]) -> Conditioning:
        """Return the batches of one model, one after another; at least one is needed."""
        pooled = [part.pooled for part in parts if part.pooled is not None]
        return Conditioning(
            prompts=tuple(prompt for part in parts for prompt in part.prompts),
            embeddings=torch.cat([part.embeddings for part in parts]),
            pooled=torch.cat(pooled) if pooled else None,
            notes=tuple(note for part in parts for note in part.notes),
            unknown=tuple(words for part in parts for words in part.unknown),
        )


@runtime_checkable
class DiffusionModel(Protocol):
    """A frozen text-to-image model reduced to what segmentation and editing need.

    Keeps no state between calls. Everything it returns is float32 on ``device``. Where memory runs
    out it raises ``OutOfMemoryError``, whatever its libraries raise, and can be asked for less.
    """

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def device(self) -> torch.device:
        """Where it computes, and where what it returns lies."""

    @property
    def latent_stride(self) -> int:
        """Image pixels per latent cell, along each side."""

    @property
    def size_multiple(self) -> int:
        """Image sides must divide by this; a multiple of ``latent_stride``."""

    @property
    def latent_channels(self) -> int:
        """Channels ``c`` of the latents."""

    @property
    def sigma_range(self) -> tuple[float, float]:
        """Lowest and highest noise level that the network covers."""

    def encode_image(self, image: Tensor) -> Tensor:
        """Return the latents (b, c, h, w) of an image (b, 3, H, W) in [0, 1].

        They are the posterior mean, scaled.
        """

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return the image (b, 3, H, W) in [0, 1] of latents (b, c, h, w)."""

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; "" is the model's own "no text"."""

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        """Return the estimates for ``z`` (b, c, h, w), with a prompt for each row.

        ``sigma`` is the noise level of all rows, or a tensor (b,) with that of each; a batch gives
        what its rows would give one by one.
        """

    def levels(self, steps: int, start: float = 1.0) -> tuple[float, ...]:
        """Return the noise levels of a walk of ``steps`` steps, descending to the model's end.

        Levels above ``start`` are left out, so ``levels(n, start=levels(n)[k]) == levels(n)[k:]``.
        """

    def prior(self, noise: Tensor, sigma: float | None = None) -> Tensor:
        """Return pure noise as the model sees it at ``sigma``, by default its highest level."""
