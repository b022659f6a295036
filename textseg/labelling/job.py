"""A folder of labels: what its rows are made from, in ``job.json``, and how far it has come."""

from __future__ import annotations

import reprlib
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import ValidationError

from textseg.checking import Facts
from textseg.errors import InvalidInputError, ModelError, WorkspaceError
from textseg.files import naming_target, usable_folder
from textseg.labelling.inputs import Listing
from textseg.labelling.parts import pictures_in, replace_file, settle
from textseg.labelling.rows import arrow, part_files
from textseg.labelling.settings import LabelSettings

JOB, WEIGHTS = "job.json", "weights.json"
LATEST = 64  # parts that the pace of a job is told from
PAUSE = 20  # times the usual gap between two parts; what is longer is a pause


class LabelJob(Facts):
    """What ``job.json`` holds.

    Attributes:
        format: of this file and of the rows.
        root: what the paths of the pictures start from.
        pictures: how many there were when the job was last begun.
        settings: what decides the rows.
    """

    format: Literal[1] = 1
    root: str
    pictures: int
    settings: LabelSettings


@dataclass(frozen=True)
class JobStatus:
    """How far a job has come.

    Attributes:
        folder: where its rows are.
        pictures: of the job; with those that went in another time, where their number is smaller.
        done: pictures that have rows.
        errors: pictures among them that could not be asked about.
        rate: pictures a second of late, of all workers together; ``None``: not known.
        idle: seconds since the last part was written; ``None``: there is none.
    """

    folder: Path
    pictures: int
    done: int
    errors: int
    rate: float | None
    idle: float | None

    @property
    def remaining(self) -> float | None:
        """Seconds that the rest takes at this rate; ``None``: not known."""
        return None if not self.rate else (self.pictures - self.done) / self.rate


def open_job(folder: Path, settings: LabelSettings, listing: Listing) -> LabelJob:
    """Return the job of a folder of labels, which is begun where there is none.

    Raises:
        InvalidInputError: the folder has labels that were made in another way, or it is none.
        MissingExtraError: a library that rows need is not installed.
    """
    arrow()
    usable_folder(folder)
    with naming_target(folder):
        folder.mkdir(parents=True, exist_ok=True)
    asked = LabelJob(root=str(listing.root), pictures=len(listing.pictures), settings=settings)
    if not (folder / JOB).exists() and part_files(folder):
        raise WorkspaceError(f"{folder} has labels, but no {JOB} that says how they were made")
    settle(folder / JOB, _content(asked))
    begun = read_job(folder)
    _refuse_others(folder, begun, asked)
    if begun != asked:
        replace_file(folder / JOB, _content(asked))
    return asked


def read_job(folder: Path) -> LabelJob:
    """Return the job of a folder of labels; raises ``InvalidInputError`` where it is none."""
    path = folder / JOB
    if not path.is_file():
        raise InvalidInputError(
            f"{folder} is no folder of labels: it has no {JOB}", hint="`textseg label` makes one"
        )
    try:
        return LabelJob.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise WorkspaceError(f"{path} cannot be read: {error}") from error


def check_weights(folder: Path, model: str, fingerprint: str) -> None:
    """Raise ``ModelError`` where other rows of a folder were made with other weights."""
    path = folder / WEIGHTS
    known = settle(path, f'{{"fingerprint": "{fingerprint}"}}\n'.encode()).decode()
    if fingerprint not in known:
        raise ModelError(
            f"the weights of {model!r} here ({fingerprint}) are not those that the rows in "
            f"{folder} were made with ({known.strip()})",
            hint="take the same ones, or another folder",
        )


def job_status(folder: Path) -> JobStatus:
    """Return how far a job has come, which may be running elsewhere; sets no file aside."""
    job, files = read_job(folder), part_files(folder)
    found = {path: pictures_in(path) for path in files}
    written = sorted((path.stat().st_mtime, len(found[path].ids)) for path in files)
    done = frozenset[str]().union(*(each.ids for each in found.values()))
    failed = frozenset[str]().union(*(each.failed for each in found.values()))
    return JobStatus(
        folder=folder,
        pictures=max(job.pictures, len(done)),
        done=len(done),
        errors=len(failed),
        rate=_rate(written[-LATEST:]),
        idle=max(0.0, time.time() - written[-1][0]) if written else None,
    )


def _rate(written: list[tuple[float, int]]) -> float | None:
    """Return the pictures a second of parts, given when each was written and how many it has.

    What lies before a pause is not counted.
    """
    gaps = [after[0] - before[0] for before, after in pairwise(written)]
    if not gaps:
        return None
    pauses = [k for k, gap in enumerate(gaps) if gap > PAUSE * (median(gaps) or gap)]
    since = written[pauses[-1] + 1 if pauses else 0 :]
    seconds = since[-1][0] - since[0][0]
    return sum(count for _, count in since[1:]) / seconds if seconds else None


def _refuse_others(folder: Path, begun: LabelJob, asked: LabelJob) -> None:
    told, wanted = (_told(job) for job in (begun, asked))
    other = next((name for name in wanted if told[name] != wanted[name]), None)
    if other is not None:
        what = "pictures below" if other == "root" else other.replace("_", " ")
        raise InvalidInputError(
            f"the labels in {folder} were begun with {what} {_short(told[other])}, not "
            f"{_short(wanted[other])}",
            hint="ask as before, or choose another folder",
        )


def _told(job: LabelJob) -> dict[str, object]:
    return {"root": job.root, **job.settings.model_dump(mode="json")}


def _short(value: object) -> str:
    return reprlib.repr(value) if isinstance(value, list) else repr(value)


def _content(job: LabelJob) -> bytes:
    return (job.model_dump_json(indent=2) + "\n").encode()
