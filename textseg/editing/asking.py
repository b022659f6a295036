"""What another editor is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from textseg.editing.painting import Canvas
from textseg.errors import ImageError, InvalidInputError, ModelError
from textseg.images import open_picture, to_uint8


@dataclass(frozen=True)
class Told:
    """What an editor is told, and its own options; None where it has its own default."""

    words: str
    negative: str = ""
    strength: float | None = None
    steps: int | None = None
    guidance: float | None = None


@dataclass(frozen=True, eq=False)
class EditorAnswer:
    """The picture (H, W, 3) that an editor gave back, and the steps that it reported."""

    rgb: NDArray[np.float32]
    steps: int = 0


class OtherEditor(Protocol):
    """Makes a picture from a picture and words."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def instructed(self) -> bool:
        """Whether it wants to be told what to do, and not what is to be seen."""

    def ask(self, canvas: Canvas, told: Told) -> EditorAnswer:
        """Return its picture at the size of the canvas."""


def read_answer(given: Any, name: str) -> NDArray[np.float32]:  # Any: whatever an editor gives back
    """Return a picture that an editor gave back, or the first of several, as (H, W, 3) in [0, 1].

    Raises:
        ModelError: it is none, has values that are no numbers, or is black all over.
    """
    several = isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim == 4)
    try:
        rgb = open_picture(given[0] if several and len(given) else given).visible()
    except ImageError as error:
        raise ModelError(
            f"{name} gave back no picture: {error.message}",
            hint=error.hint or "in half precision some networks overflow: try another one",
        ) from error
    if not to_uint8(rgb).any():
        raise ModelError(
            f"{name} gave back a picture that is black all over",
            hint="a safety checker does that, and so does half precision: try another seed first",
        )
    return rgb


def refuse(name: str, option: str, value: float | None) -> None:
    """Raise ``InvalidInputError`` where an option has a value that an editor does not have."""
    if value is not None:
        raise InvalidInputError(f"{name} has no {option}, got {value}", hint="leave it out")
