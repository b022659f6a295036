"""Segmentations as files: PNG masks of 8 and 16 bits, NPZ arrays, JSON facts."""

from __future__ import annotations

import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from textseg.files import write_files
from textseg.images import LARGE, QUICK, USUAL

LONGEST_STEM = 60  # characters of a query that go into file names
MOST_BYTES = 120  # that they may take up: a name has 255, and the picture's own is in it too
FILE_PIXELS = 2**21  # larger pictures are drawn smaller in files: people look at them on a screen
_PORTS = (f"{kind}{number}" for kind in ("com", "lpt") for number in range(10))
_NO_NAMES = {"", "con", "prn", "aux", "nul", *_PORTS}  # devices of Windows, whatever suffix follows
_SUFFIXES = ("_overlay.png", "_soft.png", "_mask.png", ".npz", ".json")


@dataclass(frozen=True)
class SavedFiles:
    """Where the parts of one segmentation lie.

    ``overlay`` is for people, and smaller than a picture of more than two megapixels; ``soft`` is
    16-bit grey, 65535 = 1.0; ``mask`` is 8-bit, 255 = inside; ``arrays`` holds the raw maps as
    float32, of a picture of at most ``textseg.images.LARGE`` pixels also soft mask and spread;
    ``facts`` everything else.
    """

    overlay: Path
    soft: Path
    mask: Path
    arrays: Path
    facts: Path

    @classmethod
    def at(cls, folder: Path, stem: str) -> SavedFiles:
        """Return the paths for a stem from ``stems``."""
        return cls(*(folder / f"{stem}{suffix}" for suffix in _SUFFIXES))


def save(
    folder: Path, contents: Mapping[str, Iterable[bytes]], *, force: bool = False
) -> list[SavedFiles]:
    """Write all segmentations or none; ``contents`` has the five files of each stem, in order."""
    write_files(folder, _named(contents), force=force)
    return [SavedFiles.at(folder, stem) for stem in contents]


def stems(queries: Iterable[str]) -> list[str]:
    """Return a file name stem for each query: its words in any script, told apart by numbers."""
    found: list[str] = []
    for query in queries:
        plain = unicodedata.normalize("NFKC", query).casefold()
        words = re.sub(r"[^\w]+", "-", plain).strip("-_")[:LONGEST_STEM]
        while len(words.encode()) > MOST_BYTES:
            words = words[:-1]
        stem = f"query-{words}".rstrip("-") if words in _NO_NAMES else words
        name, number = stem, 2
        while name in found:
            name, number = f"{stem}-{number}", number + 1
        found.append(name)
    return found


def file_scale(size: tuple[int, int]) -> float:
    """Return at which share of its sides a picture (H, W) is drawn for a file; 1 for most."""
    return min(1.0, math.sqrt(FILE_PIXELS / (size[0] * size[1])))


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:  # Any: each has its own type
    """Return the content of a compressed NPZ file; a large one is packed fast, not tight."""
    stream, most = io.BytesIO(), max(values.size for values in arrays.values())
    level = QUICK if most > LARGE else USUAL
    with ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=level) as packed:
        for name, values in arrays.items():
            with packed.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, values, allow_pickle=False)
    return stream.getvalue()


def json_bytes(facts: Mapping[str, object]) -> bytes:
    """Return the content of an indented UTF-8 JSON file; infinite numbers are refused."""
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _named(contents: Mapping[str, Iterable[bytes]]) -> Iterator[tuple[str, bytes]]:
    for stem, parts in contents.items():
        for suffix, part in zip(_SUFFIXES, parts, strict=True):
            yield f"{stem}{suffix}", part
