"""A picture seen from several places at once: random warps through which gradients pass.

A network that looks at one view of a picture is easily fooled by patterns; hardly at several. Each
is turned, shifted and seen askew, or not, as in the authors' code of Blended Diffusion
(arXiv:2111.14818, section 4.2).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.transform import ProjectiveTransform
from torch import Tensor

OFTEN = 0.7  # share of views that are turned and shifted, and of those that are seen askew
TURN = math.radians(15)
SHIFT = 0.2  # of half a side, which is .1 of a side
ASKEW = 0.7  # of half a side, by which a corner may be pulled in
CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])  # (x, y)


def warped_views(picture: Tensor, views: int, *, side: int, seed: int) -> Tensor:
    """Return so many views (views, c, side, side) of a picture (1, c, H, W), the first as it is.

    Pictures that are not square are squeezed. What lies past the picture is 0.
    """
    small = torch.nn.functional.adaptive_avg_pool2d(picture, side)
    if views == 1:
        return small
    random = np.random.default_rng(seed)
    grids = torch.from_numpy(np.stack([_grid(random, side) for _ in range(views - 1)])).to(small)
    rows = small.expand(views - 1, -1, -1, -1)
    warped = torch.nn.functional.grid_sample(rows, grids, align_corners=False)
    return torch.cat([small, warped])


def _grid(random: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Return where each pixel of a view is looked up, (side, side, 2), x first, in [-1, 1]."""
    looked_up, corners = CORNERS, CORNERS
    if random.random() < OFTEN:
        turn, shift = random.uniform(-TURN, TURN), random.uniform(-SHIFT, SHIFT, 2)
        rows = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
        looked_up = CORNERS @ np.array(rows) + shift
    if random.random() < OFTEN:
        corners = CORNERS * (1 - random.uniform(0, ASKEW, (4, 2)))
    centres = (2 * np.arange(side) + 1) / side - 1
    x, y = np.meshgrid(centres, centres)
    lookup = ProjectiveTransform.from_estimate(corners, looked_up)
    return np.asarray(lookup(np.stack([x.ravel(), y.ravel()], 1))).reshape(side, side, 2)
