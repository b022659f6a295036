"""The parts of a model, one by one: networks, tokenizers and schedulers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from textseg.backends.index import Index, class_name
from textseg.backends.loading import check_words, load_network
from textseg.backends.places import WORD_PARTS, CheckpointFiles
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import SchedulerMixin


def load_part(
    part: str,
    kind: Any,  # Any: one of the classes of a family
    place: CheckpointFiles,
    *,
    dtype: torch.dtype,
    local_files_only: bool,
) -> Any:  # Any: an instance of it
    """Return a part of a model from its subfolder; raises what the libraries do."""
    where = {"subfolder": part, "local_files_only": local_files_only}
    if part.startswith(WORD_PARTS):
        return check_words(kind.from_pretrained(place.where, **where), part, place.source)
    if part == "vae":
        dtype = vae_precision(kind, place.where, dtype, local_files_only=local_files_only)
    options: dict[str, Any] = {"dtype": dtype, "variant": place.variant(part) or None}  # Any: as is
    if hasattr(kind, "load_config"):  # a network of diffusers, and no text encoder of its own
        options["torch_dtype"] = options.pop("dtype")
        options["low_cpu_mem_usage"] = has_accelerate()
    network = load_network(kind, place.where, {**where, **options}, part=f"{part} of the model")
    # without accelerate, diffusers keeps the precision of the files where they begin with a buffer
    return network if network.dtype == dtype else network.to(dtype)


def vae_precision(
    kind: Any,  # Any: a class of diffusers
    where: str,
    dtype: torch.dtype,
    *,
    local_files_only: bool = True,
) -> torch.dtype:
    """Return float32 where the config of an autoencoder asks for that, else ``dtype``."""
    config = kind.load_config(where, subfolder="vae", local_files_only=local_files_only)
    # the XL autoencoder overflows in float16
    return torch.float32 if config.get("force_upcast", True) else dtype


def load_scheduler(index: Index, place: CheckpointFiles, local_files_only: bool) -> SchedulerMixin:
    """Return the scheduler of a model; raises ``UnsupportedError`` unless it is diffusers'."""
    import diffusers

    name = class_name(index, "scheduler") or ""
    kind: Any = getattr(diffusers, name, None)  # Any: the base class declares nothing
    known = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
    if not known:
        raise UnsupportedError(
            f"the scheduler {name!r} of {place.source!r} is not one of diffusers'"
        )
    loaded: SchedulerMixin = kind.from_pretrained(
        place.where, subfolder="scheduler", local_files_only=local_files_only
    )
    return loaded


def has_accelerate() -> bool:
    """Return whether networks can be loaded without being made at random first."""
    from diffusers.utils import is_accelerate_available

    return bool(is_accelerate_available())
