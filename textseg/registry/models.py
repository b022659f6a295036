"""Names of models, and what each loads.

Another package adds one through an entry point in the group ``textseg.models``: a function
``load(*, device: str, dtype: str, local_files_only: bool) -> DiffusionModel``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from textseg.errors import InvalidInputError
from textseg.registry.cached import check_cached
from textseg.registry.checkpoints import CHECKPOINTS
from textseg.registry.named import Names, Own, precision_name

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

    from textseg.diffusion.model import DiffusionModel

MODELS = Names(
    "model",
    "textseg.models",
    {
        "picturebook": Own(
            "textseg.picturebook.model:load_model",
            "small model that ships with the package: picture-book scenes, a closed vocabulary",
        )
    },
    source=f"checkpoints on the hub: {', '.join(CHECKPOINTS)}; or give a diffusers folder, a file, "
    'or a hub id like "owner/name"',
)


CARDLESS = "a model of your own needs a `card` as well, see textseg.diffusion.card"


class Loader(Protocol):
    """Loads one registered model."""

    def __call__(self, *, device: str, dtype: str, local_files_only: bool) -> DiffusionModel:
        """Return the model on ``device`` in ``dtype``; the latter may be "auto"."""


@dataclass(frozen=True)
class ModelInfo:
    """A registered model, for listings: its name, what it is, and the package it comes from."""

    name: str
    description: str
    package: str


def models() -> list[ModelInfo]:
    """Return what is registered, by name. Loads nothing."""
    about = {name: entry.description for name, entry in MODELS.own.items()}
    return [
        ModelInfo(point.name, about.get(point.name, point.value), MODELS.package_of(point))
        for point in MODELS.points()
    ]


def load_model(
    model: str | os.PathLike[str] | DiffusionPipeline | DiffusionModel,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    local_files_only: bool = False,
    base: str | os.PathLike[str] | None = None,
    lora: Sequence[str | os.PathLike[str]] = (),
) -> DiffusionModel:
    """Return the model behind a name, a diffusers folder, a hub id, a file or a loaded pipeline.

    ``device`` is "auto", "cpu", "cuda", "cuda:1", "mps"; ``dtype`` is "auto", "float32", "float16",
    "bfloat16"; those of torch will do as well. ``local_files_only`` keeps off the network. ``base``
    is the folder or hub id that a single file goes with, for the configs and vocabularies of a
    whole Stable Diffusion checkpoint, for all other parts of a transformer; ``None`` looks in the
    hub's cache. ``lora`` are files that are added to its weights, each perhaps with ":WEIGHT".
    Registered models are loaded once for each device and dtype and then shared; a model that is one
    already comes back as it is. Raises ``UnknownNameError`` (with the known names), ``ModelError``,
    ``UnsupportedError``.
    """
    device, dtype = str(device), precision_name(dtype)
    loras = [lora] if isinstance(lora, str | os.PathLike) else lora
    if not isinstance(model, str | os.PathLike):
        if base is not None or loras:
            raise InvalidInputError(
                "base and lora go with files, and the model is loaded already",
                hint="pipeline.load_lora_weights adds a LoRA to a pipeline",
            )
        return _wrap(model, device=device, dtype=dtype)
    name = os.fspath(model)
    loader: Loader | None = MODELS.find(name)
    if loader is not None:
        if base is not None or loras:
            raise InvalidInputError(f"base and lora go with files, and {name!r} is a name")
        found = MODELS.load_once(loader, name, device=device, dtype=dtype, offline=local_files_only)
        return cast("DiffusionModel", found)
    check_model(name, local_files_only=local_files_only)  # before torch is imported
    from textseg.backends.checkpoint import open_checkpoint
    from textseg.registry.families import load_family

    given = open_checkpoint(
        _source_of(name),
        base=None if base is None else os.path.expanduser(base),
        loras=[os.fspath(each) for each in loras],
        local_files_only=local_files_only,
    )
    return load_family(given, device=device, dtype=dtype, local_files_only=local_files_only)


def check_model(model: str, *, local_files_only: bool = False) -> None:
    """Raise what ``load_model`` does for a name that stands for nothing. Loads nothing.

    With ``local_files_only`` a hub id of which nothing is on this machine stands for nothing.
    """
    if model in MODELS.names():
        return
    source = _source_of(model)
    MODELS.check_source(source)
    if local_files_only and not os.path.exists(source):
        check_cached(source)


def _source_of(model: str) -> str:
    """Return the folder, file or hub id that a model is given by; see ``CHECKPOINTS``."""
    known = CHECKPOINTS.get(model)
    return os.path.expanduser(model) if known is None else known.repository


def _wrap(model: DiffusionPipeline | DiffusionModel, *, device: str, dtype: str) -> DiffusionModel:
    from diffusers import DiffusionPipeline

    from textseg.diffusion.model import is_model
    from textseg.registry.families import wrap_family

    if isinstance(model, DiffusionPipeline):
        return wrap_family(model, device=device, dtype=dtype)
    if not is_model(model):
        raise InvalidInputError(
            "a model must be a name, a folder, a hub id or a loaded pipeline, "
            f"got {type(model).__name__}",
            hint=CARDLESS if hasattr(model, "predict") and not hasattr(model, "card") else "",
        )
    return model
