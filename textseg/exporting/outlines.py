"""A mask as rings of points: one for each piece, with its holes joined to it by bridges.

The points are the centres of the pixels at the border, as OpenCV finds them; who fills the rings
together with their border, as ``cv2.fillPoly`` does, has the mask back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from textseg.errors import needing_extra

if TYPE_CHECKING:
    from scipy.spatial import KDTree

Ring = NDArray[np.int64]


def rings_of(mask: NDArray[np.bool_]) -> list[Ring]:
    """Return a ring of points (n, 2), as (row, col), for each piece of a mask (H, W).

    Pixels that touch at a corner are one piece. A hole is reached over the shortest way from the
    outline, or from another hole, there and back; that way lies inside of the piece.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    with needing_extra("outlines need OpenCV", "export"):
        import cv2
    found, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [contour[:, 0, ::-1].astype(np.int64) for contour in found]
    parents = [] if tree is None else [int(place[3]) for place in tree[0]]
    return [
        _corners(_joined(ring, [rings[k] for k, of in enumerate(parents) if of == piece]))
        for piece, ring in enumerate(rings)
        if parents[piece] < 0
    ]


def _joined(ring: Ring, holes: list[Ring]) -> Ring:
    """Return a ring with a way to each hole, around it and back; the nearest hole comes first."""
    from scipy.spatial import KDTree

    trees = dict(enumerate(map(KDTree, holes)))
    ways = {k: _shortest(tree, ring) for k, tree in trees.items()}
    while ways:
        nearest = min(ways, key=lambda k: ways[k][0])
        _, start, turn = ways.pop(nearest)
        around = np.roll(holes[nearest], -turn, axis=0)
        at = int(np.flatnonzero((ring == start).all(1))[0])
        ring = np.concatenate([ring[: at + 1], around, around[:1], ring[at:]])
        for k in ways:
            ways[k] = min(ways[k], _shortest(trees[k], around), key=lambda way: way[0])
    return ring


def _shortest(hole: KDTree, ring: Ring) -> tuple[float, Ring, int]:
    """Return length, point of the ring and number of the point of a hole that it leads to."""
    lengths, points = hole.query(ring)
    start = int(lengths.argmin())
    return float(lengths[start]), ring[start], int(points[start])


def _corners(ring: Ring) -> Ring:
    """Return a ring without the points that lie on a straight way; a point alone stays."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(1)] if len(ring) > 1 else ring
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    back = (before * after).sum(1) < 0
    corners = ring[turns | back]
    return corners if len(corners) else ring[:1]
