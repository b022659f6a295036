"""What is asked and said of things that are moved: ``ArrangeArguments``, ``ArrangeResult``."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from textseg.errors import InvalidInputError
from textseg.retouching.asking import LARGEST, check_arrange
from textseg.retouching.words import ArrangeAction
from textseg.toolbox.common import BOX, Box
from textseg.toolbox.retouch_facts import MadeFacts, Meant


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
        le=LARGEST,
        description="to scale: the factor; to move or copy: how far, as a share of the picture; "
        "0: half as large again, and all the way",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="of what fills the hole")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.invert:
            raise InvalidInputError(f'"{self.action}" takes a thing, not all but that')
        check_arrange(
            self.action, placed=self.placed, to=self.to, amount=self.amount, other=bool(self.other)
        )
        return self


class ArrangeResult(MadeFacts):
    """What was moved, copied, scaled or mirrored."""

    action: ArrangeAction
    to: str = Field(description="where to; empty: nowhere else")
    amount: float = Field(description="the factor, or how far; 0: all the way")
    seed: int
    box_before: Box = Field(description=f"around the thing before: {BOX}")
    box_after: Box = Field(description="around the thing, or its copy, now")
    method: str | None = Field(
        description="of the edit that filled the hole; null where there was none"
    )
