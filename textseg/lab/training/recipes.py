"""What a run of training depends on, and how it is told on the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from inspect import getdoc
from types import NoneType
from typing import Any, Literal, get_args, get_type_hints

from textseg.errors import InvalidInputError
from textseg.lab.training.denoiser import PredictionType
from textseg.lab.training.optimizing import Precision
from textseg.picturebook.worlds import World


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on.

    Attributes:
        side: of the pictures in pixels.
        scenes: how many training scenes are rendered.
        world: version of the world.
        share: how many of the scenes are of that version; the others are of version 1.
        autoencoder_channels: channels of the autoencoder's stages; its stride is 2 ** (stages - 1).
        latent_channels: channels of the latents.
        autoencoder_steps: training steps of the autoencoder.
        autoencoder_seconds: ends that training sooner; its learning rate then falls by the clock.
        autoencoder_batch: crops a step.
        autoencoder_rate: its peak learning rate; to train one further, less.
        crop: side of the crops in pixels.
        channels: channels of the denoiser's stages.
        heads: attention heads.
        text_width: width of the text encoder.
        steps: training steps of the denoiser.
        seconds: ends that training sooner; its learning rate then falls by the clock.
        halved: share of the batches of the denoiser that show the pictures at half their size.
        batch: pictures a step.
        rate: peak learning rate of the denoiser.
        prediction: what the denoiser is to predict.
        precision: in which a step computes; "auto" measures which is faster here.
        seed: of weights, order, noise and captions.
    """

    side: int = 128
    scenes: int = 65_536
    world: World = 1
    share: float = 1.0
    autoencoder_channels: tuple[int, ...] = (16, 32, 64, 64)
    latent_channels: int = 4
    autoencoder_steps: int = 1700
    autoencoder_seconds: float | None = None
    autoencoder_batch: int = 32
    autoencoder_rate: float = 2.5e-3
    crop: int = 64
    channels: tuple[int, ...] = (64, 96, 128)
    heads: int = 2
    text_width: int = 128
    steps: int = 6400
    seconds: float | None = None
    halved: float = 0.0
    batch: int = 64
    rate: float = 1.8e-3
    prediction: PredictionType = "v_prediction"
    precision: Precision | Literal["auto"] = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check what would fail hours later."""
        stride = 2 ** (len(self.autoencoder_channels) - 1)
        halvings = 2 ** (len(self.channels) - 1)
        needed = stride * halvings * (2 if self.halved else 1)
        if self.side % needed:
            raise InvalidInputError(
                f"pictures of {self.side} pixels do not go with an autoencoder of stride {stride} "
                f"and a denoiser of {len(self.channels)} stages",
                hint=f"take a side that divides by {needed}",
            )
        for name in ("share", "halved"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInputError(f"{name} lies from 0 to 1, got {getattr(self, name):g}")
        counts = ("side", "scenes", "autoencoder_steps", "autoencoder_batch", "steps", "batch")
        for name in (*counts, "crop", "heads", "text_width", "latent_channels"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is at least 1, got {getattr(self, name)}")

    @property
    def cells(self) -> int:
        """Latent cells along a side."""
        return int(self.side // 2 ** (len(self.autoencoder_channels) - 1))

    @property
    def corpus_suffix(self) -> str:
        """Ends the names of corpus and latents, so that one mix is not taken for another.

        Small ones of version 1 have none: the readers are trained on the same corpus.
        """
        side = "" if self.side == Recipe.side else f"-{self.side}"
        return side if self.world == 1 else f"{side}-world{self.world}-{self.share:g}"


LARGE = Recipe(
    side=256,
    scenes=100_000,
    world=2,
    share=0.5,
    autoencoder_steps=4500,
    autoencoder_batch=16,
    crop=128,
    channels=(32, 64, 128, 192),
    text_width=192,
    steps=7000,
    batch=128,
)
"""256 pixels in 32 x 32 cells, both versions of the world, 11 million weights."""
TINY = Recipe(
    side=64,
    scenes=24,
    autoencoder_channels=(8, 8, 8, 8),
    autoencoder_steps=4,
    autoencoder_batch=2,
    crop=32,
    channels=(16, 16, 16),
    text_width=16,
    steps=6,
    batch=2,
    precision="float32",
)
"""Runs through every stage in seconds; for tests."""
SIZES = {"small": Recipe(), "large": LARGE}
"""Name of a size -> its recipe."""


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the options that `told_recipe` reads: a size, and each field of `Recipe`.

    Their help is what the docstring of `Recipe` says of the fields.
    """
    parser.add_argument("--size", choices=SIZES, default="small", help="recipe to begin with")
    hints = get_type_hints(Recipe)
    about = dict(re.findall(r"^ {4}(\w+): (.*)$", getdoc(Recipe) or "", re.MULTILINE))
    for each in fields(Recipe):
        read, choices = _reader(hints[each.name])
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=read,
            choices=choices,
            default=argparse.SUPPRESS,
            help=about[each.name],
        )


def parse_recipe(told: argparse.Namespace) -> Recipe:
    """Return the recipe of the size, with the fields that were told.

    Raises:
        InvalidInputError: what was told does not go together.
    """
    names = {each.name for each in fields(Recipe)}
    return replace(SIZES[told.size], **{k: v for k, v in vars(told).items() if k in names})


def _reader(hint: Any) -> tuple[Any, Sequence[Any] | None]:  # Any: types and their values
    """Return what reads a field of this type, and the values that there are, if few."""
    parts = [part for part in get_args(hint) if part is not NoneType]
    if parts and parts[-1] is Ellipsis:
        return whole_numbers, None
    choices = [v for part in parts for v in (get_args(part) or (part,))]
    if choices and not isinstance(choices[0], type):
        return type(choices[0]), choices
    return (choices[0] if choices else hint), None


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return the whole numbers of "32,64,128"."""
    return tuple(int(number) for number in text.split(","))
