"""Rows of one picture after another, whatever happens to each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from textseg.diffusion.model import DiffusionModel
from textseg.errors import TextsegError, printable
from textseg.images import ImageLike
from textseg.labelling.asking import PictureAsker
from textseg.labelling.digests import fingerprint
from textseg.labelling.inputs import JobPicture
from textseg.labelling.rows import LabelRow, Origin, error_rows, rows_of
from textseg.labelling.settings import LabelSettings
from textseg.scene import load
from textseg.version import __version__

ItemT = TypeVar("ItemT")
MadeT = TypeVar("MadeT")

THREADS = 4  # on an accelerator: some pictures are read or get their edges while one is asked about


class RowMaker:
    """A model that makes rows; may be used from several threads.

    Attributes:
        origin: where its rows come from.
    """

    def __init__(self, settings: LabelSettings, *, device: str = "auto", offline: bool = False):
        """Load the model; raises ``ModelError`` where that is not possible."""
        loaded = partial(load, settings.model, device=device, local_files_only=offline)
        loaded = partial(loaded, base=settings.base, lora=settings.lora)
        self._settings, self._asker = settings, PictureAsker(loaded, settings)
        self.origin = Origin(
            self._asker.model.name,
            fingerprint(settings.model, base=settings.base, lora=settings.lora),
            settings.digest,
            __version__,
        )

    def make(self, picture: JobPicture, source: ImageLike) -> list[LabelRow]:
        """Return the rows of a picture, one for each query: of answers, or of the error."""
        try:
            found = self._asker.ask(source, picture.id)
        except TextsegError as error:
            return self.make_error(picture, self._words(picture, source, str(error)))
        except Exception as error:  # whatever it is, the other pictures are no worse for it
            words = f"{type(error).__name__}: {error}"
            return self.make_error(picture, self._words(picture, source, words))
        return rows_of(picture.id, printable(picture.path), found, origin=self.origin)

    def make_error(self, picture: JobPicture, error: str) -> list[LabelRow]:
        """Return the rows of a picture that cannot be asked about."""
        path, queries = printable(picture.path), self._settings.queries
        return error_rows(picture.id, path, queries, error=error, origin=self.origin)

    def map(self, make: Callable[[ItemT], MadeT], items: Iterable[ItemT]) -> list[MadeT]:
        """Return what is made of each item, in order; several at a time where that helps."""
        with ThreadPoolExecutor(threads_for(self._asker.model)) as threads:
            return list(threads.map(make, items))

    @staticmethod
    def _words(picture: JobPicture, source: ImageLike, words: str) -> str:
        """Return an error that names the picture as its row does, wherever its folder lies."""
        named = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
        return words.replace(printable(str(named)), printable(picture.path)) if named else words


def threads_for(model: DiffusionModel) -> int:
    """Return how many pictures a model is best asked about at a time."""
    return 1 if model.device.type == "cpu" else THREADS
