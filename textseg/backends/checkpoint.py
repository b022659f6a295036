"""What a person gives as a model: a folder, a hub id or a file, and what goes with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textseg.backends.distilled import is_distilled
from textseg.backends.files import SingleFile, look_at, refuse
from textseg.backends.index import folder_around
from textseg.backends.loading import explained_loading
from textseg.backends.loras import Lora
from textseg.backends.places import cached_folder
from textseg.errors import InvalidInputError, ModelError, UnsupportedError

SMALL_FILES = ("*.json", "*.txt", "*.model")  # configs and vocabularies, a few MB


@dataclass(frozen=True)
class Checkpoint(os.PathLike[str]):
    """A model as it is given; a path with what is said about it.

    Attributes:
        folder: folder or hub id with the configs, the vocabularies and all weights that the file
            does not hold.
        file: what goes before the weights in the folder; None: nothing.
        loras: what is added to them.
    """

    folder: str
    file: SingleFile | None = None
    loras: tuple[Lora, ...] = ()

    def __fspath__(self) -> str:
        """Return the path beside which a card would lie."""
        return self.folder if self.file is None else str(self.file.path)

    def __str__(self) -> str:
        """Return what people call the model."""
        return " + ".join([self.__fspath__(), *(each.path.name for each in self.loras)])

    @property
    def made_for(self) -> str:
        """The name that says that the weights are for few steps, "" where none does."""
        names = [name for lora in self.loras for name in lora.names]
        if self.file is not None:
            names.append(self.file.path.name)
        return next(filter(is_distilled, names), "")

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know about it."""
        return tuple(each.note for each in self.loras if each.note)


def open_checkpoint(
    source: str, *, base: str | None, loras: Sequence[str], local_files_only: bool
) -> Checkpoint:
    """Return the checkpoint behind a folder, hub id or file.

    Args:
        source: folder, hub id or file.
        base: folder or hub id that a file goes with; ``None`` looks for it in the hub's cache, then
            fetches small files from the hub, where no more are needed.
        loras: files, each perhaps with ":WEIGHT" after it.
        local_files_only: keeps off the network.

    Raises:
        ModelError: what goes with a file is not there; the message says how to get it.
        UnsupportedError: the file is no model.
        InvalidInputError: ``base`` beside something that is no file.
    """
    path, added = Path(source), tuple(map(Lora.read, loras))
    if not path.is_file():
        if base is not None:
            raise InvalidInputError(
                f"base goes with a model that is a single file, and {source!r} is none",
                hint="leave it out",
            )
        return Checkpoint(source, None, added)
    folder = folder_around(path)
    if folder is not None and base is None:
        raise UnsupportedError(
            f"{source!r} is one file of a model, and a model is given by its folder",
            hint=f"use {str(folder)!r}",
        )
    file = look_at(path)
    if file.content not in ("whole", "network"):
        refuse(file)
    return Checkpoint(base or _find_base(file, local_files_only), file, added)


def fetch_small_files(repository: str) -> Path:
    """Return the folder of the hub's cache with configs and vocabularies, fetched if need be."""
    from huggingface_hub import snapshot_download

    with explained_loading(repository):
        return Path(snapshot_download(repository, allow_patterns=list(SMALL_FILES)))


def _find_base(file: SingleFile, local_files_only: bool) -> str:
    """Return the hub id of what goes with a file: one that is cached, or is small and fetched."""
    from huggingface_hub import is_offline_mode

    cached = next((name for name in file.repositories if cached_folder(name)), None)
    if cached is not None:
        return cached
    if file.content == "whole" and not (local_files_only or is_offline_mode()):
        fetch_small_files(file.repositories[0])
        return file.repositories[0]
    raise ModelError(f"{str(file.path)!r} is {file.what}, and {_lacks(file)}", hint=_way(file))


def _lacks(file: SingleFile) -> str:
    if file.content == "whole":
        return "such a file lacks the configs and vocabularies, which are not on this machine"
    return "the other parts of the model are not on this machine"


def _way(file: SingleFile) -> str:
    say = "pass base=FOLDER (--base FOLDER), a folder in diffusers format"
    if not file.repositories:
        return f"{say} of the same family"
    wanted = (
        " ".join(f"--include {pattern!r}" for pattern in SMALL_FILES)
        if file.content == "whole"
        else f"--exclude '{file.part}/*'"
    )
    return f"fetch them once, hf download {file.repositories[0]} {wanted}, or {say}"
