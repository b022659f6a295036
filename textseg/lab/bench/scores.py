"""How masks are scored: pixel average precision, IoU, boundary F, and presence errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.errors import MissingExtraError

Mask = NDArray[np.bool_]
Soft = NDArray[np.float32]

BOUNDARY_TOLERANCE = 0.008  # of the picture's diagonal, as in DAVIS (Perazzi et al. 2016)


def share_of_cells(truth: NDArray[np.bool_], cells: tuple[int, ...]) -> NDArray[np.float64]:
    """Return how much of each cell (h, w) a mask (H, W) covers; cells are whole pixels."""
    rows, columns = (side // count for side, count in zip(truth.shape, cells, strict=True))
    found: NDArray[np.float64] = truth.reshape(cells[0], rows, cells[1], columns).mean((1, 3))
    return found


def pixel_ap(soft: Soft, truth: Mask) -> float:
    """Return the average precision of ranking pixels by the soft mask; needs no threshold.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.metrics import average_precision_score
    except ImportError as error:
        raise MissingExtraError(
            "the benchmark needs scikit-learn", hint="pip install 'textseg[bench]'"
        ) from error
    return float(average_precision_score(truth.ravel(), soft.ravel()))


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Return how often a true one scores above a false one, ties half; nan without both."""
    from sklearn.metrics import roc_auc_score

    if len(set(labels)) < 2:
        return float("nan")
    return float(roc_auc_score(labels, scores))


def iou(found: Mask, truth: Mask) -> float:
    """Return intersection over union; 1 when both are empty."""
    union = np.logical_or(found, truth).sum()
    return float(np.logical_and(found, truth).sum() / union) if union else 1.0


def boundary_f(found: Mask, truth: Mask) -> float:
    """Return the F score of boundaries matched within `BOUNDARY_TOLERANCE`; 1 without any."""
    radius = max(1.0, BOUNDARY_TOLERANCE * float(np.hypot(*truth.shape)))
    ours, theirs = _boundary(found), _boundary(truth)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = (_distance(theirs)[ours] <= radius).mean()
    recall = (_distance(ours)[theirs] <= radius).mean()
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


@dataclass(frozen=True)
class Specks:
    """How many pieces of a mask, and how many holes in it, are too small to have been seen."""

    pieces: int
    holes: int


def count_specks(found: Mask, least: float) -> Specks:
    """Return the connected pieces, and holes, of less than ``least`` pixels.

    Pixels that touch at a corner alone do not connect.
    """
    return Specks(*(int((_areas(mask) < least).sum()) for mask in (found, ~found)))


def _areas(mask: Mask) -> NDArray[np.int64]:
    labels, _ = ndimage.label(mask)
    areas: NDArray[np.int64] = np.bincount(labels.ravel())[1:]
    return areas


def _boundary(mask: Mask) -> Mask:
    """Pixels of the mask that touch something else; the picture's frame is no boundary."""
    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=1))


def _distance(boundary: Mask) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(~boundary))
