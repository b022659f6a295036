"""What is asked and said of things that are moved: ``ArrangeArguments``, ``ArrangeResult``."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from textseg.errors import InvalidInputError, QueryError
from textseg.retouching.words import GOALS, ArrangeAction, Goal, read_goal
from textseg.toolbox.retouch_facts import MadeFacts, Meant

LARGER = 1.5  # what "scale" does where nobody says by how much


class ArrangeArguments(Meant):
    """What to move, copy, scale or mirror in which picture.

    Where a thing was and is no longer, a model fills the hole as it does when a thing is removed.
    """

    operation: ClassVar[str] = "arrange"

    action: ArrangeAction = Field(
        description='what to do; "flip" mirrors a thing where it is, or the whole picture'
    )
    to: str = Field(
        default="",
        max_length=60,
        description='where to: "left", "top right", "middle" ...; "left of", "right of", "next '
        'to", "above", "below" or "on" the other thing; empty: a copy is put beside the thing',
    )
    amount: float = Field(
        default=0.0,
        ge=0,
        le=20,
        description="to scale: the factor; to move or copy: how far, as a share of the picture; "
        "0: half as large again, and all the way",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="of what fills the hole")

    @property
    def goal(self) -> Goal | None:
        """Where to; None where nothing says."""
        return read_goal(self.to) if self.to.strip() else None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.placed and self.action != "flip":
            raise QueryError(f"nothing says what to {self.action}", hint="give a query, or a mask")
        if self.invert:
            raise InvalidInputError(f'to "{self.action}" takes a thing, not all but that')
        if self.to.strip() and self.action not in ("move", "copy"):
            raise InvalidInputError(f'to "{self.action}" takes no place, got {self.to!r}')
        self._check_goal(self.goal)
        self._check_amount()
        return self

    def _check_goal(self, goal: Goal | None) -> None:
        if goal is None and self.action == "move":
            raise QueryError("nothing says where to", hint=GOALS)
        related = goal is not None and goal.relation is not None
        if related and not self.other:
            raise QueryError(
                f"{self.to!r} takes another thing, too", hint="name it as other, or say a place"
            )
        if self.other and not related:
            raise InvalidInputError(
                f"nothing says where it is to be from {self.other!r}",
                hint='say e.g. "left of" or "on"',
            )

    def _check_amount(self) -> None:
        if not self.amount or self.action == "scale":
            return
        if self.action == "flip":
            raise InvalidInputError(f'to "flip" takes no amount, got {self.amount:g}')
        if self.goal is None or self.goal.relation is not None or self.amount > 1:
            raise InvalidInputError(
                f"how far goes with a side, as a share of the picture up to 1, got {self.amount:g}",
                hint='e.g. to "left" by 0.2',
            )


class ArrangeResult(MadeFacts):
    """What was moved, copied, scaled or mirrored."""

    action: ArrangeAction
    to: str = Field(description="where to; empty: nowhere else")
    amount: float = Field(description="the factor, or how far; 0: all the way")
    seed: int
    box_before: list[int] = Field(
        min_length=4,
        max_length=4,
        description="around the thing before: left, top, right, bottom in pixels; right and bottom "
        "lie just outside",
    )
    box_after: list[int] = Field(
        min_length=4, max_length=4, description="around the thing, or its copy, now"
    )
    method: str | None = Field(
        description="of the edit that filled the hole; null where there was none"
    )
