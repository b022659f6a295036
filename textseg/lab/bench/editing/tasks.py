"""What a benchmark of edits asks, and what an editor answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from textseg.editing.result import Evaluations
from textseg.lab.bench.metrics.pixels import Mask, Rgb

NOTHING_DONE = Evaluations()


@dataclass(frozen=True, eq=False, kw_only=True)
class EditTask:
    """One edit that is asked for.

    Attributes:
        image: (h, w, 3) float32 in [0, 1].
        source_prompt: describes the picture as it is.
        target_prompt: describes the picture as it should become.
        query: the phrase of the source that is to change; "" when something is to be added.
        target: what it should become; "" when it is to be removed.
        mask: (h, w), true where the picture may change; None when the editor has to find out.
        seed: for whatever the editor draws.
        group: the kind of edit; "" where there are no kinds.
    """

    image: Rgb
    source_prompt: str
    target_prompt: str
    query: str
    target: str
    mask: Mask | None = None
    seed: int = 0
    group: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What an editor made of a picture.

    Attributes:
        rgb: (h, w, 3) float32 in [0, 1], of the size that came in: what a person gets.
        raw: (h, w, 3), what the model made of the whole frame; None when that is `rgb`.
        mask: (h, w) in [0, 1]; where it is 0, nothing was to change; None when all was.
        evaluations: rows through the denoising network.
        seconds: how long it took; the first answer about a picture includes reading it.
        found: whether there was anything to change; otherwise the picture is as it came.
    """

    rgb: Rgb
    raw: Rgb | None = None
    mask: NDArray[np.float32] | None = None
    evaluations: Evaluations = NOTHING_DONE
    seconds: float = 0.0
    found: bool = True


Editing = Callable[[EditTask], Answer]
"""Does the tasks about one picture, in their order; what it learns of it serves the next ones."""


class Editor(Protocol):
    """Edits pictures; a task at which it raises is listed as a problem and is in no mean."""

    def open(self, image: Rgb) -> Editing:
        """Return what does the tasks about a picture (h, w, 3)."""
        ...


Captioner = Callable[[Rgb], str]
"""Describes a picture (h, w, 3) in [0, 1]."""
