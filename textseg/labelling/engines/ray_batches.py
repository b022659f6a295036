"""Rows of labels for batches of pictures, as Ray Data hands them on; ``textseg.ray.Label``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from textseg.checking import Precision, check_arguments
from textseg.errors import InvalidInputError
from textseg.images import ImageLike
from textseg.labelling.digests import digest
from textseg.labelling.inputs import ID, PATH, JobPicture
from textseg.labelling.making import RowMaker
from textseg.labelling.rows import table_of
from textseg.labelling.settings import BATCH_SIZE, LabelSettings, SeedBy
from textseg.labelling.worker import use_one_core
from textseg.scene.opening import check_queries

if TYPE_CHECKING:
    import pyarrow as pa

IMAGE, BYTES = "image", "bytes"  # further columns that are read


class LabelBatches:
    """A class for ``map_batches``: a batch of pictures goes in, their rows come out.

    A batch has a column ``path``; where it has one ``image`` (arrays) or ``bytes`` (files) as well,
    the pictures are taken from there. A column ``id`` names them; otherwise the path does.
    """

    def __init__(
        self,
        queries: Sequence[str],
        *,
        model: str = "picturebook",
        device: str = "auto",
        dtype: Precision = "auto",
        reference: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        seed_by: SeedBy = "job",
        batch_size: int = BATCH_SIZE,
    ) -> None:
        """Load the model; the arguments are those of ``textseg.label``."""
        use_one_core(device)
        settings = {
            "queries": check_queries(queries),
            "model": model,
            "dtype": dtype,
            "reference": reference,
            "draws": draws,
            "seed": seed,
            "seed_by": seed_by,
            "batch_size": batch_size,
        }
        self._maker = RowMaker(check_arguments(LabelSettings, settings), device=device)

    def __call__(self, batch: Mapping[str, NDArray[np.generic]]) -> pa.Table:
        """Return the rows of a batch, one for each picture and query.

        Raises:
            InvalidInputError: the batch has no column ``path``.
        """
        if PATH not in batch:
            raise InvalidInputError(
                f"a batch needs a column {PATH!r}, got {', '.join(sorted(batch))}"
            )
        told = [self._told(batch, row) for row in range(len(batch[PATH]))]
        made = self._maker.map(lambda each: self._maker.make(*each), told)
        return table_of([row for rows in made for row in rows])

    @staticmethod
    def _told(batch: Mapping[str, NDArray[np.generic]], row: int) -> tuple[JobPicture, ImageLike]:
        path = str(batch[PATH][row])
        name = str(batch[ID][row]) if ID in batch else digest([os.fsencode(path)])
        given = next((batch[column][row] for column in (IMAGE, BYTES) if column in batch), path)
        return JobPicture(name, path), given
