"""Edit methods that give pixels instead of latents: what they are given, and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textseg.editing.base import EditMethod
from textseg.progress import Follow


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture to be painted on.

    Attributes:
        rgb: (H, W, 3) in [0, 1].
        region: (H, W) in [0, 1]; 1 = may change. The exact composite is not the painter's business.
        prompt: what to follow.
        negative: what to stay away from.
        seed: of all noise.
        follow: sees the work, may stop it.
    """

    rgb: NDArray[np.float32]
    region: NDArray[np.float32]
    prompt: str
    negative: str
    seed: int
    follow: Follow


@dataclass(frozen=True, eq=False)
class Painted:
    """What became of a canvas.

    Attributes:
        rgb: (H, W, 3) in [0, 1], the whole frame.
        steps: of denoising, as far as they can be counted.
        notes: remarks for people.
    """

    rgb: NDArray[np.float32]
    steps: int = 0
    notes: tuple[str, ...] = ()


@runtime_checkable
class Painting(EditMethod, Protocol):
    """An edit method that gives pixels; the model it is used with finds the mask and chooses."""

    def tell(self, query: str, target: str) -> str:
        """Return the prompt for a change; "" where the target in its place will do."""

    def paint(self, canvas: Canvas) -> Painted:
        """Return the painted canvas, at its own size; raises ``Cancelled``."""
