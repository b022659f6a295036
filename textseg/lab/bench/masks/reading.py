"""Which layout a folder has, and whether all that is in it fits together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from textseg.errors import InvalidInputError
from textseg.images import open_picture, size_words
from textseg.lab.bench.editing.published import take_first
from textseg.lab.bench.masks.coco import read_coco
from textseg.lab.bench.masks.folders import (
    EDITING_MASK_LIST,
    read_editing_mask,
    read_imagenet_s,
    read_voc,
)
from textseg.lab.bench.masks.truth import LabelledPicture, MaskSet
from textseg.progress import Follow

LAYOUTS = (
    "JPEGImages/ and SegmentationClass/ (Pascal VOC), validation/ and validation-segmentation/ "
    f"(ImageNet-S), image/, mask/ and {EDITING_MASK_LIST} (Editing-Mask), or a JSON file of "
    "annotations (COCO), which can be named itself"
)


def read_mask_set(data: Path, *, names: Path | None, limit: int | None, follow: Follow) -> MaskSet:
    """Return the first pictures of a set, each of them looked at and found to fit its mask.

    Args:
        data: a folder of one of the `LAYOUTS`, or a JSON file of annotations.
        names: a file whose line i names class i, where masks have numbers; None for the layout's.
        limit: only the first pictures.
        follow: told of every picture that was looked at.

    Raises:
        InvalidInputError: nothing of the layouts, nothing in it, a missing or damaged file, a mask
            of another size than its picture, a category that has no name.
        Cancelled: as asked.
    """
    found = _read(data, None if names is None else _read_names(names))
    twice = [name for name, times in Counter(map(_plain, found.categories)).items() if times > 1]
    if twice:
        raise InvalidInputError(
            f"two categories are called {twice[0]!r}", hint="give each a name of its own"
        )
    first = take_first(found.pictures, limit)
    if not first:
        raise InvalidInputError(f"{data} has no picture with a mask", hint=f"expected: {LAYOUTS}")
    follow.report("checking", 0, len(first))
    for k, key in enumerate(first):
        _check(key, found.pictures[key])
        follow.report("checking", k + 1, len(first))
    return replace(found, pictures={key: found.pictures[key] for key in first})


def _read(data: Path, names: Sequence[str] | None) -> MaskSet:
    if (data / "SegmentationClass").is_dir():
        return read_voc(data, names)
    if (data / "validation-segmentation").is_dir():
        return read_imagenet_s(data, names)
    if names is not None:
        raise InvalidInputError("this data names its categories itself", hint="leave out --names")
    if (data / EDITING_MASK_LIST).is_file():
        return read_editing_mask(data)
    return read_coco(data if data.is_file() else _annotations_in(data))


def _annotations_in(data: Path) -> Path:
    if not data.is_dir():
        raise InvalidInputError(f"{data}: no such folder", hint=f"expected: {LAYOUTS}")
    found = sorted(data.glob("*.json")) or sorted(data.glob("annotations/*.json"))
    if not found:
        raise InvalidInputError(f"{data}: no layout that is known", hint=f"expected: {LAYOUTS}")
    if len(found) > 1:
        listed = ", ".join(path.name for path in found)
        raise InvalidInputError(
            f"{data} has several files of annotations: {listed}", hint="name one with --data"
        )
    return found[0]


def _read_names(path: Path) -> list[str]:
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{path}: cannot be read as names ({error})", hint="line i names class i"
        ) from None
    if not names or not all(names):
        raise InvalidInputError(f"{path}: a line is empty", hint="line i names class i")
    return names


def _plain(name: str) -> str:
    return " ".join(name.lower().split())


def _check(key: str, picture: LabelledPicture) -> None:
    size = open_picture(picture.path).size
    try:
        found = picture.read().counted.shape
    except InvalidInputError as error:
        raise InvalidInputError(f"{key}: {error.message}", hint=error.hint) from None
    if found != size:
        raise InvalidInputError(
            f"{key}: a mask of {size_words(found)} for a picture of {size_words(size)}",
            hint="they must have the same size; resize the mask with nearest pixels",
        )
