"""``textseg.label``: many pictures, asked about by any number of workers, their rows on disk."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from textseg.checking import MAX_PIXELS, Precision, check_arguments
from textseg.diffusion.mask_settings import Look
from textseg.diffusion.rivalry import PresenceRule
from textseg.errors import InvalidInputError
from textseg.labelling.engines.local import run_locally
from textseg.labelling.engines.ray import RayPool, run_on_ray
from textseg.labelling.inputs import Listing, PictureSource, list_pictures
from textseg.labelling.job import open_job
from textseg.labelling.parts import LabelPart, failed_parts, form_parts, known_pictures, left_of
from textseg.labelling.rows import LabelRow, read_rows
from textseg.labelling.settings import BATCH_SIZE, LabelSettings, SeedBy
from textseg.labelling.worker import PartReport, WorkPlace
from textseg.progress import CancelToken, Progress
from textseg.registry.models import check_model
from textseg.scene.opening import check_queries

Engine = Literal["local", "ray"]
LATEST = 32  # parts that the pace is told from


@dataclass(frozen=True)
class LabelProgress(Progress):
    """How far this call has come: ``step`` of ``of`` pictures have rows.

    Attributes:
        errors: pictures among them that could not be asked about.
        rate: pictures a second of late, of all workers of this call together; ``None``: not known.
    """

    errors: int = 0
    rate: float | None = None


@dataclass(frozen=True)
class Labelled:
    """What a call has done.

    Attributes:
        folder: of the labels.
        pictures: that this call was to see to: those of its shard.
        known: those that had rows before.
        asked: those that the model was asked about now.
        errors: those that could not be asked about, at any time.
        seconds: that it took, loading the model included.
        left: those that have no rows yet, because it was stopped.
    """

    folder: Path
    pictures: int
    known: int
    asked: int
    errors: int
    seconds: float
    left: int

    def rows(self) -> Iterator[LabelRow]:
        """Yield the rows in the folder, those of other calls too."""
        return read_rows(self.folder)


def label(
    pictures: PictureSource,
    queries: Sequence[str],
    *,
    out: str | os.PathLike[str] = "labels",
    model: str | os.PathLike[str] = "picturebook",
    base: str | os.PathLike[str] | None = None,
    lora: Sequence[str | os.PathLike[str]] = (),
    dtype: Precision = "auto",
    device: str = "auto",
    offline: bool = False,
    reference: str | None = None,
    draws: int | None = None,
    attention: bool = True,
    seed: int = 0,
    seed_by: SeedBy = "job",
    presence: PresenceRule | None = None,
    look: Look = "whole",
    batch_size: int = BATCH_SIZE,
    max_pixels: int = MAX_PIXELS,
    engine: Engine = "local",
    workers: int | None = None,
    gpus_per_worker: float = 0.0,
    address: str | None = None,
    shard: tuple[int, int] = (1, 1),
    retry_errors: bool = False,
    progress: Callable[[LabelProgress], None] | None = None,
    cancel: CancelToken | None = None,
) -> Labelled:
    """Look for every query in every picture, and write what is found to disk as it comes.

    Called again it goes on where it was stopped, by whatever. A picture that cannot be read is an
    error in its rows. From every engine, and from any number of workers and shards on the same kind
    of device, come the same files. In a script call it below ``if __name__ == "__main__":``.

    Args:
        pictures: a folder, a pattern, a list, a table or paths; see ``list_pictures``.
        queries: what to look for in each.
        out: folder for the rows, made when missing.
        model: a registered name, a folder, a file or a hub id: workers load it.
        base: as in ``load``, and so is ``lora``.
        lora: files that are added to its weights.
        dtype: its precision, "auto" for the fastest safe one; what that cannot hold is asked about
            again in float32.
        device: where the model runs; "auto" and a kind of device are all devices of that kind.
        offline: never ask the hub.
        reference: as in ``Scene.segment_all``, and so are the arguments down to ``batch_size``.
        draws: noised copies of each picture.
        attention: use where the words are looked at.
        seed: decides the noises.
        seed_by: "job", the same noises for all pictures; "picture", others for each, so that the
            errors of what is trained on the masks are not all alike.
        presence: what decides whether a query is there.
        look: where: at the whole picture, or again in parts of it.
        batch_size: most rows in the network at once.
        max_pixels: a picture with more is not asked about.
        engine: "local", processes on this machine; "ray", Ray Data.
        workers: how many; ``None``: one a device, on processors one a core.
        gpus_per_worker: with Ray, the share of a GPU that each takes; 0: processors.
        address: of a Ray cluster; ``None``: that of RAY_ADDRESS, else one is started here.
        shard: (i, n) does the i-th of n shares of the job, counted from 1.
        retry_errors: ask again about pictures that have an error.
        progress: called with the work done.
        cancel: when it is raised, the parts at hand are finished and the call returns.

    Raises:
        InvalidInputError: there are no such pictures, or the folder's rows were made otherwise.
        ModelError: the model cannot be loaded, or is not the one that the folder's rows are of.
        MissingExtraError: ``textseg[label]`` or ``textseg[ray]`` is not installed.
        OSError: rows cannot be written.
    """
    began = time.monotonic()
    settings = check_arguments(
        LabelSettings,
        {
            "queries": check_queries(queries),
            "model": _absolute(model),
            "base": None if base is None else _absolute(base),
            "lora": [_absolute(each) for each in lora],
            "dtype": dtype,
            "reference": reference,
            "draws": draws,
            "attention": attention,
            "seed": seed,
            "seed_by": seed_by,
            "presence": presence,
            "look": look,
            "batch_size": batch_size,
            "max_pixels": max_pixels,
        },
    )
    check_model(settings.model, local_files_only=offline)
    pool = RayPool(workers, gpus_per_worker, address)
    _check(engine, pool, shard)
    folder, listing = Path(out).absolute(), list_pictures(pictures)
    open_job(folder, settings, listing)
    work = _Work.left(folder, listing, shard, retry_errors=retry_errors)
    place, cancel = WorkPlace(str(folder), device, offline), cancel or CancelToken()
    tell = progress or (lambda _: None)
    tell(work.progress())
    for report in _run(engine, work.parts, place, pool=pool, cancel=cancel):
        work.add(report)
        tell(work.progress())
    return Labelled(
        folder=Path(out),
        pictures=work.pictures,
        known=work.known,
        asked=work.asked,
        errors=work.errors,
        seconds=time.monotonic() - began,
        left=work.pictures - work.done,
    )


@dataclass
class _Work:
    """The parts that a call is to do, and what has been done of them."""

    parts: list[LabelPart]
    pictures: int
    known: int
    errors: int
    asked: int = 0
    done: int = 0
    latest: deque[PartReport] = field(default_factory=lambda: deque(maxlen=LATEST))

    @classmethod
    def left(
        cls, folder: Path, listing: Listing, shard: tuple[int, int], *, retry_errors: bool
    ) -> _Work:
        """Return what is left of a share of a job."""
        known, share = known_pictures(folder), slice(shard[0] - 1, None, shard[1])
        own = form_parts(listing)[share]
        again = failed_parts(folder, listing)[share] if retry_errors else []
        retried = {picture.id for part in again for picture in part.pictures}
        there = {picture.id for part in own for picture in part.pictures} & known.ids - retried
        todo = [*again, *left_of(own, known)]
        return cls(
            parts=todo,
            pictures=len(there) + sum(len(part.pictures) for part in todo),
            known=len(there),
            errors=len(there & known.failed),
            done=len(there),
        )

    def add(self, report: PartReport) -> None:
        """Count a part that is done."""
        self.done += report.pictures
        self.errors += report.errors
        self.asked += report.asked
        self.latest.append(report)

    def progress(self) -> LabelProgress:
        """Return how far the call is; what is left is told from what workers did of late."""
        asked = sum(report.asked for report in self.latest)
        seconds = sum(report.seconds for report in self.latest)
        workers = len({report.worker for report in self.latest})
        rate = workers * asked / seconds if asked and seconds else None
        return LabelProgress(
            stage="labelling",
            step=self.done,
            of=self.pictures,
            remaining=None if rate is None else (self.pictures - self.done) / rate,
            errors=self.errors,
            rate=rate,
        )


def _run(
    engine: Engine,
    parts: Sequence[LabelPart],
    place: WorkPlace,
    *,
    pool: RayPool,
    cancel: CancelToken,
) -> Iterator[PartReport]:
    """Return the reports of an engine; nothing is started where nothing is to do."""
    if not parts or cancel.cancelled:
        return iter(())
    if engine == "ray":
        return run_on_ray(parts, place, pool=pool, cancel=cancel)
    return run_locally(parts, place, workers=pool.workers, cancel=cancel)


def _check(engine: Engine, pool: RayPool, shard: tuple[int, int]) -> None:
    number, of = shard
    if not 1 <= number <= of:
        raise InvalidInputError(
            f"there is no shard {number} of {of}", hint=f"they count from 1 to {of}"
        )
    if pool.workers is not None and pool.workers < 1:
        raise InvalidInputError(f"workers is at least 1, got {pool.workers}")
    if pool.gpus_per_worker < 0:
        raise InvalidInputError(f"gpus_per_worker is at least 0, got {pool.gpus_per_worker:g}")
    if engine != "ray" and (pool.gpus_per_worker or pool.address is not None):
        raise InvalidInputError(
            "gpus_per_worker and address are of a Ray cluster", hint='choose the engine "ray"'
        )


def _absolute(source: str | os.PathLike[str]) -> str:
    """Return a folder or file ("FILE:WEIGHT" too) as workers elsewhere find it; a name as it is."""
    name = os.path.expanduser(os.fspath(source))
    there = any(os.path.exists(each) for each in (name, name.rpartition(":")[0]) if each)
    return os.path.abspath(name) if there else os.fspath(source)
