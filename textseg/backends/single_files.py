"""Weights from a single file, with the configs of a folder in diffusers format.

diffusers converts the keys. It asks the hub for configs that it is not given, whatever it was told
about the network; so it is always given a folder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.modules.module import register_module_parameter_registration_hook

from textseg.backends.checkpoint import fetch_small_files
from textseg.backends.files import SingleFile
from textseg.backends.loading import check_complete, no_progress_bars, undisturbed
from textseg.backends.part_loading import vae_precision
from textseg.backends.places import WORD_PARTS, cached_folder
from textseg.backends.tokens import silence_libraries
from textseg.errors import MissingExtraError, ModelError


def find_configs(folder: str, parts: Iterable[str], *, local_files_only: bool) -> str:
    """Return the local folder with the small files of a folder or hub id; see ``SMALL_FILES``.

    They are fetched where the cache lacks any of them, unless ``local_files_only``.
    """
    if Path(folder).is_dir():
        return folder
    cached = cached_folder(folder)
    if cached is not None and (local_files_only or all(map(_has_configs(cached), parts))):
        return str(cached)
    return str(fetch_small_files(folder))


def load_whole(
    file: SingleFile,
    folder: str,
    parts: Mapping[str, Any],  # Any: classes of diffusers and transformers
    *,
    dtype: torch.dtype,
) -> dict[str, Any]:  # Any: as in Loaded
    """Return the parts, but for the scheduler, of a Stable Diffusion 1, 2 or XL checkpoint.

    Args:
        file: that holds their weights.
        folder: local, with their configs and vocabularies.
        parts: the classes, by name.
        dtype: of all but an autoencoder that asks for float32.

    Raises:
        ModelError: the file lacks weights.
    """
    import diffusers

    large = "text_encoder_2" in parts
    absent = {} if large else {"safety_checker": None, "feature_extractor": None}
    with silence_libraries():  # importing them tells what is not installed
        pipeline: Any = (  # Any: typed as private modules
            diffusers.StableDiffusionXLPipeline if large else diffusers.StableDiffusionPipeline
        )
    precision = {"unet": dtype, "vae": vae_precision(parts["vae"], folder, dtype)}
    options = {"config": folder, "local_files_only": True}
    with _given_completely(file), silence_libraries():
        networks = {
            name: parts[name].from_single_file(
                str(file.path),
                subfolder=name,
                torch_dtype=kept,
                low_cpu_mem_usage=False,  # accelerate fails in its own words where weights lack
                **options,
            )
            for name, kept in precision.items()
        }
        made = pipeline.from_single_file(
            str(file.path), torch_dtype=dtype, **networks, **absent, **options
        )
    found = {name: _ready(made.components[name]) for name in parts}
    _check_filled(file, found)
    return found


def load_lone_network(
    kind: Any,  # Any: a class of diffusers
    file: SingleFile,
    folder: str,
    *,
    part: str,
    dtype: torch.dtype,
    local_files_only: bool,
) -> Any:  # Any: an instance of it
    """Return the network in a file, quantised where the file is; ``folder`` has its config.

    Raises ``ModelError`` and ``MissingExtraError``.
    """
    options: dict[str, object] = {"low_cpu_mem_usage": False}
    if file.quantised:
        options = {"quantization_config": _gguf(dtype)}
    with _given_completely(file), silence_libraries(), _names_that_fit(file, part, folder):
        network = kind.from_single_file(
            str(file.path),
            config=folder,
            subfolder=part,
            torch_dtype=dtype,
            local_files_only=local_files_only,
            **options,
        )
    _check_filled(file, {part: network})
    return _ready(network)


def _gguf(dtype: torch.dtype) -> object:
    from diffusers.utils import is_accelerate_available, is_gguf_available

    if not (is_gguf_available() and is_accelerate_available()):
        raise MissingExtraError(
            "files in GGUF format are read by the packages gguf and accelerate, which are not "
            "installed",
            hint="pip install 'textseg[gguf]'",
        )
    from diffusers import GGUFQuantizationConfig

    return GGUFQuantizationConfig(compute_dtype=dtype)


def _has_configs(folder: Path) -> Any:  # Any: a predicate on names of parts
    def has(part: str) -> bool:
        name = "*" if part.startswith(WORD_PARTS) else "config.json"
        return any((folder / part).glob(name))

    return has


def _ready(part: Any) -> Any:  # Any: a network, or a tokenizer
    return part.eval().requires_grad_(False) if isinstance(part, Module) else part


@contextmanager
def _names_that_fit(file: SingleFile, part: str, folder: str) -> Iterator[None]:
    """Raise ``ModelError`` where the library looks for names of weights that are not there."""
    try:
        yield
    except LookupError as error:
        raise ModelError(
            f"the {_called(file)} has other weights than the {part} of {folder!r}",
            hint="give a base of the same family as the file",
        ) from error


@contextmanager
def _given_completely(file: SingleFile) -> Iterator[None]:
    """Raise ``ModelError`` where a network that is made here is not given all of its weights.

    The library would leave random numbers in their place.
    """
    missing: set[str] = set()
    watched: dict[int, Module] = {}
    handles, thread = [], threading.get_ident()

    def note(_: Module, keys: Any) -> None:  # Any: a private class of torch
        missing.update(keys.missing_keys)

    def watch(module: Module, _: str, __: Tensor | None) -> None:
        if id(module) not in watched and threading.get_ident() == thread:
            watched[id(module)] = module
            handles.append(module.register_load_state_dict_post_hook(note))

    handles.append(register_module_parameter_registration_hook(watch))
    try:
        with undisturbed(), no_progress_bars():
            yield
    finally:
        for handle in handles:
            handle.remove()
    check_complete(_called(file), missing)


def _check_filled(file: SingleFile, parts: Mapping[str, Any]) -> None:  # Any: as in Loaded
    """Raise ``ModelError`` where accelerate made a network of nothing, and nothing came."""
    networks = {name: part for name, part in parts.items() if isinstance(part, Module)}
    weights = (pair for part in networks.values() for pair in part.named_parameters())
    check_complete(_called(file), [name for name, weight in weights if weight.is_meta])


def _called(file: SingleFile) -> str:
    return f"single file {str(file.path)!r}"
