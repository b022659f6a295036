"""What every text-to-image model looks like from here, and what it answers.

One coordinate system for all of them: a noise level ``sigma`` in [0, 1] and the mix

    z = (1 - sigma) * x0 + sigma * eps            # sigma 0: clean, 1: pure noise
    velocity = eps - x0 = dz / dsigma

A variance-preserving model with x_t = a x0 + s eps is the same thing seen through z = x_t / (a + s)
and sigma = s / (a + s). A backend converts once, at its border.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeGuard, runtime_checkable

import torch
from torch import Tensor

from textseg.diffusion.card import ModelCard
from textseg.errors import InvalidInputError

Levels = float | Tensor  # one noise level for all b rows, or a tensor (b,) with one for each
Cells = tuple[int, int]  # rows and columns of latent cells


def cells_of(latents: Tensor) -> Cells:
    """Return the rows and columns of latents (b, c, h, w)."""
    rows, columns = latents.shape[-2:]
    return rows, columns


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

    Attributes:
        prompts: the n texts.
        embeddings: (n, tokens, ...).
        pooled: (n, dim) for the models that want one vector per prompt as well.
        mask: (n, tokens) bool, which tokens are there; None: all of them, padding too, where the
            model reads its padding.
        further: what else the model wants, by the name that its backend gives it, each (n, ...).
        notes: per prompt, remarks for people: which words are unknown, what was cut off.
        unknown: per prompt, the words that the model does not know, so that what it answers to them
            means nothing; where there are any, the first note says so. A model of an open
            vocabulary knows all words.
        words: per prompt and token, which word of ``prompt.split()`` the token belongs to, counted
            from 0; None: to none (begin, end, padding). An empty row: nobody can tell.
    """

    prompts: tuple[str, ...]
    embeddings: Tensor
    pooled: Tensor | None = None
    mask: Tensor | None = None
    further: Mapping[str, Tensor] = field(default_factory=dict)
    notes: tuple[tuple[str, ...], ...] = ()
    unknown: tuple[tuple[str, ...], ...] = ()
    words: tuple[tuple[int | None, ...], ...] = ()

    def __post_init__(self) -> None:
        """Fill in empty notes and words, and check that all fields speak of the same prompts."""
        for name in _PER_PROMPT:
            if not getattr(self, name):
                object.__setattr__(self, name, ((),) * len(self.prompts))
        fields = self._tensors() | {name: getattr(self, name) for name in _PER_PROMPT}
        for name, values in fields.items():
            if len(values) != len(self.prompts):
                raise InvalidInputError(
                    f"{len(self.prompts)} prompts do not go with {name} for {len(values)}"
                )
        self._check_tokens()
        for words, notes in zip(self.unknown, self.notes, strict=True):
            if words and not notes:
                raise InvalidInputError(
                    f"no note says that the model does not know {', '.join(words)}",
                    hint="make it the first one, see textseg.diffusion.vocabulary",
                )

    def _check_tokens(self) -> None:
        tokens = self.embeddings.shape[1]
        if self.mask is not None and self.mask.shape != (len(self), tokens):
            raise InvalidInputError(
                f"a mask {tuple(self.mask.shape)} does not go with {len(self)} prompts of "
                f"{tokens} tokens"
            )
        for row in self.words:
            if row and len(row) != tokens:
                raise InvalidInputError(f"words of {len(row)} tokens for embeddings of {tokens}")

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
        return _conditioning(
            {name: tensor[chosen] for name, tensor in self._tensors().items()},
            prompts=tuple(self.prompts[row] for row in rows),
            **{name: tuple(getattr(self, name)[row] for row in rows) for name in _PER_PROMPT},
        )

    def repeat_interleave(self, times: int) -> Conditioning:
        """Return each prompt ``times`` times in a row: a, a, b, b for ``times`` = 2."""
        return self[[row for row in range(len(self)) for _ in range(times)]]

    @staticmethod
    def cat(parts: Sequence[Conditioning]) -> Conditioning:
        """Return the batches of one model, one after another; at least one is needed.

        Prompts of fewer tokens are filled up with zeros that the mask leaves out; prompts without a
        mask must be of the same length, for their model would read what fills them up.
        """
        tensors = [part._tensors() for part in parts]
        if len({frozenset(each) for each in tensors}) > 1:
            raise InvalidInputError("these prompts were not read by the same model")
        lengths = {part.embeddings.shape[1] for part in parts}
        if len(lengths) > 1 and parts[0].mask is None:
            raise InvalidInputError(
                f"prompts of {' and '.join(map(str, sorted(lengths)))} tokens cannot be joined "
                "without a mask"
            )
        widened = [part._words_for(max(lengths)) for part in parts]
        return _conditioning(
            {name: _joined([each[name] for each in tensors]) for name in tensors[0]},
            prompts=tuple(prompt for part in parts for prompt in part.prompts),
            notes=tuple(note for part in parts for note in part.notes),
            unknown=tuple(words for part in parts for words in part.unknown),
            words=tuple(row for rows in widened for row in rows),
        )

    @property
    def nbytes(self) -> int:
        """Memory that the tensors take."""
        return sum(tensor.nbytes for tensor in self._tensors().values())

    def _tensors(self) -> dict[str, Tensor]:
        own = {name: getattr(self, name) for name in _OWN_TENSORS}
        return {name: tensor for name, tensor in own.items() if tensor is not None} | dict(
            self.further
        )

    def _words_for(self, tokens: int) -> list[tuple[int | None, ...]]:
        return [(*row, *(None,) * (tokens - len(row))) if row else () for row in self.words]


_PER_PROMPT = ("notes", "unknown", "words")
_OWN_TENSORS = ("embeddings", "pooled", "mask")


def _conditioning(tensors: Mapping[str, Tensor], **texts: Any) -> Conditioning:  # fields by name
    return Conditioning(
        embeddings=tensors["embeddings"],
        pooled=tensors.get("pooled"),
        mask=tensors.get("mask"),
        further={name: each for name, each in tensors.items() if name not in _OWN_TENSORS},
        **texts,
    )


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Return tensors (n, tokens, ...) one after another, filled up to the longest with zeros."""
    if parts[0].ndim < 2:
        return torch.cat(list(parts))
    longest = max(part.shape[1] for part in parts)
    return torch.cat(
        [
            torch.nn.functional.pad(part, [0, 0] * (part.ndim - 2) + [0, longest - part.shape[1]])
            for part in parts
        ]
    )


@runtime_checkable
class DiffusionModel(Protocol):
    """A frozen text-to-image model reduced to what segmentation and editing need.

    Keeps no state between calls. Everything it returns is float32 on ``device``. Where memory runs
    out it raises ``OutOfMemoryError``, whatever its libraries raise, and can be asked for less.

    Gradients pass through ``predict``, to ``z`` and to the embeddings of the text, and through
    ``decode_latents`` to the latents; no method turns them off or on.

    A model may be able to do more: ``Unclamped`` here, ``textseg.diffusion.layers.Attentive``,
    ``textseg.diffusion.twin.Refittable``. Where it answers with something else than velocities it
    tells their ``training_weight``, see ``textseg.diffusion.fitting``.
    """

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def card(self) -> ModelCard:
        """What it is used to: sizes, levels, guidance, words, and where those numbers come from."""

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
        """Return the image (b, 3, H, W) in [0, 1] of latents (b, c, h, w).

        No gradient comes from where it had to be clamped: see ``Unclamped``.
        """

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; "" is the model's own "no text"."""

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        """Return the estimates for ``z`` (b, c, h, w), with a prompt for each row.

        ``sigma`` is the noise level of all rows, or a tensor (b,) with that of each; a batch gives
        what its rows would give one by one.
        """

    def levels(
        self, steps: int, start: float = 1.0, *, cells: Cells | None = None
    ) -> tuple[float, ...]:
        """Return the noise levels of a walk of ``steps`` steps, descending to the model's end.

        ``cells`` is the size of the latents that are walked on: some models take larger steps where
        the picture is larger. ``None`` is the size that the model was made for. Levels above
        ``start`` are left out, so ``levels(n, start=levels(n)[k]) == levels(n)[k:]``.
        """

    def prior(self, noise: Tensor, sigma: float | None = None) -> Tensor:
        """Return pure noise as the model sees it at ``sigma``, by default its highest level."""


@runtime_checkable
class Unclamped(Protocol):
    """What a ``DiffusionModel`` has as well when a loss may ask for what is not clamped."""

    def decode_unclamped(self, latents: Tensor) -> Tensor:
        """Return what ``decode_latents`` clamps to [0, 1]: gradients come from everywhere."""


# From Python 3.12 on isinstance of a protocol passes over what ``__getattr__`` gives, and with it
# over what stands in for a model. So what a model has is asked of it by name.


def is_model(found: object) -> TypeGuard[DiffusionModel]:
    """Return whether something has all that a model has, its own or by standing in for one."""
    return all(hasattr(found, name) for name in vars(DiffusionModel) if not name.startswith("_"))


def decoding(model: DiffusionModel) -> Callable[[Tensor], Tensor]:
    """Return ``decode_unclamped`` of a model that has it, else ``decode_latents``."""
    found: Callable[[Tensor], Tensor] = getattr(model, "decode_unclamped", model.decode_latents)
    return found


def covered(model: DiffusionModel, sigma: float) -> float:
    """Return the level nearest to ``sigma`` that the network covers."""
    lowest, highest = model.sigma_range
    return min(max(sigma, lowest), highest)
