"""A small learned head: which cells a query covers, told from all that was counted about them.

A logistic function of 32 numbers a cell, of the maps themselves and of what lies around, in place
of a threshold on one map. It is fitted to one model's weights and stands on its card; the target is
how much of a cell the thing covers, so that 0.5 needs no threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special
from skimage import filters

from textseg.diffusion.card import CellHead
from textseg.errors import InvalidInputError, ModelError
from textseg.segmentation.difference import RawMaps
from textseg.segmentation.soft import blur

Array = NDArray[np.float64]

NEAR, WIDE = 0.7, 1.5  # latent cells: of the blurs
AROUND = 3  # cells: side of the window of a maximum
TOP = 8  # cells whose mean is a map's height
FLOOR, FAINT, LEAST = 1e-3, 1e-4, 1e-9  # of a height, in logarithms; and of a height itself
DAMPING = 0.02  # of the height, where evidence is divided by information
_BANDS = ("fine", "middle", "coarse")
CELL_FEATURES = (
    *(f"difference_{where}" for where in ("own", "near", "wide", "around", "over_mean", "rank")),
    *(f"information_{where}" for where in ("own", "near", "wide", "around")),
    *(f"evidence_{where}" for where in ("own", "near", "wide", "around", "ratio", "wide_ratio")),
    *(f"{band}_{what}" for band in _BANDS for what in ("change", "ratio", "evidence")),
    *("query_information", "query_threshold", "query_ratio"),
    *("words_log", "words_all", "words", "words_difference"),
)


def find_cells(raw: RawMaps, head: CellHead) -> Array:
    """Return how much of each cell the query covers, (h, w) in [0, 1].

    Raises:
        ModelError: the head names features that do not exist.
    """
    unknown = sorted(set(head.weights) - set(CELL_FEATURES))
    if unknown:
        raise ModelError(f"the cell head of this model is broken: unknown {', '.join(unknown)}")
    weights = np.array([head.weights.get(name, 0.0) for name in CELL_FEATURES])
    found: Array = special.expit(cell_features(raw) @ weights + head.bias)
    return found


def cell_spread(raw: RawMaps, head: CellHead) -> Array:
    """Return the standard error (h, w) of ``find_cells``: what each map's own error moves.

    Their errors are taken as independent, though they come from the same noises.
    """
    found = find_cells(raw, head)
    moved = [find_cells(other, head) - found for other in _moved(raw)]
    error: Array = np.sqrt(np.square(moved).sum(0))
    return error


def is_whole(raw: RawMaps) -> bool:
    """Return whether all maps are there that the features are made of."""
    return raw.words is not None and not np.isnan(raw.bands).any()


def cell_features(raw: RawMaps) -> Array:
    """Return the ``CELL_FEATURES`` of each cell, (h, w, 32), all finite.

    Maps are compared with the mean of their ``TOP`` largest cells, so that no feature has a unit
    but "query_information", the logarithm of that mean in nats.

    Raises:
        InvalidInputError: not all maps are there, see ``is_whole``.
    """
    if raw.words is None or not is_whole(raw):
        raise InvalidInputError("cells are found from looks at words and all bands of levels only")
    difference = raw.difference.astype(float)
    blurred = blur(difference, NEAR)
    height = _height(blurred)
    ranks = blurred.ravel().argsort().argsort().reshape(blurred.shape) / blurred.size
    information, evidence = raw.information.astype(float), raw.evidence.astype(float)
    change = _height(blur(information, NEAR))
    total = float(evidence.sum() / (information.sum() + LEAST))
    words = raw.words.astype(float)
    together, all_of_them = words.mean(0), np.exp(np.log(words + LEAST).mean(0))
    together, all_of_them = (each / (each.max() + LEAST) for each in (together, all_of_them))
    even = np.ones_like(blurred)
    return np.stack(
        [
            *(np.log(each / height + FLOOR) for each in _surroundings(difference)),
            np.log(blurred / (blurred.mean() + LEAST) + FLOOR),
            ranks,
            *(np.log(each / change + FAINT) for each in _surroundings(information)),
            *(each / change for each in _surroundings(evidence)),
            *(_ratio(evidence, information, width, change) for width in (NEAR, WIDE)),
            *(each for band in raw.bands.astype(float) for each in _of_band(band)),
            even * np.log(change),
            even * _otsu(blurred) / height,
            even * total,
            np.log(together + FLOOR),
            np.log(all_of_them + FLOOR),
            together,
            np.log(blurred / height * np.sqrt(together) + FLOOR),
        ],
        axis=-1,
    )


def _moved(raw: RawMaps) -> Iterator[RawMaps]:
    for name in ("difference", "information", "evidence"):
        yield replace(raw, **{name: getattr(raw, name) + getattr(raw, f"{name}_spread")})
    if raw.words is not None and raw.words_spread is not None:
        share = raw.words_spread / np.maximum(raw.words.mean(0), LEAST)
        yield replace(raw, words=raw.words * (1 + share))


def _surroundings(values: Array) -> tuple[Array, ...]:
    around = ndimage.maximum_filter(values, AROUND, mode="nearest")
    return values, blur(values, NEAR), blur(values, WIDE), around


def _of_band(band: Array) -> tuple[Array, ...]:
    gain, loss, change = band
    height, signed = _height(blur(change, NEAR)), blur(gain - loss, NEAR)
    ratio = _ratio(gain - loss, change, NEAR, height)
    return np.log(blur(change, NEAR) / height + FAINT), ratio, signed / height


def _ratio(evidence: Array, information: Array, width: float, height: float) -> Array:
    found: Array = blur(evidence, width) / (blur(information, width) + DAMPING * height)
    return found


def _height(values: Array) -> float:
    return float(np.sort(values.ravel())[-TOP:].mean()) + LEAST


def _otsu(values: Array) -> float:
    return float(filters.threshold_otsu(values)) if np.ptp(values) else 0.0
