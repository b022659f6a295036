"""What methods share that fit something to a picture: their options, and the walk at the end.

The papers make a whole new picture from noise. Here that happens inside the mask, on the freshly
noised picture, as in Blended Latent Diffusion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from textseg.diffusion.fitting import ATTENTION
from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.diffusion.sampling import Step, walk
from textseg.diffusion.solvers import Denoiser
from textseg.editing.base import (
    Source,
    Walking,
    edit_levels,
    keep_background,
    noised_background,
    noised_start,
)

FitSteps = Annotated[int, Field(ge=0, le=10_000, description="steps of the fit to the picture")]
Rate = Annotated[float, Field(gt=0, le=1, description="learning rate of the fit")]
Weights = Annotated[
    Literal["all", "attention"],
    Field(description="weights that are fitted; attention: its keys and values, which take less"),
]
PATTERNS: Mapping[str, str] = {"all": "", "attention": ATTENTION}
"""Names of the parameters by what ``Weights`` calls them, as ``twin`` wants them."""


Subject = Annotated[
    str,
    Field(
        max_length=200,
        description="text for the examples, such as one with a rare word that the target prompt "
        "has too; empty: the target prompt",
    ),
]


def fingerprint(*tensors: Tensor) -> str:
    """Return what tells tensors from others, for the key of a fit."""
    found = hashlib.sha256()
    for each in tensors:
        found.update(str(tuple(each.shape)).encode())
        found.update(each.float().cpu().numpy().tobytes())
    return found.hexdigest()


def subject_text(model: DiffusionModel, source: Source, subject: str) -> Conditioning:
    """Return the text that examples are learned by, see ``Subject``."""
    return model.embed_text([subject]) if subject else source.target


def drawn_inside(
    model: DiffusionModel, method: Walking, source: Source, denoise: Denoiser
) -> Iterator[Step]:
    """Yield the steps of denoising from noise, with the picture put back outside the mask."""
    levels = edit_levels(model, method, source.latents)
    background = noised_background(model, source, levels)
    return walk(
        denoise,
        noised_start(model, method, source),
        levels,
        after=keep_background(source, levels, background),
    )
