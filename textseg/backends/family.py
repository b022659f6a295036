"""What a model family is to the registry: how its models are loaded, and made of pipelines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from textseg.diffusion.model import DiffusionModel

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


class Load(Protocol):
    """Loads a model from a folder or a hub id."""

    def __call__(
        self,
        source: str | os.PathLike[str],
        *,
        device: str,
        dtype: str,
        local_files_only: bool,
        name: str | None,
    ) -> DiffusionModel:
        """Return the model; "auto" is a device and a precision. See ``load_family``."""


class Wrap(Protocol):
    """Makes a model of a loaded pipeline."""

    def __call__(self, pipeline: DiffusionPipeline, *, device: str, dtype: str) -> DiffusionModel:
        """Return the model, which shares the pipeline's networks and changes nothing in it."""


@dataclass(frozen=True)
class Family:
    """How the models of a family are made."""

    load: Load
    wrap: Wrap
