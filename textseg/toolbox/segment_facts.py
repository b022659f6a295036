"""What is looked for, and what is said of what was found."""

from __future__ import annotations

from pydantic import Field

from textseg.checking import Facts, Query
from textseg.diffusion.mask_settings import Look
from textseg.diffusion.rivalry import PresenceRule
from textseg.toolbox.common import CardName, FileName, Sure, Unit
from textseg.toolbox.selecting_facts import RegionFacts, Selecting


class LookArguments(Facts):
    """How queries are looked for, in one picture or in many."""

    reference: str | None = Field(
        default=None,
        description="text the queries are compared with; empty: no text; null: what the model's "
        "card says",
    )
    draws: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="noised copies of the picture; null: as many as the model's card says",
    )
    attention: bool = Field(
        default=True,
        description="use where the model looks at the words, if its card says so, and not the "
        "noise difference alone",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="decides the noise: same seed, same masks"
    )
    presence: PresenceRule | None = Field(
        default=None,
        description="what decides whether a query is there: the evidence for it, or where that "
        "leaves doubt also how it does against what might be there instead, which takes longer; "
        "null: what the model's card says",
    )
    look: Look = Field(
        default="whole",
        description="where to look, for small things in a large picture: at the whole; then again "
        "around what was found, or tile by tile, which takes longest",
    )


class SegmentArguments(Selecting, LookArguments):
    """What to look for in which picture, and how."""

    image: FileName = Field(description="which picture: its path, or its handle")
    queries: list[Query] = Field(
        min_length=1, max_length=100, description="what to look for, one mask each"
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="where to cut the soft masks; null: where each map divides best, which leaves "
        "the mask of a query that is not present empty",
    )


class FileNames(Facts):
    """Where the files of one query lie."""

    overlay: FileName = Field(description="PNG for people: the query lit up, the rest grey")
    soft: FileName = Field(description="16-bit grey PNG, 65535 = 1")
    mask: FileName = Field(description="8-bit grey PNG, 255 = inside")
    facts: FileName = Field(description="JSON: the result, with this query only")


class QueryFacts(Facts):
    """What was found for one query."""

    query: str
    matched: bool = Field(description="the mask has at least one pixel")
    present: bool | None = Field(
        description="the decision whether it is in the picture at all; null: nothing can be said, "
        "because the model does not know a word"
    )
    presence: Sure
    rival: str = Field(
        default="",
        description="what came closest to being there instead; empty where that was not asked",
    )
    reason: str = Field(default="", description="why the mask is empty; empty where it is not")
    hint: str = Field(default="", description="what to do about that, if anything")
    threshold: Unit = Field(description="where the soft mask was cut")
    threshold_rule: str = Field(description='"given", or the rule that found the threshold')
    area: Unit = Field(description="share of the picture inside the mask")
    regions: list[RegionFacts] = Field(description="connected pieces, the largest first")
    draws: int = Field(ge=1, description="noised copies of the picture that were used")
    evaluations: int = Field(ge=0, description="network evaluations, shared ones included")
    seconds: float = Field(ge=0, description="its equal share of the call")
    notes: list[str] = Field(description="remarks for people, e.g. unknown words")
    mask: str | None = Field(
        default=None, description="handle of the mask; null outside of a workspace"
    )
    files: FileNames | None = Field(default=None, description="null before anything is saved")


class SegmentResult(Facts):
    """What a call found: facts about the picture and about each query, in the order asked."""

    image: FileName = Field(description="its path, or its handle in a workspace")
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    model: str
    card: CardName = ""
    reference: str
    exclude: str = Field(description="what was left out of the masks; empty: nothing")
    invert: bool = Field(description="whether the masks are everything except what was found")
    region: str = Field(description="which of the regions were taken; empty: all")
    seed: int
    queries: list[QueryFacts]
    missing: list[str] = Field(
        default=[], description="what else was asked, and there was no time left for"
    )
    evaluations: int = Field(ge=0, description="of the whole call: what was shared counts once")
    seconds: float = Field(ge=0, description="from the picture read to the last mask")
    notes: list[str] = Field(description="remarks on the picture, e.g. that only a frame is used")
    version: str = Field(description="of textseg")
