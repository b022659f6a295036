"""What each of the changes takes, checked before anything slow is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from textseg.errors import InvalidInputError, QueryError, UnknownNameError
from textseg.retouching.words import RetouchAction, read_aspect, read_colour

MARGIN: Final = 0.1  # of the longer side of what is cropped to


@dataclass(frozen=True)
class Takes:
    """What a change takes.

    Attributes:
        usual: how much, where nobody says; 0 where there is no more and less of it.
        lowest: how much at least; below 0 is the opposite.
        whole: it means something for a whole picture.
        colour: which colour, where nobody says; "" where it takes none, None where it needs one.
        other: it takes another thing as well.
    """

    usual: float = 0.0
    lowest: float = 0.0
    whole: bool = False
    colour: str | None = ""
    other: bool = False


TAKES: Final[Mapping[RetouchAction, Takes]] = {
    "crop": Takes(),
    "cut_out": Takes(),
    "blur": Takes(0.2, whole=True),
    "grey": Takes(1.0, whole=True),
    "dim": Takes(0.5, whole=True),
    "brighten": Takes(0.5, whole=True),
    "darken": Takes(0.5, whole=True),
    "contrast": Takes(0.4, lowest=-1.0, whole=True),
    "saturate": Takes(0.5, lowest=-1.0, whole=True),
    "colour": Takes(colour=None),
    "fill": Takes(colour=None),
    "outline": Takes(0.25, colour="#e69f00"),
    "match_colour": Takes(other=True),
    "swap_colours": Takes(other=True),
}


def check_retouch(
    action: RetouchAction,
    *,
    placed: bool,
    other: bool,
    amount: float,
    colour: str,
    margin: float,
    aspect: str,
) -> Takes:
    """Return what an action takes, where it is asked with that.

    Args:
        action: its name.
        placed: something says where.
        other: another thing is named.
        amount: how much; 0: as usual.
        colour: which; "" for none.
        margin: around what is cropped to.
        aspect: proportions; "" for none.

    Raises:
        InvalidInputError: an unknown action, something that it does not take or that cannot be
            read, or a number out of its range.
        QueryError: something is missing.
    """
    if action not in TAKES:
        raise UnknownNameError.among("action", action, TAKES)
    takes = TAKES[action]
    if not placed and not (takes.whole or (action == "crop" and aspect)):
        raise QueryError(f'nothing says what to "{action}"', hint="give a query, or a mask")
    if other and not takes.other:
        raise InvalidInputError(f'"{action}" takes no other thing')
    if takes.other and not other:
        raise QueryError(f'"{action}" takes another thing, too', hint="name it as other")
    if amount != 0 and not (takes.usual and takes.lowest <= amount <= 1):
        may_be = f"an amount from {takes.lowest:g} to 1" if takes.usual else "no amount"
        raise InvalidInputError(f'"{action}" takes {may_be}, got {amount:g}')
    if not margin >= 0:
        raise InvalidInputError(f"margin is a share from 0 up, got {margin}")
    _check_words(action, takes, colour, aspect)
    return takes


def _check_words(action: RetouchAction, takes: Takes, colour: str, aspect: str) -> None:
    if colour and takes.colour == "":
        raise InvalidInputError(f'"{action}" takes no colour, got {colour!r}')
    if not colour and takes.colour is None:
        raise QueryError(f'"{action}" needs a colour', hint='say e.g. "#1e90ff" or "tomato"')
    if colour:
        read_colour(colour)
    if aspect and action != "crop":
        raise InvalidInputError(f'"{action}" takes no aspect, got {aspect!r}')
    if aspect:
        read_aspect(aspect)
