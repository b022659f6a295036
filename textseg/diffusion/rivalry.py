"""Which texts a query has to hold its own against, and how that decides whether it is there.

Both stand on a model's card: words, because a model may know few; numbers, because they were found
on it. The defaults of ``Rivals`` are fitted to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from textseg.diffusion.mask_settings import Strict
from textseg.errors import InvalidInputError

PresenceRule = Literal["calibrated", "rivals"]


@dataclass(frozen=True)
class Contrasts(Strict):
    """Words of which at most one is true of a thing.

    A word is given with those that may be true along with it, the one that speaks for it first:
    ("boat", "ship").

    Attributes:
        things: what things are called.
        qualities: groups of what may be said of a thing, such as its colours.
        count: most things that a query is weighed against, the first that are no words for its own.
    """

    things: tuple[tuple[str, ...], ...]
    qualities: tuple[tuple[tuple[str, ...], ...], ...]
    count: int


@dataclass(frozen=True)
class Round(Strict):
    """How all rivals that are left are looked at once more, before some of them drop out.

    Attributes:
        places: of the new draws, from 0, the least noise, to 1, the most.
        left: how many rivals are left then, the strongest.
    """

    places: tuple[float, ...]
    left: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        inside = [0 <= place <= 1 for place in self.places]
        if not inside or not all(inside) or self.left < 1:
            raise InvalidInputError(
                f"a round has places in [0, 1] and leaves at least 1 rival, got {self}"
            )


ROUNDS = (Round((0.5,), left=4), Round((1 / 6, 5 / 6), left=2))


@dataclass(frozen=True)
class Rivals(Strict):
    """How the strongest of a query's rivals tells whether it is in the picture.

    A logistic function, as in ``Presence``, of two features more: "rivalry", the score of
    ``textseg.segmentation.competing``, and "log_odds", those of the calibrated probability.

    The default looks at the score alone. A model that is right has 1 for what is there and -1 for
    what is not; noise draws the smallest of many scores down, so half a unit below the middle is
    even, and each half unit from there multiplies the odds by e.

    All rivals are looked at with one draw by default, in the middle of the levels, where DiffEdit
    looks (arXiv:2210.11427): each further one for all costs dozens of evaluations. The strongest
    get one from either outer third, the last two all draws: as a rule another colour of the query,
    and another thing in its colour.

    Attributes:
        weights: a coefficient for each feature used.
        bias: added to their sum.
        threshold: from which probability on a query counts as present, inside (0, 1).
        doubt: rivals are asked where the calibrated probability lies from the first to the second.
        found: where the numbers come from.
        rounds: what comes before those that are left get all draws.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: {"rivalry": 2.0})
    bias: float = 1.0
    threshold: float = 0.5
    doubt: tuple[float, float] = (0.0, 1.0)
    found: str = ""
    rounds: tuple[Round, ...] = ROUNDS

    def __post_init__(self) -> None:
        """Check that the threshold is a probability, and doubt a range."""
        if not 0 < self.threshold < 1 or not 0 <= self.doubt[0] <= self.doubt[1] <= 1:
            raise InvalidInputError(
                "threshold must lie inside (0, 1) and doubt rise from 0 to 1, "
                f"got {self.threshold} and {self.doubt}"
            )
