"""What creations are asked with, and what is said of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from textseg.checking import Description, Facts, Query, Target
from textseg.editing.options import MakingOptions
from textseg.toolbox.common import CardName, FileName
from textseg.toolbox.edit_facts import ChangeFacts
from textseg.toolbox.selecting_facts import Selecting

Side = Annotated[int, Field(ge=1, le=8192)]


class Change(Selecting):
    """One thing to change in the picture that was made."""

    query: Query = Field(description="what to change")
    target: Target = Field(default="", description="what it becomes; empty to remove it")


class CreateArguments(MakingOptions):
    """What to show, and what to change afterwards."""

    prompt: Description = Field(description="what to show")
    changes: list[Change] = Field(
        default_factory=list, max_length=20, description="made one after the other"
    )
    method: str | None = Field(
        default=None,
        min_length=1,
        description="name of the edit method of the changes; null: what suits each",
    )
    size: list[Side] | None = Field(
        default=None,
        min_length=2,
        max_length=2,
        description="height and width in pixels; null: what the model was made for",
    )
    check: bool = Field(
        default=True, description="look again for what was asked for, after each change"
    )

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width of the picture; None for what the model was made for."""
        return None if self.size is None else (self.size[0], self.size[1])


class CreateFiles(Facts):
    """Where the files of a creation lie."""

    picture: FileName = Field(description="the last picture")
    generated: FileName | None = Field(
        default=None, description="the picture before the changes; null unless stages are kept"
    )
    masks: list[FileName] = Field(
        default_factory=list, description="8-bit grey PNG of each change, 255 = may change"
    )
    changed: list[FileName] = Field(
        default_factory=list, description="the picture after each change, the last one included"
    )
    facts: FileName | None = Field(
        default=None, description="JSON: the result; null unless stages are kept"
    )


class CreateResult(Facts):
    """How a picture was made and changed."""

    prompt: str
    negative: str
    seed: int
    steps: int
    guidance: float
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    model: str
    card: CardName = ""
    caption: str | None = Field(
        description="what a captioner saw in it before the changes; null: it was not asked"
    )
    changes: list[ChangeFacts]
    evaluations: int = Field(ge=0, description="of the network, in rows: making and changing")
    seconds: float = Field(ge=0, description="of making and changing, without loading the model")
    notes: list[str] = Field(description="remarks for people")
    generated: str | None = Field(
        default=None,
        description="handle of the picture before the changes; null outside of a workspace",
    )
    picture: str | None = Field(
        default=None, description="handle of the last picture; null outside of a workspace"
    )
    files: CreateFiles | None = Field(default=None, description="null before anything is saved")
    version: str = Field(description="of textseg")
