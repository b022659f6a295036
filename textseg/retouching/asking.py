"""What each of the changes takes, checked before anything slow is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from textseg.errors import InvalidInputError, QueryError, UnknownNameError
from textseg.retouching.words import (
    GOALS,
    ArrangeAction,
    Goal,
    RetouchAction,
    read_aspect,
    read_colour,
    read_goal,
)

MARGIN: Final = 0.1  # of the longer side of what is cropped to
LARGER: Final = 1.5  # times as large is what is scaled where nobody says by how much
LARGEST: Final = 20.0
ARRANGE: Final = get_args(ArrangeAction)
MOVES: Final = ("move", "copy")


@dataclass(frozen=True)
class Takes:
    """What a change takes.

    Attributes:
        usual: how much, where nobody says; 0 where there is no more and less of it.
        lowest: how much at least; below 0 is the opposite.
        whole: it means something for a whole picture.
        colour: which colour, where nobody says; "" where it takes none, None where it needs one.
        other: it takes another thing as well.
        holes: what a thing encloses is left alone, such as windows where a house is coloured.
    """

    usual: float = 0.0
    lowest: float = 0.0
    whole: bool = False
    colour: str | None = ""
    other: bool = False
    holes: bool = False


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
    "colour": Takes(colour=None, holes=True),
    "fill": Takes(colour=None),
    "outline": Takes(0.25, colour="#e69f00"),
    "match_colour": Takes(other=True, holes=True),
    "swap_colours": Takes(other=True, holes=True),
}


def _named(action: RetouchAction, takes: Takes) -> frozenset[str]:
    cropped = action == "crop"
    named = {
        "invert": True,
        "amount": takes.usual > 0,
        "colour": takes.colour != "",
        "other": takes.other,
        "margin": cropped,
        "aspect": cropped,
    }
    return frozenset(name for name, taken in named.items() if taken)


TAKEN: Final[Mapping[str, frozenset[str]]] = {
    **{action: _named(action, takes) for action, takes in TAKES.items()},
    "move": frozenset({"to", "amount", "other", "seed"}),
    "copy": frozenset({"to", "amount", "other"}),
    "scale": frozenset({"amount", "seed"}),
    "flip": frozenset({"seed"}),
}
"""The arguments that mean something to each action, besides what is meant, and in which picture."""


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


def check_arrange(
    action: ArrangeAction, *, placed: bool, to: str, amount: float, other: bool
) -> Goal | None:
    """Return where something is to go, None where nothing says; as ``check_retouch``.

    Args:
        action: its name.
        placed: something says what is meant.
        to: where to; "" for nowhere else.
        amount: a factor, or how far; 0: as usual.
        other: another thing is named.

    Raises:
        InvalidInputError: an unknown action, something that it does not take or that cannot be
            read, or a number out of its range.
        QueryError: something is missing.
    """
    if action not in ARRANGE:
        raise UnknownNameError.among("action", action, ARRANGE)
    if not placed and action != "flip":
        raise QueryError(f'nothing says what to "{action}"', hint="give a query, or a mask")
    goal = read_goal(to) if to.strip() else None
    if goal is not None and action not in MOVES:
        raise InvalidInputError(f'"{action}" takes no place, got {to!r}')
    if goal is None and action == "move":
        raise QueryError("nothing says where to", hint=GOALS)
    related = goal is not None and goal.relation is not None
    if related and not other:
        raise QueryError(f"{to!r} takes another thing, too", hint="name it, or say a place")
    if other and not related:
        raise InvalidInputError(
            "nothing says where it is to be from the other thing", hint='say e.g. "left of" or "on"'
        )
    _check_amount(action, amount, goal)
    return goal


def _check_amount(action: ArrangeAction, amount: float, goal: Goal | None) -> None:
    most = {"flip": 0.0, "scale": LARGEST}.get(action, 1.0)
    if not 0 <= amount <= most:
        may_be = f"an amount from 0 to {most:g}" if most else "no amount"
        raise InvalidInputError(f'"{action}" takes {may_be}, got {amount:g}')
    if amount and action in MOVES and (goal is None or goal.relation is not None):
        raise InvalidInputError(
            f"how far goes with a side, got {amount:g}", hint='e.g. to "left" by 0.2'
        )
