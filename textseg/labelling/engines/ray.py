"""Workers on a Ray cluster, or on this machine as one: a pool of actors of Ray Data.

Nothing depends on Ray but who runs where. Its own ways of losing and repeating work do no harm,
because a worker writes its parts itself, and writes none that is there. What is known to go wrong:

* An actor's constructor is kept in the object store, and where it is lost from there the actor
  cannot be restarted (ray-project/ray#53727; Ray warns of it in every run): ours is told a folder
  and reads everything else there, so there is little to lose.
* A pool of one whose actor dies can hang where errors are forgiven
  (ray-project/ray#62746, ``max_errored_blocks``): none are, and parts come one to a block.
* The raylet ends itself where its helpers take longer than 15 seconds to start, as they may on a
  busy machine, and no setting allows more: it is tried again.
"""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from textseg.errors import InvalidInputError, TextsegError, needing_extra
from textseg.labelling.parts import LabelPart
from textseg.labelling.worker import PartReport, PartWorker, WorkPlace, use_one_core
from textseg.progress import CancelToken

STARTS = 3  # tries, where a busy machine takes longer than Ray waits


@dataclass(frozen=True)
class RayPool:
    """What a job takes of a cluster.

    Attributes:
        workers: how many actors, of one core each; ``None``: as many as there is room for.
        gpus_per_worker: the share of a GPU that each takes; 0: they compute on processors.
        address: of a running cluster, "auto" for that of this machine; ``None``: that of the
            variable RAY_ADDRESS, else one is started here, and stopped at the end.
    """

    workers: int | None = None
    gpus_per_worker: float = 0.0
    address: str | None = None


def run_on_ray(
    parts: Sequence[LabelPart], place: WorkPlace, *, pool: RayPool, cancel: CancelToken
) -> Iterator[PartReport]:
    """Yield a report of each part that is done, in the order in which they are.

    When ``cancel`` is raised no further part is begun with, and those at hand are finished.

    Args:
        parts: what is to do.
        place: where; the folder has to be the same on all machines.
        pool: on how much of which cluster.
        cancel: looked at after each part.

    Raises:
        MissingExtraError: Ray is not installed.
        TextsegError: what a worker raised while it loaded its model.
    """
    ray = _ray()
    own = not ray.is_initialized()
    if own:
        _start(ray, pool.address)
    try:
        yield from _reports(ray, parts, place, pool, cancel)
    finally:
        if own:
            ray.shutdown()


class _RayWorker:
    """A ``PartWorker`` as Ray Data calls it. Errors are told, not raised: Ray would wrap them."""

    def __init__(self, place: WorkPlace, stop: str) -> None:
        self._stop, self._failed = Path(stop), None
        use_one_core(place.device)
        try:
            self._work = PartWorker(place)
        except TextsegError as error:
            self._failed = error

    def __call__(self, row: dict[str, Any]) -> dict[str, bytes]:  # Any: as Ray has it
        return {"told": pickle.dumps(self._done(pickle.loads(row["part"])))}

    def _done(self, part: LabelPart) -> PartReport | Exception | None:
        if self._failed or self._stop.exists():
            return self._failed
        try:
            return self._work(part)
        except (TextsegError, OSError) as error:
            return error


def _reports(
    ray: ModuleType,
    parts: Sequence[LabelPart],
    place: WorkPlace,
    pool: RayPool,
    cancel: CancelToken,
) -> Iterator[PartReport]:
    from ray.data import ActorPoolStrategy, from_items

    stop = Path(place.folder, f".stop-{uuid4().hex}")  # what every machine can see
    rows = from_items(
        [{"part": pickle.dumps(part)} for part in parts], override_num_blocks=len(parts)
    )
    rows.context.enable_progress_bars = False
    told = rows.map(
        _RayWorker,  # type: ignore[arg-type]  # a class will do, says its documentation
        fn_constructor_args=(place, str(stop)),
        compute=ActorPoolStrategy(size=min(_room(ray, pool), len(parts))),
        num_cpus=1,
        num_gpus=pool.gpus_per_worker,
    )
    try:
        for row in told.iter_rows():
            report = pickle.loads(row["told"])
            if isinstance(report, Exception):
                raise report
            if cancel.cancelled:
                stop.touch()
            if report is not None:
                yield report
    finally:
        stop.unlink(missing_ok=True)


def _room(ray: ModuleType, pool: RayPool) -> int:
    """Return how many workers there are to be."""
    if pool.workers is not None:
        return pool.workers
    there = ray.cluster_resources()
    share = pool.gpus_per_worker
    return max(1, int(there.get("GPU", 0) / share if share else there.get("CPU", 1)))


def _start(ray: ModuleType, address: str | None) -> None:
    """Connect to a cluster, or start one; see above for what may be slow about that."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told about what runs here
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    for tries_left in reversed(range(STARTS)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # on its own variables
                ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
            return
        except ConnectionError as error:
            raise InvalidInputError(
                f"there is no Ray cluster at {address}: {error}",
                hint="`ray start --head` starts one",
            ) from error
        except Exception as error:  # Ray has no class for it
            if "during startup" not in str(error) or not tries_left:
                raise TextsegError(
                    f"Ray cannot be started: {error}",
                    hint="often the machine is busy; `ray start --head` starts a cluster by hand",
                ) from error


def _ray() -> ModuleType:
    with needing_extra('the engine "ray" needs Ray Data', "ray"):
        import ray
        import ray.data
    library: ModuleType = ray
    return library
