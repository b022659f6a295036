"""From a folder, a hub id or a loaded pipeline to the parts that a model is made of.

Classes come from diffusers and transformers only, and only those that a family names.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from textseg.backends.assembling import load_parts_of
from textseg.backends.checkpoint import Checkpoint
from textseg.backends.index import Index, class_name, index_of, read_index
from textseg.backends.loading import (
    choose_device,
    choose_dtype,
    explained_loading,
    explained_memory,
    remedy,
)
from textseg.backends.places import WORD_PARTS
from textseg.backends.wrapping import in_float32, refuse_pictures, remarks_on_pipeline
from textseg.diffusion.card import Precision, read_precision
from textseg.errors import InvalidInputError, ModelError, UnsupportedError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


@dataclass(frozen=True)
class Kind:
    """The classes that a part of a model may have.

    It is needed where the part ``needed_with`` is there, which may be itself; None: always.
    """

    library: str
    names: tuple[str, ...]
    needed_with: str | None = None

    def load_class(self, name: str) -> Any:  # Any: the classes share no base
        """Import the class of one of the names."""
        return getattr(importlib.import_module(self.library), name)


@dataclass(frozen=True)
class Kinds:
    """The parts of the models of a family.

    Attributes:
        title: what people call these models, in the plural.
        parts: name of a part -> what it may be; there is a scheduler besides.
        precision: what accelerators compute in where no card beside the weights says otherwise.
    """

    title: str
    parts: Mapping[str, Kind]
    precision: Precision


@dataclass(frozen=True, eq=False)
class Loaded:
    """The parts of a model by name, with its scheduler, on their device; and its index.

    ``notes`` are remarks for people on what they were loaded from.
    """

    parts: Mapping[str, Any]  # Any: of the classes that the family names
    index: Index
    device: torch.device
    notes: tuple[str, ...] = ()


def load_all(
    source: str | os.PathLike[str], kinds: Kinds, *, device: str, dtype: str, local_files_only: bool
) -> Loaded:
    """Load what is needed from a folder, a hub id or a ``Checkpoint``, and nothing else.

    Raises ``ModelError`` for missing or broken files and ``UnsupportedError`` for other families.
    """
    given = source if isinstance(source, Checkpoint) else Checkpoint(str(source))
    target = choose_device(device)
    if dtype == "auto" and target.type != "cpu":
        dtype = read_precision(Path(given), kinds.precision).accelerator
    precision = choose_dtype(dtype, target)
    index = read_index(given.folder, local_files_only=local_files_only)
    classes = _check_classes(index, str(given), kinds)
    with explained_loading(str(given)), explained_memory():
        loaded = load_parts_of(
            given,
            {name: kinds.parts[name].load_class(found) for name, found in classes.items()},
            index,
            dtype=precision,
            local_files_only=local_files_only,
        )
        for name in classes:
            if not name.startswith(WORD_PARTS):
                loaded[name] = loaded[name].to(target)
    _work_after_forks()
    return Loaded(loaded, index, target, given.notes)


def take_apart(pipeline: DiffusionPipeline, kinds: Kinds) -> Loaded:
    """Take the parts of a loaded pipeline where they are, without changing it.

    A half-precision autoencoder that asks for float32 is copied; everything else is shared. Raises
    ``UnsupportedError``.
    """
    components, index = pipeline.components, index_of(pipeline)
    classes = _check_classes(index, type(pipeline).__name__, kinds)
    found = {name: components[name] for name in (*classes, "scheduler")}
    refuse_pictures(found, type(pipeline).__name__)
    vae, device = found["vae"], pipeline._execution_device
    if vae.config.get("force_upcast") and vae.dtype != torch.float32:
        found["vae"] = in_float32(vae, device)  # the XL autoencoder overflows in float16
    _work_after_forks()
    return Loaded(found, index, device, remarks_on_pipeline(pipeline, classes))


def check_place(device: str, dtype: str, *, has: torch.device, in_dtype: torch.dtype) -> None:
    """Raise where a loaded pipeline is asked for on another device or in another precision."""
    has_device, has_dtype = str(has), str(in_dtype).removeprefix("torch.")
    if device not in ("auto", has_device, has.type) or dtype not in ("auto", has_dtype):
        raise InvalidInputError(
            f"device {device!r} and dtype {dtype!r} were asked for, and the pipeline is on "
            f"{has_device} in {has_dtype}",
            hint="move it with pipeline.to(device, dtype); a loaded pipeline is never changed here",
        )


def name_of(pipeline: DiffusionPipeline) -> str:
    """Return what people call a loaded pipeline: where it came from, else its class."""
    return str(getattr(pipeline, "name_or_path", "") or type(pipeline).__name__)


def _check_classes(index: Index, source: str, kinds: Kinds) -> Mapping[str, str]:
    """Return the class of each part that holds weights or words; raises for any other."""
    classes = {
        name: class_name(index, name) or "nothing"
        for name, kind in kinds.parts.items()
        if kind.needed_with is None or class_name(index, kind.needed_with)
    }
    for name, found in classes.items():
        if found not in kinds.parts[name].names:
            raise UnsupportedError(
                f"the model {source!r} is not supported: {index.get('_class_name', 'it')} has "
                f"{found} as {name}, where {kinds.parts[name].names[0]} is needed",
                hint=f"use one of: {kinds.title}",
            )
    if not class_name(index, "scheduler"):
        raise ModelError(f"the model {source!r} has no scheduler", hint=remedy(source))
    return classes


@cache
def _work_after_forks() -> None:
    """Let a process that is forked off from now on compute by one thread, as torch's own do.

    The threads that torch has started are not there in such a process, and it would wait for them
    without end.
    """
    if hasattr(os, "register_at_fork"):  # Windows forks nothing
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))
