"""Superpixels: a picture cut into small pieces of one colour, in several ways that may vote.

SLIC (R. Achanta et al. 2012) keeps its pieces compact, the graph method (P. Felzenszwalb and D.
Huttenlocher 2004) lets them be as large as one colour goes; both through scikit-image. Where one of
them errs at an edge, most of the others do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from skimage import segmentation

Labels = NDArray[np.int32]

# Two ways vote as well as seven did that were tried before (four by SLIC, three by the graph
# method) and take a fifth of the time.
COUNT = 0.5  # SLIC's pieces for each latent cell
COMPACTNESS = 5.0  # of SLIC, against differences of Lab colours
ROUNDS = 4  # of SLIC: its usual ten take twice as long, and vote no better
SCALE = 0.3  # of the graph method, in areas of a latent cell: larger ones merge more
LEAST = 0.19  # its smallest piece, in areas of a latent cell
BLUR = 0.6  # pixels, before it


def find_superpixels(rgb: NDArray[np.float32], cells: float) -> tuple[Labels, ...]:
    """Return the labels (h, w), from 0, of the pieces of a picture (h, w, 3), way by way.

    The size of pieces follows that of the ``cells`` that cover the picture.
    """
    area = rgb.shape[0] * rgb.shape[1] / cells
    pieces = max(1, round(COUNT * cells))
    compact = segmentation.slic(
        rgb, pieces, compactness=COMPACTNESS, max_num_iter=ROUNDS, start_label=0
    )
    merged = segmentation.felzenszwalb(
        rgb, scale=SCALE * area, sigma=BLUR, min_size=max(1, round(LEAST * area))
    )
    return np.asarray(compact, np.int32), np.asarray(merged, np.int32)


def vote(mask: NDArray[np.float32], ways: Sequence[Labels]) -> NDArray[np.float32]:
    """Return the mean of the mask (h, w) over each pixel's piece, averaged over the ways."""
    total = np.zeros(mask.shape)
    for labels in ways:
        flat = labels.ravel()
        means = np.bincount(flat, mask.ravel()) / np.maximum(np.bincount(flat), 1)
        total += means[labels]
    return np.asarray(total / len(ways), np.float32)
