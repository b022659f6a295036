"""What every engine's workers do: ask about the pictures of a part, and write its file.

All that has to last lies here and not in an engine: a part that is there is not made again, and a
picture that workers die of is left alone, whoever starts the next worker.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from textseg.labelling.inputs import JobPicture
from textseg.labelling.job import check_weights, read_job
from textseg.labelling.making import RowMaker
from textseg.labelling.parts import MOST_DEATHS, BegunPictures, LabelPart, rows_of_part, write_part
from textseg.labelling.rows import LabelRow

DEADLY = f"{MOST_DEATHS} workers died while they asked about it"


@dataclass(frozen=True)
class WorkPlace:
    """Where a worker works; the same rows come from every one.

    Attributes:
        folder: of the labels.
        device: of the model.
        offline: never ask the hub.
    """

    folder: str
    device: str = "auto"
    offline: bool = False


@dataclass(frozen=True)
class PartReport:
    """A part that is done.

    Attributes:
        pictures: in it.
        errors: those that could not be asked about.
        asked: those that the model was asked about now.
        seconds: that took.
        worker: who did it.
    """

    pictures: int
    errors: int
    asked: int
    seconds: float
    worker: str


def use_one_core(device: str) -> None:
    """Let this process compute on one core, where it computes on processors.

    How many share a sum decides its last digits, and so would the number of workers.
    """
    import torch

    from textseg.backends.loading import choose_device

    if choose_device(device).type == "cpu":
        torch.set_num_threads(1)


class PartWorker:
    """Asks about the pictures of one part after another, and writes the file of each."""

    def __init__(self, place: WorkPlace) -> None:
        """Load the model of a job.

        Raises:
            ModelError: it cannot be loaded, or is not that of the rows in the folder.
        """
        self._folder = Path(place.folder)
        settings = read_job(self._folder).settings
        self._maker = RowMaker(settings, device=place.device, offline=place.offline)
        check_weights(self._folder, settings.model, self._maker.origin.fingerprint)

    def __call__(self, part: LabelPart) -> PartReport:
        """Ask about the pictures of a part, as far as its file does not have them yet."""
        start, kept = time.perf_counter(), self._kept(part)
        left = [picture for picture in part.pictures if picture.id not in kept]
        begun = BegunPictures(self._folder, part)
        deaths = begun.deaths()

        def make(picture: JobPicture) -> list[LabelRow]:
            if deaths[picture.id] >= MOST_DEATHS:
                return self._maker.make_error(picture, DEADLY)
            with begun.at(picture.id):
                return self._maker.make(picture, part.source(picture))

        made = dict(zip([each.id for each in left], self._maker.map(make, left), strict=True))
        rows = [(kept | made)[picture.id] for picture in part.pictures]
        if left:
            write_part(self._folder, part, [row for each in rows for row in each])
        begun.forget()
        errors = sum(each[0].error is not None for each in rows)
        seconds, worker = time.perf_counter() - start, f"{platform.node()} {os.getpid()}"
        return PartReport(len(rows), errors, len(left), seconds, worker)

    def _kept(self, part: LabelPart) -> dict[str, list[LabelRow]]:
        """Return the rows that the file of a part has, by picture; errors are tried again."""
        there = rows_of_part(self._folder, part) or []
        found = {key: list(rows) for key, rows in groupby(there, lambda row: row.id)}
        if not part.again:
            return found
        return {key: rows for key, rows in found.items() if rows[0].error is None}
