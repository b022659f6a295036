"""Many pictures: which, what is looked for in them, who does it, and what has been done."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from textseg.checking import Facts, Query
from textseg.errors import InvalidInputError
from textseg.toolbox.common import FileName
from textseg.toolbox.segment_facts import LookArguments


def _share(text: str) -> str:
    told = re.fullmatch(r"(\d+)/(\d+)", text.replace(" ", ""))
    if told is None or not 1 <= int(told[1]) <= int(told[2]):
        raise InvalidInputError(
            f"a shard is I/N, such as 3/64, counted from 1 to N, got {text!r}",
            hint="a SLURM array of --array=1-64 gives $SLURM_ARRAY_TASK_ID/64",
        )
    return told[0]


class LabelArguments(LookArguments):
    """Which pictures, and what to look for in them; and who does it, which changes no mask."""

    pictures: list[FileName] = Field(min_length=1)
    queries: list[Query] = Field(default=[])
    queries_file: FileName | None = None
    output: FileName = "labels"
    seed_by: Literal["job", "picture"] = Field(
        default="job", description="whether all pictures get the same noises, or each its own"
    )
    engine: Literal["local", "ray"] = Field(
        default="local", description="who does it: processes on this machine, or Ray Data"
    )
    workers: int | None = Field(
        default=None, ge=1, description="how many; null: one a device, on processors one a core"
    )
    gpus_per_worker: float = Field(
        default=0, ge=0, description="with Ray, the share of a GPU that each takes; 0: processors"
    )
    address: str | None = Field(
        default=None,
        min_length=1,
        description="that of a Ray cluster; null: RAY_ADDRESS, else one is started here",
    )
    shard: Annotated[str, AfterValidator(_share)] = Field(
        default="1/1", description="do this share of the job only, such as 3/64"
    )
    retry_errors: bool = Field(
        default=False, description="ask again about pictures that have an error"
    )


class LabelResult(Facts):
    """What a call has done."""

    folder: FileName = Field(description="where the rows are")
    pictures: int = Field(ge=0, description="that the call was to see to: those of its shard")
    known: int = Field(ge=0, description="those that had rows before")
    asked: int = Field(ge=0, description="those that the model was asked about now")
    errors: int = Field(ge=0, description="those that could not be asked about, at any time")
    first_errors: list[str] = Field(description="why, for the first few of the folder")
    seconds: float = Field(ge=0, description="that it took, loading the model included")
    left: int = Field(ge=0, description="those that have no rows yet, because it was stopped")
    version: str = Field(description="of textseg")


class LabelStatus(Facts):
    """How far a job has come, whoever works on it."""

    folder: FileName
    pictures: int = Field(ge=0, description="of the whole job")
    done: int = Field(ge=0, description="those that have rows")
    errors: int = Field(ge=0, description="those that could not be asked about")
    rate: float | None = Field(
        description="pictures a second of late, all workers together; null: not known"
    )
    remaining: float | None = Field(description="seconds that the rest takes so; null: not known")
    idle: float | None = Field(
        description="seconds since the last rows were written; null: there are none"
    )
