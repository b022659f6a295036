"""Networks from folders and hub ids, and devices and precisions by name.

Weights come from safetensors only: nothing that a checkpoint contains is ever executed. Whatever
goes wrong becomes a ``ModelError`` that names the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from textseg.errors import InvalidInputError, ModelError, OutOfMemoryError, TextsegError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SHOWN_WEIGHTS = 3  # of those that a checkpoint lacks, in the error about them
OUT_OF_MEMORY_PHRASES = ("out of memory", "can't allocate memory", "not enough memory")
_METHOD = re.compile(r'"quant_method":\s*"(\w+)"')  # in a config
MODEL_FILES = (
    "model_index.json and safetensors weights for each part, as pipeline.save_pretrained(folder) "
    "writes them"
)


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


def all_devices(device: str) -> list[str]:
    """Return every device here that a name stands for: all of a kind, unless one has a number."""
    chosen = str(choose_device(device))
    if chosen == "cuda":
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [chosen]


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
        damaged = _behind(error, SafetensorError)
        raise ModelError(
            f"the {kind} {source!r} cannot be loaded: {_first_line(error)}",
            hint="a file is damaged: download it again" if damaged else remedy(source, content),
        ) from error


def _failed_lookup(error: BaseException) -> BaseException | None:
    """Return the error of a file that is not in the cache while the hub was not reached."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    return _behind(error, LocalEntryNotFoundError)


def _behind(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Return the error of a kind that the libraries have wrapped, more than once perhaps."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _why_not_asked(lookup: BaseException) -> str:
    from huggingface_hub import is_offline_mode

    if is_offline_mode():
        return "the hub is not asked, because HF_HUB_OFFLINE is set"
    if lookup.__cause__ is None:  # nothing was tried
        return "the hub is not asked, because local_files_only is set"
    return "the hub cannot be reached: there is no network, or it does not answer"


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
    with undisturbed(), no_progress_bars():
        network, report = kind.from_pretrained(
            source,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are reported, all of them
            **options,
        )
    misshapen = report["mismatched_keys"]
    check_complete(f"{part} {source!r}", report["missing_keys"], misshapen, advice=advice)
    return network.eval().requires_grad_(False)


def check_complete(
    what: str,
    missing: Iterable[str],
    misshapen: Iterable[tuple[str, Sequence[int], Sequence[int]]] = (),
    *,
    advice: str = "",
) -> None:
    """Raise ``ModelError`` where weights are missing or have another shape than they should."""
    problem = _lacking(missing) or _misshapen(misshapen)
    if problem:
        again = "download or convert the checkpoint again: its files are damaged or not of one kind"
        raise ModelError(f"the {what} {problem}", hint=f"{again}; {advice}" if advice else again)


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
def undisturbed() -> Iterator[None]:
    """Give torch's generator and default precision back, which building a network uses."""
    before = torch.get_default_dtype()  # diffusers forgets to restore it where a config is wrong
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep the loading libraries from drawing bars; those of the caller show the progress."""
    import diffusers.utils.logging
    import transformers.utils.logging

    libraries = diffusers.utils.logging, transformers.utils.logging
    drawing = [library for library in libraries if library.is_progress_bar_enabled()]
    for library in drawing:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in drawing:
            library.enable_progress_bar()


def _speaks_of_memory(error: BaseException) -> bool:
    return any(phrase in str(error).lower() for phrase in OUT_OF_MEMORY_PHRASES)


def _first_line(error: BaseException) -> str:
    """Return how an error begins: its first line, and the next where that only announces it."""
    lines = str(error).strip().splitlines()
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1].strip()}"
    return lines[0] if lines else type(error).__name__


def check_words(
    tokenizer: Any, part: str, source: str, *, kind: str = "model", content: str = MODEL_FILES
) -> Any:  # Any: of any kind
    """Return a tokenizer; raises ``ModelError`` where it knows no words."""
    # where the files are missing, transformers makes a tokenizer that knows its special tokens only
    words = getattr(tokenizer, "tokenizer", tokenizer)  # of a processor, which reads pictures too
    if set(words.get_vocab()) <= set(words.all_special_tokens):
        raise ModelError(
            f"the {part} of the {kind} {source!r} has no vocabulary", hint=remedy(source, content)
        )
    return tokenizer


def remedy(source: str, content: str = MODEL_FILES) -> str:
    """Return what to do about what cannot be loaded; see ``explained_loading``."""
    folder = Path(source)
    if folder.is_file():
        return "it may be damaged, or made for another model: get it again, or another one"
    if folder.is_dir():
        if packed := _quantised(folder):
            return packed
        needs = f"the folder needs {content}"
        if any(_is_pickled(part) for part in (folder, *filter(Path.is_dir, folder.iterdir()))):
            return (
                f"{needs}; its weights are in .bin files, which are not read because they can run "
                "code: load it with its own library where you trust it, and save it anew"
            )
        return needs
    return (
        "if it is a hub id, check its spelling, the network and that you may read it "
        "(hf auth login); if it is a folder, check the path, or download it and give the folder"
    )


def _quantised(folder: Path) -> str:
    """Return what to do about a part whose config says that it is quantised; "": none does."""
    for config in sorted(folder.glob("*/config.json")):
        if found := _METHOD.search(config.read_text("utf-8", errors="replace")):
            return (
                f"its {config.parent.name} is quantised by {found[1]}: install that package, "
                "which may need a GPU, or use weights that are not quantised"
            )
    return ""


def _is_pickled(folder: Path) -> bool:
    return any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors"))
