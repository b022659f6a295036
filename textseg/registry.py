"""Names of models, and what each loads.

Other packages add theirs through the entry point group ``textseg.models``.
An entry point names a function ``load(*, device: str, dtype: str, local_files_only: bool) ->
DiffusionModel``.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from textseg.errors import InvalidInputError, ModelError, UnknownNameError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

    from textseg.diffusion.model import DiffusionModel

GROUP = "textseg.models"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Loader(Protocol):
    """Loads one registered model."""

    def __call__(self, *, device: str, dtype: str, local_files_only: bool) -> DiffusionModel:
        """Return the model on ``device`` in ``dtype``, both with "auto" as a possible value."""


@dataclass(frozen=True)
class ModelInfo:
    """A registered model, for listings: its name, what it is, and the package it comes from."""

    name: str
    description: str
    package: str


def models() -> list[ModelInfo]:
    """Return what is registered, by name. Loads nothing."""
    own = [ModelInfo(name, text, "textseg") for name, (text, _) in MODELS.items()]
    others = [
        ModelInfo(point.name, point.value, point.dist.name if point.dist else "")
        for point in _plugins()
    ]
    return sorted(own + others, key=lambda info: info.name)


def load_model(
    model: str | os.PathLike[str] | DiffusionPipeline | DiffusionModel,
    *,
    device: str = "auto",
    dtype: str = "auto",
    local_files_only: bool = False,
) -> DiffusionModel:
    """Return the model behind a name, a diffusers folder, a hub id or a loaded pipeline.

    ``device`` is "auto", "cpu", "cuda", "cuda:1", "mps"; ``dtype`` is "auto", "float32", "float16",
    "bfloat16". ``local_files_only`` keeps off the network. Registered models are loaded once for
    each device and dtype and then shared; a model that is one already comes back as it is. Raises
    ``UnknownNameError`` (with the known names), ``ModelError``, ``UnsupportedError``.
    """
    if not isinstance(model, str | os.PathLike):
        return _wrap(model, device=device, dtype=dtype)
    name = os.fspath(model)
    loader = _find(name)
    if loader is not None:
        return _cached(name, loader, device=device, dtype=dtype, local_files_only=local_files_only)
    from textseg.backends.diffusers_unet import load_unet_model

    source = os.path.expanduser(name)
    _check_is_source(source)
    return load_unet_model(source, device=device, dtype=dtype, local_files_only=local_files_only)


def _load_picturebook(*, device: str, dtype: str, local_files_only: bool) -> DiffusionModel:
    from textseg import picturebook
    from textseg.backends.diffusers_unet import load_unet_model

    return load_unet_model(
        picturebook.weights_folder(),
        device=device,
        dtype=dtype,
        local_files_only=True,
        name="picturebook",
        known_words=picturebook.known_words(),
    )


MODELS: Mapping[str, tuple[str, Loader]] = {
    "picturebook": (
        "small model that ships with the package: picture-book scenes, a closed vocabulary",
        _load_picturebook,
    ),
}

_CACHE: dict[tuple[str, str, str], DiffusionModel] = {}
_LOCK = threading.Lock()


def _cached(
    name: str, loader: Loader, *, device: str, dtype: str, local_files_only: bool
) -> DiffusionModel:
    key = (name, device, dtype)
    with _LOCK:  # held while loading, so that two threads never load the same weights twice
        if key not in _CACHE:
            _CACHE[key] = loader(device=device, dtype=dtype, local_files_only=local_files_only)
        return _CACHE[key]


def _plugins() -> list[EntryPoint]:
    return [point for point in entry_points(group=GROUP) if point.name not in MODELS]


def _find(name: str) -> Loader | None:
    if name in MODELS:
        return MODELS[name][1]
    point = next((point for point in _plugins() if point.name == name), None)
    if point is None:
        return None
    try:
        loader: Loader = point.load()
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"model {name!r} is registered as {point.value}, which cannot be imported: {error}",
            hint="update or remove the package that registers it",
        ) from error
    return loader


def _wrap(model: DiffusionPipeline | DiffusionModel, *, device: str, dtype: str) -> DiffusionModel:
    from diffusers import DiffusionPipeline

    from textseg.backends.diffusers_unet import wrap_pipeline
    from textseg.diffusion.model import DiffusionModel

    if isinstance(model, DiffusionPipeline):
        return wrap_pipeline(model, device=device, dtype=dtype)
    if not isinstance(model, DiffusionModel):
        raise InvalidInputError(
            "a model must be a name, a folder, a hub id or a loaded pipeline, "
            f"got {type(model).__name__}"
        )
    return model


def _check_is_source(name: str) -> None:
    """Raise when ``name`` can be neither an existing file or folder nor a hub id."""
    if Path(name).exists():
        return
    if _looks_like_path(name):
        raise ModelError(
            f"there is no model folder {name!r}",
            hint=f"check the path, or use a registered name ({', '.join(_names())}) or a hub id",
        )
    if not HUB_ID.fullmatch(name):
        raise UnknownNameError.among(
            "model",
            name,
            _names(),
            hint='or give a diffusers folder, or a hub id like "owner/name"',
        )


def _looks_like_path(name: str) -> bool:
    parts = Path(name).parts
    return (
        Path(name).is_absolute()
        or name.startswith(".")
        or name.endswith(("/", os.sep, ".safetensors", ".ckpt"))
        or len(parts) > 2
        or "\\" in name
    )


def _names() -> Iterable[str]:
    return [info.name for info in models()]
