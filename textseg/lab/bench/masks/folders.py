"""Folders of pictures with masks as PNG files: Pascal VOC, ImageNet-S and Editing-Mask."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from textseg.errors import InvalidInputError
from textseg.images import FORMATS, open_picture, opened
from textseg.lab.bench.masks.truth import LabelledPicture, Layout, MaskSet, Truth

VOC_CLASSES = tuple(
    "aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,dining table,dog,horse,motorbike,"
    "person,potted plant,sheep,sofa,train,tv monitor".split(",")
)
"""The classes of VOC 2012 in the order of their numbers, from 1, as words."""

VOC_IGNORED = 255
IMAGENET_S_IGNORED = 1000

EDITING_MASK_LIST = "Editing-Mask_list.txt"

SUFFIXES = tuple(s for known in FORMATS.values() for name in known for s in (name, name.upper()))

SHORT_NAME = 5  # last characters by which the authors' code calls pictures of ImageNet

Numbers = NDArray[np.int64]


def read_voc(data: Path, names: Sequence[str] | None) -> MaskSet:
    """Return the set of a folder such as `VOCdevkit/VOC2012`.

    Pictures are in `JPEGImages/`, masks in `SegmentationClass/`: PNG files of one channel, whose
    values are 0 for background, the number of a class from 1, and 255 for what nobody judged.
    Where there is `ImageSets/Segmentation/val.txt`, the pictures that it lists are taken.

    Args:
        data: the folder.
        names: the classes in the order of their numbers; None for `VOC_CLASSES`.

    Raises:
        InvalidInputError: there is no mask, or a picture is missing.
    """
    masks, chosen = data / "SegmentationClass", data / "ImageSets" / "Segmentation" / "val.txt"
    stems = chosen.read_text().split() if chosen.is_file() else _stems(masks, "*.png")
    classes = dict(enumerate(names or VOC_CLASSES, start=1))
    read = partial(_read_numbers, indices=_one_channel, classes=classes, ignored=VOC_IGNORED)
    return _mask_set(
        "voc",
        classes,
        {
            stem: LabelledPicture(
                _picture_of(data / "JPEGImages", stem), partial(read, masks / f"{stem}.png")
            )
            for stem in stems
        },
    )


def read_imagenet_s(data: Path, names: Sequence[str] | None) -> MaskSet:
    """Return the set of a folder such as `ImageNetS919` (arXiv:2106.03149, README of LUSSeg).

    Pictures are in `validation/<tag>/`, masks in `validation-segmentation/<tag>/`: PNG files of
    three channels with the number of a class as R + 256 G; 0 is anything else, 1000 what nobody
    judged. Class i has the i-th of the sorted ImageNet tags, counted from 1.

    Args:
        data: the folder.
        names: the classes in words, in that order.

    Raises:
        InvalidInputError: no names, no mask, or a picture is missing.
    """
    if names is None:
        raise InvalidInputError(
            "the masks of ImageNet-S have numbers only",
            hint="give the names with --names: a file whose line i is class i, in words",
        )
    masks = data / "validation-segmentation"
    classes = dict(enumerate(names, start=1))
    read = partial(
        _read_numbers, indices=_two_channels, classes=classes, ignored=IMAGENET_S_IGNORED
    )
    return _mask_set(
        "imagenet-s",
        classes,
        {
            stem: LabelledPicture(
                _picture_of(data / "validation", stem), partial(read, masks / f"{stem}.png")
            )
            for stem in _stems(masks, "*/*.png")
        },
    )


def read_editing_mask(data: Path) -> MaskSet:
    """Return the set of a folder such as `dataset/Editing-Mask` (arXiv:2401.07709).

    Pictures are in `image/`, masks in `mask/` under the same names (bright is in), and
    `Editing-Mask_list.txt` has a line for each: "number <> prompt <> phrase <> new phrase" for
    `number.jpg`, or "file <> phrase <> new phrase". The phrase is what is asked for. The list is
    as published; how the published masks are called was not seen.

    Raises:
        InvalidInputError: a line is not of this form, or a picture or mask is missing.
    """
    path = data / EDITING_MASK_LIST
    pictures: dict[str, LabelledPicture] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        parts = [part.strip() for part in line.split("<>")]
        if len(parts) not in (3, 4) or not all(parts):
            raise InvalidInputError(
                f"{path}, line {number}: {line[:60]!r}",
                hint='a line is "number <> prompt <> phrase <> new phrase", or without the prompt',
            )
        stem = parts[0] if len(parts) == 4 else Path(parts[0]).stem
        mask = _picture_of(data / "mask", stem, stem[-SHORT_NAME:])
        pictures[f"{number} {stem}"] = LabelledPicture(
            _picture_of(data / "image", stem), partial(_read_bright, mask, parts[-2])
        )
    return _mask_set("editing-mask", {}, pictures)


def _mask_set(
    layout: Layout, classes: Mapping[int, str], pictures: Mapping[str, LabelledPicture]
) -> MaskSet:
    listed = "\n".join([*classes.values(), *pictures])
    fingerprint = hashlib.sha256(listed.encode()).hexdigest()[:12]
    return MaskSet(layout, tuple(classes.values()), pictures, fingerprint)


def _stems(folder: Path, pattern: str) -> list[str]:
    found = [path.relative_to(folder).with_suffix("") for path in sorted(folder.glob(pattern))]
    return [stem.as_posix() for stem in found]


def _picture_of(folder: Path, *stems: str) -> Path:
    """Return the file of a picture under the first of the names that there is, in any format."""
    for stem in stems:
        for suffix in SUFFIXES:
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                return path
    raise InvalidInputError(
        f"{folder / stems[0]}.*: no such file", hint="the set names it: add it, or shorten the list"
    )


def _read_numbers(
    path: Path,
    *,
    indices: Callable[[Path], Numbers],
    classes: Mapping[int, str],
    ignored: int,
) -> Truth:
    """Return the masks of the classes that a file of numbers holds; 0 is none of them."""
    numbers = indices(path)
    there = set(np.unique(numbers).tolist()) - {0, ignored}
    if unknown := sorted(there - set(classes)):
        raise InvalidInputError(
            f"{path}: class {unknown[0]} has no name; there are {len(classes)}",
            hint="name the classes with --names: a file whose line i is class i",
        )
    return Truth(
        {classes[number]: numbers == number for number in sorted(there)}, numbers != ignored
    )


def _read_bright(path: Path, phrase: str) -> Truth:
    mask = open_picture(path).rgb.mean(2) > 0.5
    if not mask.any():
        raise InvalidInputError(f"{path}: the mask is empty", hint="bright pixels are in it")
    return Truth({phrase: mask}, np.ones(mask.shape, bool))


def _one_channel(path: Path) -> Numbers:
    return _pixels(path, ("P", "L"), "numbers of classes in one channel, with or without colours")


def _two_channels(path: Path) -> Numbers:
    pixels = _pixels(path, ("RGB",), "numbers of classes as R + 256 G")
    return pixels[..., 0] + 256 * pixels[..., 1]


def _pixels(path: Path, modes: Sequence[str], expected: str) -> Numbers:
    """Return the stored numbers (H, W) or (H, W, 3) of a PNG file, without its palette."""
    try:
        with path.open("rb") as stream:
            image: Image.Image = opened(stream, ("PNG",))
            if image.mode not in modes:
                raise InvalidInputError(
                    f"{path}: a mask of mode {image.mode}", hint=f"it must hold {expected}"
                )
            return np.asarray(image).astype(np.int64)
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: no such file", hint="each picture has a mask") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise InvalidInputError(f"{path}: not a PNG file that can be read ({error})") from None
