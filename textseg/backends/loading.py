"""From a folder, a hub id or a loaded pipeline to the parts of a latent diffusion model.

Weights come from safetensors only, classes from diffusers and transformers only: nothing that a
checkpoint contains is ever executed. Whatever goes wrong becomes a ``ModelError`` that names the
remedy.
"""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from textseg.errors import (
    InvalidInputError,
    ModelError,
    OutOfMemoryError,
    TextsegError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DiffusionPipeline, SchedulerMixin, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SHOWN_WEIGHTS = 3  # of those that a checkpoint lacks, in the error about them
OUT_OF_MEMORY_PHRASES = ("out of memory", "can't allocate memory", "not enough memory")
INDEX_FILE = "model_index.json"
SINGLE_ENDINGS = (".safetensors", ".ckpt")
MODEL_FILES = (
    "model_index.json and safetensors weights for each part, as pipeline.save_pretrained(folder) "
    "writes them"
)
SINGLE_FILE = (
    "load it with StableDiffusionPipeline.from_single_file(file), for XL with "
    "StableDiffusionXLPipeline.from_single_file(file), and pass the pipeline as the model, or "
    "pipeline.save_pretrained(folder) and pass the folder"
)
FAMILIES = "Stable Diffusion 1.x, 2.x and XL text-to-image checkpoints in diffusers format"


@dataclass(frozen=True)
class Kind:
    """The classes that a part of a model may have; the first is the one it is loaded as."""

    library: str
    names: tuple[str, ...]

    def load_class(self) -> Any:  # Any: the classes share no base
        """Import the class."""
        return getattr(importlib.import_module(self.library), self.names[0])


TOKENIZER = Kind("transformers", ("CLIPTokenizer", "CLIPTokenizerFast"))
PARTS: Mapping[str, Kind] = {
    "vae": Kind("diffusers", ("AutoencoderKL",)),
    "unet": Kind("diffusers", ("UNet2DConditionModel",)),
    "text_encoder": Kind("transformers", ("CLIPTextModel",)),
    "tokenizer": TOKENIZER,
    "text_encoder_2": Kind("transformers", ("CLIPTextModelWithProjection",)),
    "tokenizer_2": TOKENIZER,
}
ONE_TEXT_ENCODER = ("vae", "unet", "text_encoder", "tokenizer")


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a model, on their device; XL models have two text encoders.

    ``empty_is_zero`` says that "no text" is an embedding of zeros instead of the embedded empty
    prompt.
    """

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text_encoders: tuple[CLIPTextModel | CLIPTextModelWithProjection, ...]
    tokenizers: tuple[CLIPTokenizer, ...]
    scheduler: SchedulerMixin
    empty_is_zero: bool
    device: torch.device


def load_parts(
    source: str | os.PathLike[str], *, device: str, dtype: str, local_files_only: bool
) -> Parts:
    """Load what is needed from a diffusers folder or a hub id, and nothing else.

    Raises ``ModelError`` for missing or broken files and ``UnsupportedError`` for other families.
    """
    where = str(source)
    target = choose_device(device)
    precision = choose_dtype(dtype, target)
    index = _read_index(where, local_files_only)
    names = _check_index(index, where)
    with explained_loading(where), explained_memory():
        loaded = {
            name: _load_part(name, where, dtype=precision, local_files_only=local_files_only)
            for name in names
        }
        scheduler = _load_scheduler(index, where, local_files_only)
        for name in names:
            if not name.startswith("tokenizer"):
                loaded[name] = loaded[name].to(target)
    return _assemble({**loaded, "scheduler": scheduler}, index, target)


def parts_of(pipeline: DiffusionPipeline) -> Parts:
    """Take the parts of a loaded pipeline where they are, without changing it.

    A half-precision autoencoder that asks for float32 is copied; everything else is shared.
    """
    components = pipeline.components
    index = {
        **pipeline.config,
        **{
            name: (None, type(part).__name__)
            for name, part in components.items()
            if part is not None
        },
    }
    _check_index(index, type(pipeline).__name__)
    vae = components["vae"]
    if vae.config.force_upcast and vae.dtype != torch.float32:
        vae = copy.deepcopy(vae).float()  # the XL autoencoder overflows in float16
    return _assemble({**components, "vae": vae}, index, pipeline._execution_device)


def _assemble(parts: Mapping[str, Any], index: Mapping[str, Any], device: torch.device) -> Parts:
    # Any: the parts are what their names say, which _check_index has checked
    _work_after_forks()
    pairs = [("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")]
    pairs = [pair for pair in pairs if parts.get(pair[0]) is not None]
    return Parts(
        vae=parts["vae"],
        unet=parts["unet"],
        text_encoders=tuple(parts[encoder] for encoder, _ in pairs),
        tokenizers=tuple(parts[tokenizer] for _, tokenizer in pairs),
        scheduler=parts["scheduler"],
        empty_is_zero=len(pairs) == 2 and bool(index.get("force_zeros_for_empty_prompt", True)),
        device=device,
    )


@cache
def _work_after_forks() -> None:
    """Let a process that is forked off from now on compute by one thread, as torch's own do.

    The threads that torch has started are not there in such a process, and it would wait for them
    without end.
    """
    if hasattr(os, "register_at_fork"):  # Windows forks nothing
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))


def choose_device(device: str) -> torch.device:
    """Return the device of that name; "auto" prefers cuda, then mps, then the processor."""
    if device == "auto":
        accelerators = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        return torch.device(next((name for name, there in accelerators.items() if there), "cpu"))
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:  # torch asserts when it was built without cuda
        raise InvalidInputError(
            f"device {device!r} cannot be used here: {_first_line(error)}",
            hint='use "auto" or "cpu"',
        ) from error
    return chosen


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the precision of that name; "auto" is float32 on a processor and float16 elsewhere."""
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    if dtype not in DTYPES:
        raise InvalidInputError(
            f"dtype {dtype!r} is not one that models are loaded in",
            hint=f"use one of: auto, {', '.join(DTYPES)}",
        )
    return DTYPES[dtype]


@contextmanager
def explained_memory() -> Iterator[None]:
    """Turn every library's way of running out of memory into ``OutOfMemoryError`` with advice."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if isinstance(error, TextsegError) or not (known or _speaks_of_memory(error)):
            raise
        raise OutOfMemoryError(
            f"not enough memory on the device: {_first_line(error)}",
            hint="lower batch_size, or use a smaller picture",
        ) from error


@contextmanager
def explained_loading(
    source: str, *, kind: str = "model", content: str = MODEL_FILES
) -> Iterator[None]:
    """Turn whatever the loading libraries raise into a ``ModelError`` that names the remedy.

    ``kind`` is what is loaded, ``content`` what its folder must hold.
    """
    try:
        yield
    except TextsegError:
        raise
    except Exception as error:  # files from anywhere, through four libraries: the kinds have no end
        if lookup := _failed_lookup(error):
            raise ModelError(
                f"the {kind} {source!r} is not on this machine, or not all of it, and "
                f"{_why_not_asked(lookup)}",
                hint="check the hub id and download it once where there is a network "
                f"(hf download {source}), or give the folder of a copy",
            ) from error
        raise ModelError(
            f"the {kind} {source!r} cannot be loaded: {_first_line(error)}",
            hint=remedy(source, content),
        ) from error


def _failed_lookup(error: BaseException | None) -> BaseException | None:
    """Return the error of a file that is not in the cache while the hub was not reached."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    while error is not None and not isinstance(error, LocalEntryNotFoundError):
        error = error.__cause__ or error.__context__  # the libraries above wrap it more than once
    return error


def _why_not_asked(lookup: BaseException) -> str:
    from huggingface_hub import is_offline_mode

    if is_offline_mode():
        return "the hub is not asked, because HF_HUB_OFFLINE is set"
    if lookup.__cause__ is None:  # nothing was tried
        return "the hub is not asked, because local_files_only is set"
    return "the hub cannot be reached: there is no network, or it does not answer"


def _read_index(source: str, local_files_only: bool) -> dict[str, Any]:  # Any: JSON of others
    from diffusers import DiffusionPipeline

    _check_is_folder(Path(source))
    with explained_loading(source):
        index: dict[str, Any] = DiffusionPipeline.load_config(
            source, local_files_only=local_files_only
        )
    return index


def _check_is_folder(path: Path) -> None:
    """Raise for what is there and no folder in diffusers format; what is not may be a hub id."""
    if path.is_file():
        folder = next((p for p in list(path.parents)[:2] if (p / INDEX_FILE).is_file()), None)
        if folder is not None:
            raise UnsupportedError(
                f"{str(path)!r} is one file of a model, and a model is given by its folder",
                hint=f"use {str(folder)!r}",
            )
        raise UnsupportedError(
            f"{str(path)!r} is a single file, and models are read from folders in diffusers format",
            hint=SINGLE_FILE,
        )
    if not path.is_dir() or (path / INDEX_FILE).is_file():
        return
    if not any(path.iterdir()):
        raise ModelError(f"the folder {str(path)!r} is empty", hint=remedy(str(path)))
    alone = sorted(file.name for end in SINGLE_ENDINGS for file in path.glob(f"*{end}"))
    raise ModelError(
        f"the folder {str(path)!r} has no {INDEX_FILE}"
        + (f", but the single file {alone[0]}" if alone else ""),
        hint=SINGLE_FILE if alone else remedy(str(path)),
    )


def _check_index(index: Mapping[str, Any], source: str) -> tuple[str, ...]:
    """Check the class of each part; return the names of the parts that hold weights or words."""
    two = _class_name(index, "text_encoder_2") or _class_name(index, "tokenizer_2")
    names = tuple(PARTS) if two else ONE_TEXT_ENCODER
    for name in names:
        found = _class_name(index, name)
        if found not in PARTS[name].names:
            raise UnsupportedError(
                f"the model {source!r} is not supported: {index.get('_class_name', 'it')} has "
                f"{found or 'nothing'} as {name}, where {PARTS[name].names[0]} is needed",
                hint=f"use one of: {FAMILIES}",
            )
    if not _class_name(index, "scheduler"):
        raise ModelError(f"the model {source!r} has no scheduler", hint=remedy(source))
    return names


def _class_name(index: Mapping[str, Any], part: str) -> str | None:
    entry = index.get(part)
    return entry[1] if isinstance(entry, list | tuple) and len(entry) == 2 else None


def _load_part(part: str, source: str, *, dtype: torch.dtype, local_files_only: bool) -> Any:
    # Any: one of the classes named in PARTS
    kind = PARTS[part].load_class()
    where = {"subfolder": part, "local_files_only": local_files_only}
    if part.startswith("tokenizer"):
        return _with_words(kind.from_pretrained(source, **where), part, source)
    if part == "vae" and kind.load_config(source, **where).get("force_upcast", True):
        dtype = torch.float32  # the XL autoencoder overflows in float16
    options: dict[str, Any] = {"dtype": dtype}  # Any: options of other libraries
    if PARTS[part].library == "diffusers":
        options = {"torch_dtype": dtype, "low_cpu_mem_usage": _has_accelerate()}
    return load_network(kind, source, {**where, **options}, part=f"{part} of the model")


def load_network(
    kind: Any, source: str, options: Mapping[str, Any], *, part: str, advice: str = ""
) -> Any:  # Any: a class of another library, what its from_pretrained takes, and its instance
    """Return a network, in evaluation mode, all of whose weights come from the checkpoint.

    What a checkpoint holds beyond them does no harm.

    Args:
        kind: the class, of diffusers or transformers.
        source: folder or hub id.
        options: further keywords of the class's ``from_pretrained``.
        part: what the network is called in errors.
        advice: what to do about incomplete weights, besides fetching them again.

    Raises:
        ModelError: weights are missing or have another shape; the message names some. The libraries
            would only warn, and put random numbers there.
    """
    with _undisturbed(), no_progress_bars():
        network, report = kind.from_pretrained(
            source,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are reported, all of them
            **options,
        )
    problem = _lacking(report["missing_keys"]) or _misshapen(report["mismatched_keys"])
    if problem:
        again = "download or convert the checkpoint again: its files are damaged or not of one kind"
        raise ModelError(
            f"the {part} {source!r} {problem}", hint=f"{again}; {advice}" if advice else again
        )
    return network.eval().requires_grad_(False)


def _lacking(missing: Iterable[str]) -> str:
    names = sorted(missing)
    return f"lacks {_counted(names)}: {_some(names)}" if names else ""


def _misshapen(mismatched: Iterable[tuple[str, Sequence[int], Sequence[int]]]) -> str:
    shapes = [
        f"{name} is {tuple(found)} instead of {tuple(wanted)}"
        for name, found, wanted in sorted(mismatched)
    ]
    return f"has {_counted(shapes)} of another shape: {_some(shapes)}" if shapes else ""


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} weight{'s' * (len(names) > 1)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN_WEIGHTS]) + (", ..." if len(names) > SHOWN_WEIGHTS else "")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Give torch's generator and default precision back, which building a network uses."""
    before = torch.get_default_dtype()  # diffusers forgets to restore it where a config is wrong
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_default_dtype(before)


def _with_words(tokenizer: CLIPTokenizer, part: str, source: str) -> CLIPTokenizer:
    # where the files are missing, transformers makes a tokenizer that knows its special tokens only
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise ModelError(
            f"the {part} of the model {source!r} has no vocabulary", hint=remedy(source)
        )
    return tokenizer


def _load_scheduler(
    index: Mapping[str, Any], source: str, local_files_only: bool
) -> SchedulerMixin:
    import diffusers

    name = _class_name(index, "scheduler") or ""
    kind: Any = getattr(diffusers, name, None)  # Any: the base class declares nothing
    known = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
    if not known:
        raise UnsupportedError(f"the scheduler {name!r} of {source!r} is not one of diffusers'")
    loaded: SchedulerMixin = kind.from_pretrained(
        source, subfolder="scheduler", local_files_only=local_files_only
    )
    return loaded


def _has_accelerate() -> bool:
    from diffusers.utils import is_accelerate_available

    return bool(is_accelerate_available())


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep the loading library from drawing bars; those of the caller show the progress."""
    from transformers.utils import logging

    if not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def _speaks_of_memory(error: BaseException) -> bool:
    return any(phrase in str(error).lower() for phrase in OUT_OF_MEMORY_PHRASES)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def remedy(source: str, content: str = MODEL_FILES) -> str:
    """Return what to do about a folder or hub id that cannot be loaded; see explained_loading."""
    folder = Path(source)
    if folder.is_dir():
        needs = f"the folder needs {content}"
        if any(_is_pickled(part) for part in (folder, *(folder / name for name in PARTS))):
            return (
                f"{needs}; its weights are in .bin files, which are not read because they can run "
                "code: load it with its own library where you trust it, and save it anew"
            )
        return needs
    return (
        "if it is a hub id, check its spelling, the network and that you may read it "
        "(hf auth login); if it is a folder, check the path, or download it and give the folder"
    )


def _is_pickled(folder: Path) -> bool:
    return any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors"))
