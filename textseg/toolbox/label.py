"""Many pictures: ``label_pictures``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from textseg.progress import CancelToken
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.label_facts import LabelArguments, LabelResult, LabelStatus
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.labelling.label import LabelProgress

SHOWN = 3  # errors that are told


def label_pictures(
    arguments: LabelArguments,
    *,
    setup: Setup = EMBEDDED,
    progress: Callable[[LabelProgress], None] | None = None,
    cancel: CancelToken | None = None,
) -> LabelResult:
    """Look for the queries in all pictures and write rows; return what has been done.

    Args:
        arguments: what to look for, and where; checked already.
        setup: with which model.
        progress: called with the work done.
        cancel: when it is raised, what is at hand is finished and the call returns.

    Raises:
        TextsegError: as ``textseg.label`` does.
        OSError: rows cannot be written.
    """
    from textseg.labelling.inputs import read_queries
    from textseg.labelling.label import label
    from textseg.labelling.rows import read_errors
    from textseg.labelling.settings import BATCH_SIZE

    file = arguments.queries_file
    further = [] if file is None else read_queries(Path(file))
    number, of = arguments.shard.split("/")
    one = arguments.pictures[0] if len(arguments.pictures) == 1 else None
    done = label(
        arguments.pictures if one is None else one,
        [*arguments.queries, *further],
        out=arguments.output,
        model=setup.model,
        base=setup.base,
        lora=setup.lora,
        device=setup.device,
        dtype=setup.dtype,
        offline=setup.offline,
        reference=arguments.reference,
        draws=arguments.draws,
        attention=arguments.attention,
        seed=arguments.seed,
        seed_by=arguments.seed_by,
        presence=arguments.presence,
        look=arguments.look,
        batch_size=BATCH_SIZE if setup.batch_size is None else setup.batch_size,
        max_pixels=setup.max_pixels,
        engine=arguments.engine,
        workers=arguments.workers,
        gpus_per_worker=arguments.gpus_per_worker,
        address=arguments.address,
        shard=(int(number), int(of)),
        retry_errors=arguments.retry_errors,
        progress=progress,
        cancel=cancel,
    )
    errors = islice(read_errors(done.folder), SHOWN) if done.errors else ()
    told = {**asdict(done), "folder": str(done.folder)}
    return LabelResult(**told, first_errors=list(errors), version=__version__)


def label_status(folder: Path) -> LabelStatus:
    """Return how far the job of a folder of labels has come; raises ``InvalidInputError``."""
    from textseg.labelling.job import job_status

    status = job_status(folder)
    told = {**asdict(status), "folder": str(folder), "remaining": status.remaining}
    return LabelStatus(**told)
