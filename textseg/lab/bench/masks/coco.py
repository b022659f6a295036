"""COCO's annotations: one JSON file with pictures, categories, and polygons or runs.

Several instances of a category are one mask. The pixels of a crowd region (`iscrowd`) count
nowhere, and whether a category is there that has nothing but a crowd is doubtful. Where instances
of two categories lie over one another, the pixels are of both; COCO-Object has one label there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from textseg.errors import InvalidInputError
from textseg.images import size_words
from textseg.lab.bench.editing.published import read_list, tell_first
from textseg.lab.bench.masks.runs import decode_runs, fill_polygons, unpack_runs
from textseg.lab.bench.masks.truth import LabelledPicture, MaskSet, Truth
from textseg.lab.bench.scores import Mask


class Runs(BaseModel):
    """A mask as runs down the columns, of a picture of (height, width)."""

    size: tuple[int, int]
    counts: list[int] | str


class Instance(BaseModel):
    """One entry of "annotations"; keys that are not used here are ignored."""

    id: int
    image_id: int
    category_id: int
    iscrowd: bool = False
    segmentation: list[list[float]] | Runs


class ListedPicture(BaseModel):
    """One entry of "images"."""

    id: int
    file_name: str
    height: int
    width: int


class Category(BaseModel):
    """One entry of "categories"."""

    id: int
    name: str


class Annotations(BaseModel):
    """The file."""

    images: list[ListedPicture] = Field(min_length=1)
    annotations: list[Instance]
    categories: list[Category] = Field(min_length=1)


def read_coco(path: Path) -> MaskSet:
    """Return the set of a file of annotations.

    Pictures lie in the file's folder (above it, when that is called "annotations"), or there in
    `images/` or in a folder that is called as the file is, such as `val2017/` for
    `instances_val2017.json`.

    Raises:
        InvalidInputError: the file is missing or not of this form, two pictures have one name, or
            an annotation is of a picture or a category that is not listed.
    """
    listed, fingerprint = _read_listed(path)
    names = {category.id: category.name for category in listed.categories}
    instances = _by_picture(listed, names, path)
    return MaskSet(
        layout="coco",
        categories=tuple(names.values()),
        pictures={
            picture.file_name: LabelledPicture(
                _picture_path(path, picture.file_name),
                partial(read_truth, picture, instances[picture.id], names),
            )
            for picture in listed.images
        },
        fingerprint=fingerprint,
    )


def read_truth(
    picture: ListedPicture, instances: Sequence[Instance], names: Mapping[int, str]
) -> Truth:
    """Return the masks of the instances of a picture, by the names of their categories.

    Raises:
        InvalidInputError: a polygon or runs are not of the format, or of another size.
    """
    size = (picture.height, picture.width)
    masks: defaultdict[str, Mask] = defaultdict(lambda: np.zeros(size, bool))
    crowds, doubtful = np.zeros(size, bool), set()
    for instance in instances:
        name, drawn = names[instance.category_id], _mask_of(instance, size)
        if instance.iscrowd:
            crowds |= drawn
            doubtful.add(name)
        else:
            masks[name] = masks[name] | drawn
    return Truth(dict(masks), ~crowds, frozenset(doubtful - set(masks)))


def _read_listed(path: Path) -> tuple[Annotations, str]:
    parsed, fingerprint = read_list(path, expected="a JSON file of annotations")
    try:
        listed = Annotations.model_validate(parsed)
    except ValidationError as error:
        raise InvalidInputError(
            f"{path}: {tell_first(error, whole='the file')}",
            hint="it is an object with images, annotations (with segmentation) and categories",
        ) from None
    twice = Counter(picture.file_name for picture in listed.images).most_common(1)
    if twice[0][1] > 1:
        raise InvalidInputError(
            f"{path}: two pictures are called {twice[0][0]!r}", hint="list each of them once"
        )
    return listed, fingerprint


def _by_picture(
    listed: Annotations, names: Mapping[int, str], path: Path
) -> defaultdict[int, list[Instance]]:
    known = {picture.id for picture in listed.images}
    found: defaultdict[int, list[Instance]] = defaultdict(list)
    for instance in listed.annotations:
        strange = (
            f"category {instance.category_id}"
            if instance.category_id not in names
            else f"picture {instance.image_id}"
            if instance.image_id not in known
            else ""
        )
        if strange:
            raise InvalidInputError(
                f"{path}: annotation {instance.id} is of {strange}, which is not listed",
                hint="complete the lists of images and categories, or remove it",
            )
        found[instance.image_id].append(instance)
    return found


def _mask_of(instance: Instance, size: tuple[int, int]) -> Mask:
    drawn = instance.segmentation
    try:
        if isinstance(drawn, list):
            return fill_polygons(_some(drawn), size)
        if drawn.size != size:
            raise InvalidInputError(f"runs of {size_words(drawn.size)} for {size_words(size)}")
        counts = unpack_runs(drawn.counts) if isinstance(drawn.counts, str) else drawn.counts
        return decode_runs(counts, size)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"annotation {instance.id}: {error.message}", hint=error.hint
        ) from None


def _some(polygons: list[list[float]]) -> list[list[float]]:
    if not polygons:
        raise InvalidInputError("it has no polygon", hint="boxes alone cannot be measured")
    return polygons


def _picture_path(path: Path, name: str) -> Path:
    home = path.parent.parent if path.parent.name == "annotations" else path.parent
    folders = (home, home / "images", home / path.stem.removeprefix("instances_"))
    found = [folder / name for folder in folders if (folder / name).is_file()]
    return found[0] if found else folders[1] / name
