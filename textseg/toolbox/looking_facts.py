"""What is asked about a picture, and what is answered: ``describe_image``, ``ask_image``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from textseg.checking import Facts, Query, QueryOrNone
from textseg.errors import QueryError
from textseg.toolbox.common import CardName, FileName, Sure, Unit
from textseg.toolbox.segment_facts import LookArguments
from textseg.toolbox.selecting_facts import RegionFacts, RegionWords

About = Literal["presence", "number", "colour", "size", "place", "larger", "relation"]
COMPARING = ("larger", "relation")


class DescribeArguments(LookArguments):
    """Which picture to describe, and how to look for what the caption names."""

    image: FileName = Field(description="which picture: its path, or its handle")


class ThingFacts(Facts):
    """A thing that a caption names, looked for."""

    query: str = Field(description="as the caption has it")
    present: bool | None = Field(description="whether the model finds it; null: it cannot say")
    presence: Sure
    regions: int = Field(ge=0, description="connected pieces; things that touch are one")
    position: str = Field(description="of the largest piece, in words; empty where none is")
    colour: str = Field(description="the name of most of it; empty where nothing is")
    share: Unit = Field(description="of the picture")


class LookResult(Facts):
    """What every answer about a picture says of itself."""

    image: FileName = Field(description="its path, or its handle in a workspace")
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    model: str
    card: CardName
    missing: list[str] = Field(
        default=[], description="what else was to be looked for, and there was no time left for"
    )
    evaluations: int = Field(ge=0, description="of the network")
    seconds: float = Field(ge=0)
    notes: list[str] = Field(description="remarks for people")
    version: str = Field(description="of textseg")


class DescribeResult(LookResult):
    """What a picture shows, in words, and which of it the model finds where."""

    caption: str | None = Field(description="in plain signs; null: nobody is there to describe it")
    place: str = Field(description="the setting, as the caption has it; empty where it has none")
    things: list[ThingFacts] = Field(description="that the caption names, in its order")


class AskArguments(LookArguments):
    """What to answer about which things in a picture."""

    image: FileName = Field(description="which picture: its path, or its handle")
    about: About = Field(description="what to answer about each of the queries")
    queries: list[Query] = Field(
        min_length=1, max_length=100, description="the things, an answer each"
    )
    other: QueryOrNone = Field(
        default="", description='what "larger" and "relation" compare with; empty: the last query'
    )
    region: RegionWords = Field(
        default="", description="which region of the queries is meant; empty: all, or the largest"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.other and self.about not in COMPARING:
            raise QueryError(
                f'"{self.about}" is of one thing, and there is another: {self.other!r}',
                hint='ask about "larger" or "relation", or give both as queries',
            )
        if self.about in COMPARING and not self.other and len(self.queries) < 2:
            raise QueryError(
                f'"{self.about}" compares two things, and there is one',
                hint="give the other one as well",
            )
        return self


class AnswerFacts(Facts):
    """An answer about one thing, read from the regions of its mask."""

    query: str
    other: str = Field(description="what it was compared with; empty: nothing")
    answer: str = Field(description="a sentence or two")
    value: JsonValue = Field(
        description="presence: true or false; number: how many; colour, place, relation: its name; "
        "size: share, width and height; larger: the larger one; null: not sure"
    )
    sure: float | None = Field(
        ge=0, le=1, description="probability of the answer; null where none was measured"
    )
    presence: float | None = Field(
        ge=0, le=1, description="probability that it is there at all; null where there is none"
    )
    regions: list[RegionFacts] = Field(description="that were read, the largest first")
    other_regions: list[RegionFacts] = Field(description="of what it was compared with")


class AskResult(LookResult):
    """The answers to a question about several things, in the order asked; those in time."""

    about: About
    region: str = Field(description="which of the regions were taken; empty: all")
    answers: list[AnswerFacts]
