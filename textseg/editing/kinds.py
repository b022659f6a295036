"""What kind of change is asked for, and the defaults that suit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textseg.editing.prompts import last_word

Change = Literal["alter", "replace", "remove", "add"]

MOST_ATTEMPTS = 64
"""How often an edit may be made at most, on every surface."""


@dataclass(frozen=True)
class Defaults:
    """What is used where the caller says nothing.

    Attributes:
        method: a registered name.
        options: of the method, where they are not its own.
        grow: how far a found mask is widened, in latent cells.
        crop: whether only the box around the mask is worked on, larger.
    """

    method: str
    options: Mapping[str, float]
    grow: float
    crop: bool = False


DEFAULTS: Mapping[Change, Defaults] = {
    "alter": Defaults("flowedit", {"strength": 0.8, "steps": 18, "guidance": 13.5}, grow=0.375),
    "replace": Defaults("flowedit", {"strength": 0.8, "steps": 18, "guidance": 13.5}, grow=1.0),
    "remove": Defaults("blended", {"strength": 1.0, "steps": 20, "guidance": 3}, grow=0.75),
    "add": Defaults("blended", {"strength": 1.0, "steps": 20}, grow=0.0, crop=True),
}
"""Found on calibration scenes of the embedded model.

Following a difference of velocities keeps the light and the outline of what only changes its
colour, and needs no inversion. What removes or adds must not be held by anything that was there
before, so it starts from pure noise. Where something is removed, what is around says more about
what should be there than any text, so guidance is low; what is added is drawn better large. Another
thing has another outline and gets more room.
"""


def kind_of_change(query: str, target: str) -> Change:
    """Return what turning ``query`` into ``target`` is, told by the last words (the nouns).

    >>> kind_of_change("red house", "blue house"), kind_of_change("house", "boat")
    ('alter', 'replace')
    """
    if not query:
        return "add"
    if not target:
        return "remove"
    return "alter" if last_word(query) == last_word(target) else "replace"
