"""What assistants may say to ``retouch_image`` and ``arrange_image``; see ``inputs``.

What means the same as in the other tools is described there, and not a second time: every word here
is read by a model with each of its calls.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from textseg.retouching.asking import MARGIN
from textseg.retouching.words import ArrangeAction, RetouchAction
from textseg.toolbox import ArrangeArguments, RetouchArguments, check_arguments
from textseg.toolbox.inputs import Phrase, ToolInput

USUAL = -1.0
"""The margin that means: what is usual."""


class _MeantInput(ToolInput):
    """Of both: what is meant, in which picture."""

    query: Phrase = ""
    image: Phrase = "latest"
    mask: Phrase = ""
    region: Annotated[str, Field(max_length=60)] = ""
    exclude: Phrase = ""

    def _values(self) -> dict[str, object]:
        return self.model_dump() | {"mask": self.mask or None}


class RetouchInput(_MeantInput):
    """Of ``retouch_image``."""

    action: RetouchAction
    invert: bool = False
    amount: float = Field(default=0.0, ge=-1, le=1, description="-1 to 1")
    colour: Phrase = Field(default="", description="hex, CSS name")
    other: Phrase = ""
    margin: float = Field(default=USUAL, ge=USUAL, le=10)
    aspect: Phrase = ""

    def arguments(self) -> RetouchArguments:
        """Return the arguments of the toolbox."""
        margin = MARGIN if self.margin < 0 else self.margin
        return check_arguments(RetouchArguments, self._values() | {"margin": margin})


class ArrangeInput(_MeantInput):
    """Of ``arrange_image``."""

    action: ArrangeAction
    to: Phrase = Field(default="", description='"top right"; "on", "left of" other')
    other: Phrase = ""
    amount: float = Field(default=0.0, ge=0, le=20, description="Factor; how far: 0.2")
    seed: int = Field(default=0, ge=0, lt=2**53)

    def arguments(self) -> ArrangeArguments:
        """Return the arguments of the toolbox."""
        return check_arguments(ArrangeArguments, self._values())
