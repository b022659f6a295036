"""Short names for long contents: of pictures, of parts, of the weights of a model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from hashlib import file_digest, sha256
from pathlib import Path

DIGITS = 16  # hexadecimal; among a million, two are equal once in 30 million times
WEIGHTS = (".safetensors", ".gguf", ".ckpt", ".json", ".txt", ".model")
BLOBS = "blobs"  # of the hub's cache, where files are called by a digest of their content


def digest(parts: Iterable[bytes]) -> str:
    """Return a digest of contents, told from the same ones divided otherwise."""
    found = sha256()
    for part in parts:
        found.update(len(part).to_bytes(8))
        found.update(part)
    return found.hexdigest()[:DIGITS]


def fingerprint(model: str, *, base: str | None = None, lora: Sequence[str] = ()) -> str:
    """Return a digest of the names and contents of the files that a model is loaded from.

    A model of another package is known by its name alone.
    """
    sources = [model, *([] if base is None else [base]), *lora]
    return digest(part for source in sources for part in _contents(source))


def _contents(source: str) -> Iterator[bytes]:
    place = _place(source)
    if place is None:
        yield source.encode()
        return
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    for path in files:
        if path.is_file() and path.suffix.lower() in WEIGHTS:
            yield b"" if place.is_file() else path.relative_to(place).as_posix().encode()
            yield _content(path)


def _content(path: Path) -> bytes:
    real = path.resolve()
    if path.is_symlink() and real.parent.name == BLOBS:
        return real.name.encode()
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").digest()


def _place(source: str) -> Path | None:
    """Return the folder or file behind a model or a LoRA ("FILE:WEIGHT"); None: there is none."""
    from textseg.backends.places import cached_folder
    from textseg.picturebook import weights_folder
    from textseg.registry.checkpoints import CHECKPOINTS

    if source == "picturebook":
        return weights_folder()
    known = CHECKPOINTS.get(source)
    name = source if known is None else known.repository
    for each in (name, name.rpartition(":")[0]):
        path = Path(os.path.expanduser(each))
        if each and path.exists():
            return path
    return cached_folder(name)
