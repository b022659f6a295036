"""Exact models and contract checks, for our tests and for those of plug-ins.

``GaussianModel`` is a text-conditioned diffusion model whose every answer has a closed form, so
that masks, presence and spread can be compared with the truth in milliseconds. ``check_model``
holds any model against the contract of ``DiffusionModel``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textseg.diffusion.card import CARD_FILE, ModelCard, Presence, Sizes, card_of, read_facts
from textseg.diffusion.model import (
    Cells,
    Conditioning,
    DiffusionModel,
    Levels,
    Prediction,
    decoding,
    level_values,
    per_row,
)
from textseg.diffusion.sampling import draw_noise
from textseg.diffusion.seeing import sees
from textseg.diffusion.vocabulary import unknown_note, unknown_words
from textseg.errors import InvalidInputError, UnknownNameError
from textseg.picturebook import weights_folder


@dataclass(frozen=True)
class GaussianThing:
    """Something that may be in a picture: its colour and the only place where it can be.

    ``colour`` is RGB in [0, 1], ``box`` is (top, left, bottom, right) as fractions of the sides.
    """

    colour: tuple[float, float, float]
    box: tuple[float, float, float, float]

    def region(self, height: int, width: int) -> Tensor:
        """Return the cells it covers, (height, width) bool."""
        top, left, bottom, right = self.box
        found = torch.zeros(height, width, dtype=torch.bool)
        rows = slice(round(top * height), round(bottom * height))
        found[rows, round(left * width) : round(right * width)] = True
        return found


THINGS: Mapping[str, GaussianThing] = {
    "tree": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.125, 0.625, 0.5)),
    "house": GaussianThing(colour=(0.8, 0.3, 0.2), box=(0.5, 0.625, 0.875, 0.875)),
}

AROUND = frozenset({"a", "an", "and", "the", "is", "in", "on", "at", "of", "there"})
"""Words that name nothing."""


def gaussian_card(
    *,
    native: int | None = None,
    largest: int | None = None,
    attempts: int = 1,
    presence: Presence | None = None,
) -> ModelCard:
    """Return the card of ``GaussianModel``: that of the embedded model, but for what is learned.

    Args:
        native: side of the pictures that it is to like best; None for any.
        largest: the longest side that it is to take; None for any.
        attempts: at an edit where nobody says how many.
        presence: how its statistics are read; None for what is fitted to nothing.
    """
    card = _embedded_card()
    soften = replace(card.masks.soften, attention=0.0, head=False)
    return replace(
        card,
        masks=replace(card.masks, soften=soften, words=None, head=None),
        name="gaussian",
        sizes=Sizes(native, largest, found="made up"),
        language=replace(card.language, captioner=None, found="the names of its things"),
        presence=presence or Presence(found="fitted to nothing"),
        attempts=replace(card.attempts, count=attempts, there=None, gone=None),
    )


@cache
def _embedded_card() -> ModelCard:
    path = weights_folder() / CARD_FILE
    return card_of(read_facts(path), usual=None, source=str(path))


@dataclass(frozen=True)
class GaussianModel:
    """A model of pictures whose posterior means are exact. It implements ``DiffusionModel``.

    Latents are pixels, averaged over blocks of ``latent_stride`` and scaled to [-1, 1]. Given a
    text, every cell is independent of the others: a thing that the text names is there for
    certain, one that it does not name with the probability ``rate``, and where nothing is the
    background shows; earlier things stand in front of later ones. The cell's colour is normal
    around the colour of what shows, with the standard deviation ``spread`` in latent units.

    With ``rate`` 0 every text is one Gaussian and differences do not depend on the noise; with
    ``rate`` > 0 the empty prompt is a mixture that knows of all things.
    """

    things: Mapping[str, GaussianThing] = field(default_factory=lambda: THINGS)
    background: tuple[float, float, float] = (0.6, 0.6, 0.5)
    spread: float = 0.1
    rate: float = 0.0
    latent_stride: int = 1
    size_multiple: int = 1
    name: str = "gaussian"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    latent_channels: int = 3
    sigma_range: tuple[float, float] = (0.0, 1.0)
    card: ModelCard = field(default_factory=lambda: gaussian_card())

    def __post_init__(self) -> None:
        """Write on the card which words it knows: names of things, and what stands around them."""
        words = tuple(sorted({*self.things, *AROUND}))
        language = replace(self.card.language, words=words)
        object.__setattr__(self, "card", replace(self.card, language=language))

    @property
    def known_words(self) -> frozenset[str]:
        """The words that it knows."""
        return frozenset(self.card.language.words or ())

    def encode_image(self, image: Tensor) -> Tensor:
        """Return the block means of an image (b, 3, H, W) in [0, 1], scaled to [-1, 1]."""
        return 2 * torch.nn.functional.avg_pool2d(image.float(), self.latent_stride) - 1

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return the image (b, 3, H, W) in [0, 1], each cell a block of one colour."""
        return self.decode_unclamped(latents).clamp(0, 1)

    def decode_unclamped(self, latents: Tensor) -> Tensor:
        """Return the same with the colours that lie outside [0, 1]."""
        image = latents.repeat_interleave(self.latent_stride, -1)
        return (image.repeat_interleave(self.latent_stride, -2) + 1) / 2

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return embeddings (n, 1, things): 1 for each thing whose name is a word of the prompt."""
        words = [prompt.lower().split() for prompt in prompts]
        named = [[float(name in line) for name in self.things] for line in words]
        unknown = tuple(unknown_words(prompt, self.known_words) for prompt in prompts)
        return Conditioning(
            prompts=tuple(prompts),
            embeddings=torch.tensor(named).reshape(len(prompts), 1, len(self.things)),
            notes=tuple(
                (unknown_note(line, self.known_words),) if line else () for line in unknown
            ),
            unknown=unknown,
        )

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        """Return the posterior means of x0 and eps given ``z`` (b, c, h, w) and the text."""
        if len(text) != len(z):
            raise InvalidInputError(f"{len(text)} prompts for {len(z)} rows of z")
        sigma = per_row(sigma, z[:, None])
        clean, variance = 1 - sigma, (1 - sigma) ** 2 * self.spread**2 + sigma**2
        away = z[:, None] - clean * self._means(z)  # (b, k, c, h, w)
        likelihood = -away.square().sum(2, keepdim=True) / (2 * variance)
        share = torch.softmax(likelihood + _log(self._weights(z, text))[:, :, None], dim=1)
        x0 = (share * (self._means(z) + clean * self.spread**2 / variance * away)).sum(1)
        eps = (share * (sigma / variance * away)).sum(1)
        return Prediction(x0=x0, eps=eps, velocity=eps - x0)

    def levels(
        self, steps: int, start: float = 1.0, *, cells: Cells | None = None
    ) -> tuple[float, ...]:
        """Return evenly spaced levels from 1 to 0, those above ``start`` left out."""
        return tuple(1 - k / steps for k in range(steps + 1) if 1 - k / steps <= start)

    def prior(self, noise: Tensor, sigma: float | None = None) -> Tensor:
        """Return the noise of ``sigma`` (1 by default); at 1 nothing else is left of z."""
        return noise * (1.0 if sigma is None else sigma)

    def log_density(self, x0: Tensor, text: Conditioning) -> Tensor:
        """Return log p(x0 | text) of every cell of x0 (b, c, h, w), in nats, as (b, h, w)."""
        away = x0[:, None] - self._means(x0)
        constant = -x0.shape[1] / 2 * np.log(2 * np.pi * self.spread**2)
        component = constant - away.square().sum(2) / (2 * self.spread**2)
        return torch.logsumexp(component + _log(self._weights(x0, text)), dim=1)

    def region(self, name: str, height: int, width: int) -> NDArray[np.bool_]:
        """Return where the named thing shows when all things are there, (height, width) bool."""
        if name not in self.things:
            raise UnknownNameError.among("thing", name, self.things)
        hidden = torch.zeros(height, width, dtype=torch.bool)
        for other in list(self.things)[: list(self.things).index(name)]:
            hidden |= self.things[other].region(height, width)
        return (self.things[name].region(height, width) & ~hidden).numpy()

    def picture(
        self, present: Sequence[str], height: int, width: int, *, seed: int
    ) -> NDArray[np.float32]:
        """Return a picture with these things, (height, width, 3) float32, drawn from the model.

        ``height`` and ``width`` are in pixels and whole multiples of the stride.
        """
        cells = (height // self.latent_stride, width // self.latent_stride)
        noise = draw_noise((1, 3, *cells), seed=seed)
        exactly = GaussianModel(things=self.things, background=self.background)
        shown = exactly._weights(noise, exactly.embed_text([" ".join(present)]))
        latents = (shown[:, :, None] * self._means(noise)).sum(1) + self.spread * noise
        image = self.decode_latents(latents)[0].permute(1, 2, 0)
        return np.ascontiguousarray(image.numpy(), dtype=np.float32)

    def _means(self, z: Tensor) -> Tensor:
        colours = [thing.colour for thing in self.things.values()] + [self.background]
        return 2 * z.new_tensor(colours)[None, :, :, None, None] - 1  # (1, k, c, 1, 1)

    def _weights(self, z: Tensor, text: Conditioning) -> Tensor:
        """Return how likely each thing, or last the background, shows in a cell: (b, k, h, w)."""
        chance = text.embeddings[:, 0] + (1 - text.embeddings[:, 0]) * self.rate  # (b, things)
        free = z.new_ones(len(text), *z.shape[-2:])
        weights = []
        for k, thing in enumerate(self.things.values()):
            here = chance[:, k, None, None] * thing.region(*z.shape[-2:]).to(z)
            weights.append(free * here)
            free = free * (1 - here)
        return torch.stack([*weights, free], dim=1)


def _log(weights: Tensor) -> Tensor:
    """Return the logarithm; what is impossible has no slope, where that of 0 is infinite."""
    possible = weights > 0
    return torch.where(possible, torch.where(possible, weights, 1.0).log(), -torch.inf)


def check_model(model: DiffusionModel, *, prompt: str = "a tree", tolerance: float = 1e-4) -> None:
    """Raise ``AssertionError`` where a model breaks the contract of ``DiffusionModel``.

    Looks at shapes, at the identity z == (1 - sigma) x0 + sigma eps at three levels and at two in
    one batch, at rows that must not see each other, at a question that is asked twice, at inputs
    and torch's generator, which must not change, at the levels, and at the card. A model that looks
    at pictures looks at one meanwhile. ``tolerance`` is absolute, for latents of unit scale.
    """
    _check_card(model)
    side = model.size_multiple * -(-32 // model.size_multiple)
    image = draw_noise((1, 3, side, 2 * side), seed=0).sigmoid()
    kept, drawn = image.clone(), torch.random.get_rng_state()
    latents = model.encode_image(image)
    cells = (side // model.latent_stride, 2 * side // model.latent_stride)
    _claim(torch.equal(image, kept), "encode_image changed its input")
    _claim(latents.shape == (1, model.latent_channels, *cells), "encode_image: wrong shape")
    decoded = model.decode_latents(latents)
    _claim(decoded.shape == image.shape, "decode_latents: wrong shape")
    again = decoding(model)(latents).clamp(0, 1)
    same = torch.allclose(again, decoded, rtol=tolerance, atol=tolerance)
    _claim(same, "decode_unclamped: another picture than that of decode_latents")
    model = model.beside(latents, image) if sees(model) else model
    blank = model.embed_text([model.card.language.blank])
    _claim(not blank.unknown[0], "the model does not know the words of its own blank text")
    text = model.embed_text(["", prompt])
    _claim(text.prompts == ("", prompt), "embed_text lost a prompt or changed their order")
    lowest, highest = model.sigma_range
    low, middle = 0.9 * lowest + 0.1 * highest, (lowest + highest) / 2
    first, second = (model.predict(latents, middle, text[1]).velocity for _ in range(2))
    same = torch.allclose(first, second, rtol=tolerance, atol=tolerance)
    _claim(same, "predict answers differently each time: is a network in training mode?")
    for sigma in (low, middle, highest, latents.new_tensor([highest, low])):
        _check_prediction(model, latents, sigma, text, tolerance)
    for size in (cells, None):
        _check_levels(model, size)
    _claim(torch.equal(torch.random.get_rng_state(), drawn), "torch's generator was drawn from")


def _check_levels(model: DiffusionModel, cells: Cells | None) -> None:
    levels = model.levels(8, cells=cells)
    _claim(list(levels) == sorted(levels, reverse=True), "levels do not descend")
    tail = model.levels(8, levels[3], cells=cells)
    _claim(tail == levels[3:], "levels(start) is not the tail of levels()")


def _check_card(model: DiffusionModel) -> None:
    card, (lowest, highest) = model.card, model.sigma_range
    _claim(isinstance(card, ModelCard), f"card is {type(card).__name__} instead of a ModelCard")
    for levels in (card.masks.levels, card.attempts.levels):
        low, high = levels.sigma_range
        _claim(max(low, lowest) < min(high, highest), "the card names levels beyond the model's")
    for side in (card.sizes.native, card.sizes.largest):
        _claim((side or 0) % model.size_multiple == 0, f"the card names a side of {side} pixels")


def _check_prediction(
    model: DiffusionModel, latents: Tensor, sigma: Levels, text: Conditioning, tolerance: float
) -> None:
    noise = draw_noise((2, *latents.shape[1:]), seed=1).to(latents)
    level = per_row(sigma, noise)
    z = (1 - level) * latents + level * noise
    found = model.predict(z, sigma, text)
    for part in (found.x0, found.eps, found.velocity):
        _claim(part.shape == z.shape, f"predict: shape {tuple(part.shape)} for z {tuple(z.shape)}")
        _claim(part.dtype == torch.float32, f"predict: {part.dtype} instead of float32")
    close = partial(torch.testing.assert_close, rtol=tolerance, atol=tolerance)
    close((1 - level) * found.x0 + level * found.eps, z)
    close(found.eps - found.x0, found.velocity)
    alone = model.predict(z[1:], level_values(sigma)[-1], text[1])
    close(alone.velocity, found.velocity[1:])


def _claim(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)
