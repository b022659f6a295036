"""What a folder or a hub id in diffusers format says that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textseg.backends.loading import explained_loading, remedy
from textseg.backends.places import INDEX_FILE, cached_folder
from textseg.backends.wrapping import class_of
from textseg.errors import InvalidInputError, ModelError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

Index = Mapping[str, Any]  # Any: JSON of others; parts are pairs of library and class
SINGLE_ENDINGS = (".safetensors", ".gguf", ".ckpt")
SHOWN = 3  # of those in a folder, in the error about it


def read_index(source: str, *, local_files_only: bool) -> Index:
    """Return the index of a folder or hub id; raises ``ModelError``."""
    from diffusers import DiffusionPipeline

    _check_is_folder(Path(source))
    where = source if Path(source).is_dir() else cached_folder(source) or source
    with explained_loading(source):
        index: Index = DiffusionPipeline.load_config(where, local_files_only=local_files_only)
    return index


def folder_around(path: Path) -> Path | None:
    """Return the folder of the model that a file is one of; None where it is no part of one."""
    return next((p for p in list(path.parents)[:2] if (p / INDEX_FILE).is_file()), None)


def _check_is_folder(path: Path) -> None:
    """Raise for what is there and no folder in diffusers format; what is not may be a hub id."""
    if path.is_file():
        raise InvalidInputError(
            f"{str(path)!r} is a single file, where a folder in diffusers format is needed"
        )
    if not path.is_dir() or (path / INDEX_FILE).is_file():
        return
    if not any(path.iterdir()):
        raise ModelError(f"the folder {str(path)!r} is empty", hint=remedy(str(path)))
    if (path.parent / INDEX_FILE).is_file():
        raise ModelError(
            f"the folder {str(path)!r} is a part of a model, which is given by the folder around "
            "it",
            hint=f"use {str(path.parent)!r}",
        )
    alone = sorted(file.name for end in SINGLE_ENDINGS for file in path.glob(f"*{end}"))
    raise ModelError(
        f"the folder {str(path)!r} has no {INDEX_FILE}"
        + (f", but single files: {', '.join(alone[:SHOWN])}" if alone else ""),
        hint=f"give one of them: {str(path / alone[0])!r}" if alone else remedy(str(path)),
    )


def index_of(pipeline: DiffusionPipeline) -> Index:
    """Return the index of a loaded pipeline, with the parts that it has now."""
    parts = {
        name: (None, class_of(part))
        for name, part in pipeline.components.items()
        if part is not None
    }
    missing = {name: None for name, part in pipeline.components.items() if part is None}
    return {**pipeline.config, **missing, **parts, "_class_name": type(pipeline).__name__}


def class_name(index: Index, part: str) -> str | None:
    """Return the class of a part, None where there is no such part."""
    entry = index.get(part)
    return entry[1] if isinstance(entry, list | tuple) and len(entry) == 2 else None
