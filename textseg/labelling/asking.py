"""A model that one picture after another is asked about, always with the same questions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.editing.apply import FollowWalk
from textseg.encoded import Texts, encode_picture
from textseg.errors import PrecisionError
from textseg.images import ImageLike, open_picture
from textseg.labelling.settings import LabelSettings
from textseg.scene.answering import answer
from textseg.scene.comparing import Asking, Known
from textseg.scene.looking import ReadWindows
from textseg.segmentation.result import Segmentations


class ModelLoader(Protocol):
    """Loads a model."""

    def __call__(self, *, dtype: str) -> DiffusionModel:
        """Return the model in a precision, "auto" for the fastest safe one."""


class PictureAsker:
    """A model with texts that it has read; may be used from several threads.

    What it answers about a picture depends on nothing that it was asked before.

    Attributes:
        model: what is asked.
    """

    def __init__(self, load: ModelLoader, settings: LabelSettings) -> None:
        """Load the model, and have it read the texts.

        Raises:
            ModelError: it cannot be loaded.
        """
        self._load, self._settings = load, settings
        self._lock = threading.Lock()
        self.model = load(dtype=settings.dtype)
        self._texts = JobTexts.of(self.model, settings)
        self._full: JobTexts | None = None

    def ask(self, source: ImageLike, picture: str) -> Segmentations:
        """Return what is found of each query in a picture with an id.

        Where half precision cannot hold its numbers, it is asked about again in float32.

        Raises:
            TextsegError: as ``Scene.open`` and ``Scene.segment_all`` do.
        """
        try:
            return self._found(source, picture, self._texts)
        except PrecisionError:
            pass
        # outside the handler, where the error keeps the first try and its memory alive
        with self._lock:
            if self._full is None:
                self._full = JobTexts.of(self._load(dtype="float32"), self._settings)
        return self._found(source, picture, self._full)

    def _found(self, source: ImageLike, picture: str, texts: JobTexts) -> Segmentations:
        settings = self._settings
        opened = open_picture(source, max_pixels=settings.max_pixels)
        encoded = encode_picture(texts.model, opened, None)
        asking = Asking(
            encoded,
            settings.of_picture(picture, texts.model.card),
            texts,
            settings.batch_size,
            Known(),
            FollowWalk(),
        )
        found = answer(asking, settings.queries, ReadWindows(encoded))
        return Segmentations(tuple(found))


@dataclass
class JobTexts(Texts):
    """Texts for several threads; those that every picture is asked about are never forgotten."""

    _always: dict[tuple[str, ...], Conditioning] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def of(cls, model: DiffusionModel, settings: LabelSettings) -> JobTexts:
        """Return the texts of a job, read by a model."""
        texts = cls(model)
        reference = settings.of_picture("", model.card).reference
        for asked in (settings.queries, (reference,)):
            texts._always[asked] = texts.embed(asked)
        return texts

    def embed(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts, in their order."""
        with self._lock:
            always = self._always.get(tuple(prompts))
            return super().embed(prompts) if always is None else always
