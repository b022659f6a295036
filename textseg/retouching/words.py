"""Words for changes that need no model: what can be done, colours, proportions, where to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from textseg.errors import InvalidInputError
from textseg.segmentation.picking import PLACES, RELATIONS, Relation, read_region_words

RetouchAction = Literal[
    "crop",
    "cut_out",
    "blur",
    "grey",
    "dim",
    "brighten",
    "darken",
    "contrast",
    "saturate",
    "colour",
    "fill",
    "outline",
    "match_colour",
    "swap_colours",
]
ArrangeAction = Literal["move", "copy", "scale", "flip"]

Rgb = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

ABOUT: Final[Mapping[RetouchAction | ArrangeAction, str]] = {
    "crop": "To the thing, with a margin",
    "cut_out": "All else becomes transparent",
    "blur": "Out of focus",
    "grey": "Without colours",
    "dim": "Darker and paler",
    "brighten": "More light",
    "darken": "Less light",
    "contrast": "More of it, or less where the amount is below 0",
    "saturate": "Stronger colours, or paler ones where the amount is below 0",
    "colour": "Exactly this colour, shading kept",
    "fill": "Covered with this colour",
    "outline": "A line around it in this colour",
    "match_colour": "The colour of the other thing",
    "swap_colours": "Its colour and that of the other thing change places",
    "move": "To another place; where it was a model paints what is behind",
    "copy": "Another one beside it, or in another place",
    "scale": "Larger or smaller; what shows then behind it a model paints",
    "flip": "Left for right",
}
FLATTEST: Final = 20.0  # proportions of a crop, either way
GOALS: Final = (
    'say a place such as "left", "top right" or "middle"; or, with another thing, "left of", '
    '"right of", "next to", "above", "below" or "on"'
)
_ASPECT = re.compile(r"(\d+(?:\.\d+)?)(?:\s*[:x/]\s*(\d+(?:\.\d+)?))?", re.ASCII)
_SIDES: Final = {"up": "top", "upwards": "top", "down": "bottom", "downwards": "bottom"}


@dataclass(frozen=True)
class Goal:
    """Where something is to be.

    Attributes:
        row: share of the way from the top to the bottom of the picture; None: as it is.
        col: share of the way from the left to the right; None: as it is.
        relation: to another thing; None where a place of the picture is meant.
    """

    row: float | None = None
    col: float | None = None
    relation: Relation | None = None


def read_colour(text: str) -> Rgb:
    """Return the colour that a text names: "#1e90ff", "rgb(30, 144, 255)" or a CSS name.

    Names may be written in several words.

    Raises:
        InvalidInputError: there is no such colour, or it is transparent.
    """
    from PIL import ImageColor

    said = " ".join(text.casefold().split())
    try:
        found = ImageColor.getrgb(said.replace(" ", ""))
    except ValueError:
        near = difflib.get_close_matches(said.replace(" ", ""), ImageColor.colormap, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise InvalidInputError(
            f"{text!r} is no colour that is known",
            hint=f'{meant}say it as "#1e90ff", or by a CSS name such as "tomato"',
        ) from None
    if len(found) == 4 and found[3] < 255:
        raise InvalidInputError(
            f"the colour {text!r} is transparent", hint='give one that is not, or "cut_out"'
        )
    return found[0], found[1], found[2]


def read_aspect(text: str) -> float:
    """Return width over height of proportions in words: "16:9", "4x3", "1.5", "square".

    Raises:
        InvalidInputError: they cannot be read, or are flatter than ``FLATTEST`` to 1.
    """
    said = text.strip().casefold()
    read = _ASPECT.fullmatch("1" if said == "square" else said)
    across, down = (0.0, 1.0) if read is None else (float(read[1]), float(read[2] or 1))
    if down == 0 or not 1 / FLATTEST <= across / down <= FLATTEST:
        raise InvalidInputError(
            f"{text!r} says no proportions",
            hint=f'width by height, e.g. "16:9", "1.5" or "square"; at most {FLATTEST:g}:1',
        )
    return across / down


def read_goal(text: str) -> Goal:
    """Return where words say that something is to be; see ``GOALS``.

    Raises:
        InvalidInputError: they name no place.
    """
    said = " ".join(re.sub(r"^\s*to\b|\bthe\b", " ", text.casefold()).split())
    if said in RELATIONS:
        return Goal(relation=RELATIONS[said])
    try:
        words = read_region_words(_SIDES.get(said, said))
    except InvalidInputError:
        words = None
    if words is None or words.order not in PLACES or (words.first, words.count) != (1, 1):
        raise InvalidInputError(f"{text!r} names no place", hint=GOALS)
    row, col = PLACES[words.order]
    return Goal(row, col)
