"""Segmentations as bytes that give them back whole; nothing in them is ever executed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from textseg.errors import InvalidInputError
from textseg.segmentation.competing import Standing
from textseg.segmentation.difference import RawMaps
from textseg.segmentation.export import npz_bytes
from textseg.segmentation.guide import CellGrid, GuideImage
from textseg.segmentation.mask import Mask
from textseg.segmentation.pixels import CellSpread, MaskPixels, soft_of
from textseg.segmentation.refine import RefineSettings
from textseg.segmentation.result import Segmentation
from textseg.segmentation.settings import SegmentSettings, Threshold

_FACTS, _STEPS, _LARGEST = "facts", "steps", "largest"
Arrays = dict[str, NDArray[Any]]  # Any: each has its own type
GUIDE_PIXELS = 1_000_000  # of every mask, before a card could say otherwise


@dataclass(frozen=True)
class Packed:
    """Arrays by name, and facts that JSON can hold."""

    arrays: Mapping[str, NDArray[Any]]  # Any: each has its own type
    facts: Mapping[str, Any]  # Any: JSON

    def to_bytes(self) -> bytes:
        """Return the content of a compressed NPZ file; the facts are an array of UTF-8."""
        text = np.frombuffer(json.dumps(self.facts, allow_nan=False).encode(), np.uint8)
        return npz_bytes({**self.arrays, _FACTS: text})

    @classmethod
    def of_bytes(cls, content: bytes) -> Packed:
        """Return what ``to_bytes`` packed.

        Raises:
            InvalidInputError: it did not.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
            return cls(arrays, json.loads(arrays.pop(_FACTS).tobytes()))
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            raise InvalidInputError("what was kept of a result cannot be read") from error


def segmentation_bytes(item: Segmentation) -> bytes:
    """Return a segmentation without its picture."""
    scalars = {
        part.name: getattr(item.raw, part.name)
        for part in fields(RawMaps)
        if not isinstance(getattr(item.raw, part.name), np.ndarray)
    }
    facts = {
        "raw": scalars,
        "presence": None if item.present is None else item.presence,  # JSON has no nan
        "present": item.present,
        "threshold": asdict(item.threshold),
        "settings": asdict(item.settings),
        "rivals": None if item.rivals is None else asdict(item.rivals),
        "seconds": item.seconds,
        "notes": item.notes,
    }
    arrays = {**_kept_pixels(item.pixels), **_kept_spread(item.pixels), **item.raw.arrays()}
    return Packed(arrays, facts).to_bytes()


def read_segmentation(content: bytes, rgb: NDArray[np.float32]) -> Segmentation:
    """Return the segmentation of a picture (H, W, 3) that ``segmentation_bytes`` kept.

    Raises:
        InvalidInputError: it did not, or of another picture.
    """
    packed = Packed.of_bytes(content)
    arrays, facts = dict(packed.arrays), packed.facts
    try:
        settings = _settings(facts["settings"])
        pixels = _pixels(arrays, rgb, settings.refine)
        if pixels.size != rgb.shape[:2]:
            raise InvalidInputError("the segmentation that was kept is of another picture")
        levels = tuple(facts["raw"]["levels"])
        parts: dict[str, Any] = {**arrays, **facts["raw"], "levels": levels}  # Any: field by field
        raw = RawMaps(**parts)
        return Segmentation(
            query=raw.query,
            pixels=pixels,
            presence=float("nan") if facts["present"] is None else facts["presence"],
            present=facts["present"],
            threshold=Threshold(**facts["threshold"]),
            settings=settings,
            raw=raw,
            rgb=rgb,
            rivals=Standing(**facts["rivals"]) if facts.get("rivals") else None,
            seconds=facts["seconds"],
            notes=tuple(facts["notes"]),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise InvalidInputError("what was kept of a segmentation is incomplete") from error


def _kept_pixels(pixels: MaskPixels) -> Arrays:
    """Return a mask as two planes of bytes, which pack sooner and better than what they make up."""
    planes = np.stack([pixels.steps >> 8, pixels.steps & 0xFF]).astype(np.uint8)
    return {_STEPS: planes, _LARGEST: np.asarray(pixels.largest)}


def _kept_spread(pixels: MaskPixels) -> Arrays:
    """Return what the spread is worked out from: cells are little, and few ever look at it."""
    found = pixels.find_spread
    if not isinstance(found, CellSpread):
        return {"spread": pixels.spread}
    return {
        "cells": found.soft,
        "cells_spread": found.of_cells(),
        "cells_across": np.asarray(found.image.grid.cells),
        "gate": np.asarray(found.gate),
    }


def _pixels(arrays: Arrays, rgb: NDArray[np.float32], settings: RefineSettings) -> MaskPixels:
    """Return mask and spread, whose arrays are taken out of ``arrays``."""
    if "spread" in arrays:
        find: Callable[[], NDArray[np.float32]] = partial(np.asarray, arrays.pop("spread"))
    else:
        cells, spread = arrays.pop("cells"), arrays.pop("cells_spread")
        height, width = map(float, arrays.pop("cells_across"))
        grid, gate = CellGrid(rgb.shape[:2], (height, width)), float(arrays.pop("gate"))
        image = GuideImage(rgb, grid)
        find = CellSpread(cells, partial(np.asarray, spread), image, settings, gate)
    if "soft" in arrays:  # as masks were kept once
        return MaskPixels.of(arrays.pop("soft"), find)
    return MaskPixels(*_steps(arrays), find)


def _steps(arrays: Arrays) -> tuple[NDArray[np.uint16], np.float32]:
    high, low = arrays.pop(_STEPS).astype(np.uint16)
    return high << 8 | low, np.float32(arrays.pop(_LARGEST))


def _settings(facts: Mapping[str, Any]) -> SegmentSettings:  # Any: JSON
    """Return settings that were kept; of those from before there were cards some are known."""
    refine = {"guide_pixels": GUIDE_PIXELS, **facts["refine"]}
    whole = json.dumps({**facts, "refine": refine})
    return TypeAdapter(SegmentSettings).validate_json(whole)


def mask_bytes(mask: Mask) -> bytes:
    """Return a mask without its picture."""
    pixels = MaskPixels.of(mask.soft, partial(np.zeros_like, mask.soft))
    exact = np.array_equal(pixels.soft, mask.soft)  # where it was not found, but moved or mixed
    arrays = _kept_pixels(pixels) if exact else {"soft": mask.soft}
    spared = {} if mask.spared is None else {"spared": mask.spared}
    facts = {"name": mask.name, "least_area": mask.least_area}
    return Packed({**arrays, **spared}, facts).to_bytes()


def read_mask(content: bytes, rgb: NDArray[np.float32]) -> Mask:
    """Return the mask of a picture (H, W, 3) that ``mask_bytes`` kept.

    Raises:
        InvalidInputError: it did not, or of another picture.
    """
    packed = Packed.of_bytes(content)
    parts: dict[str, Any] = {**packed.arrays, **packed.facts}  # Any: field by field
    try:
        if _STEPS in parts:
            parts["soft"] = soft_of(*_steps(parts))
        return Mask(rgb=rgb, **parts)
    except (KeyError, TypeError) as error:
        raise InvalidInputError("what was kept of a mask is incomplete") from error
