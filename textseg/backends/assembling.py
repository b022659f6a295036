"""All parts of a model, from the folder and the file of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from textseg.backends.checkpoint import Checkpoint
from textseg.backends.distilled import scheduler_for
from textseg.backends.files import SingleFile
from textseg.backends.index import Index
from textseg.backends.loading import check_words
from textseg.backends.loras import add_loras
from textseg.backends.part_loading import load_part, load_scheduler
from textseg.backends.places import WORD_PARTS, CheckpointFiles, find_place
from textseg.backends.single_files import find_configs, load_lone_network, load_whole
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import SchedulerMixin


def load_parts_of(
    given: Checkpoint,
    kinds: Mapping[str, Any],  # Any: classes of diffusers and transformers
    index: Index,
    *,
    dtype: torch.dtype,
    local_files_only: bool,
) -> dict[str, Any]:  # Any: instances of them
    """Return the parts of a model by name, with its scheduler.

    Args:
        given: what they are loaded from.
        kinds: the class of each part.
        index: what the folder says that it holds.
        dtype: of all but an autoencoder that asks for float32.
        local_files_only: keeps off the network.

    Raises:
        ModelError: files are missing or broken.
        UnsupportedError: the file does not go with the folder.
    """
    file = given.file
    if file is not None and file.content == "whole":
        _check_base(file, kinds, given.folder)
        folder = find_configs(given.folder, kinds, local_files_only=local_files_only)
        place = CheckpointFiles(given.folder, folder, frozenset())
        loaded = load_whole(file, folder, kinds, dtype=dtype)
        for name in filter(_is_tokenizer, kinds):
            check_words(loaded[name], name, folder)
    else:
        replaced = () if file is None else (_replaced_part(file, kinds, given.folder),)
        read = [name for name in kinds if name not in replaced]
        place = find_place(given.folder, read, local_files_only=local_files_only)
        for name in read:
            if not _is_tokenizer(name):
                place.variant(name)  # raises before the slow part
        loaded = {
            name: load_part(
                name, kinds[name], place, dtype=dtype, local_files_only=local_files_only
            )
            for name in read
        }
        for name in replaced:
            assert file is not None
            loaded[name] = load_lone_network(
                kinds[name],
                file,
                place.where,
                part=name,
                dtype=dtype,
                local_files_only=local_files_only,
            )
    scheduler = _as_marked(load_scheduler(index, place, local_files_only), file)
    loaded["scheduler"] = scheduler_for(given.made_for, scheduler)
    if given.loras:
        add_loras(loaded, given.loras, index)
    return loaded


def _is_tokenizer(part: str) -> bool:
    return part.startswith(WORD_PARTS)


def _check_base(file: SingleFile, kinds: Mapping[str, Any], folder: str) -> None:
    encoders = sum(name.startswith("text_encoder") for name in kinds)
    if file.part not in kinds or encoders != file.encoders:
        raise UnsupportedError(
            f"{str(file.path)!r} is {file.what}, and {folder!r} is a model of another family",
            hint="pass as base a model of the same family, or leave it out",
        )


def _replaced_part(file: SingleFile, kinds: Mapping[str, Any], folder: str) -> str:
    """Return the part of a model that a network alone takes the place of."""
    networks = [name for name in ("transformer", "unet") if name in kinds]
    part = networks[0] if file.quantised else file.part
    if part not in networks:
        raise UnsupportedError(
            f"{str(file.path)!r} is {file.what}, and {folder!r} is a model with a {networks[0]}",
            hint="pass as base a model of the same family",
        )
    return part


def _as_marked(scheduler: SchedulerMixin, file: SingleFile | None) -> SchedulerMixin:
    """Return the scheduler with what the marks of a file say about its noise."""
    if file is None or not file.sampling:
        return scheduler
    found: Any = scheduler  # the base class declares nothing
    marked: SchedulerMixin = type(found).from_config(found.config, **file.sampling)
    return marked
