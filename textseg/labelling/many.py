"""Many pictures in one call: ``segment_many``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

from textseg.checking import MAX_PIXELS, Precision, check_arguments
from textseg.diffusion.mask_settings import Look
from textseg.diffusion.rivalry import PresenceRule
from textseg.errors import TextsegError
from textseg.images import ImageLike
from textseg.labelling.asking import PictureAsker
from textseg.labelling.making import threads_for
from textseg.labelling.settings import BATCH_SIZE, LabelSettings
from textseg.scene import ModelLike, load
from textseg.scene.opening import check_queries
from textseg.scene.options import DeviceLike
from textseg.segmentation.result import Segmentations


@dataclass(frozen=True, eq=False)
class PictureAnswer:
    """What came of one of many pictures.

    Attributes:
        source: the picture as it was given.
        found: where each query is; ``None`` where it could not be asked about.
        error: why not; ``None`` where it could.
    """

    source: ImageLike
    found: Segmentations | None
    error: TextsegError | None


def segment_many(
    pictures: Iterable[ImageLike],
    queries: Sequence[str],
    *,
    model: ModelLike = "picturebook",
    device: DeviceLike = "auto",
    dtype: Precision = "auto",
    reference: str | None = None,
    draws: int | None = None,
    attention: bool = True,
    seed: int = 0,
    presence: PresenceRule | None = None,
    look: Look = "whole",
    batch_size: int = BATCH_SIZE,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[PictureAnswer]:
    """Return an iterator of the answers about each picture, in the order of the pictures.

    The model is loaded once, and pictures are taken as they are needed, a few ahead. One that
    cannot be read is an answer with the error, and the next one follows. For more pictures than one
    would want to begin with again, ``textseg.label`` writes what is found to disk.

    Args:
        pictures: paths, files, PIL images, arrays; see ``open_picture``.
        queries: what to look for in each.
        model: as in ``Scene.open``.
        device: as in ``Scene.open``.
        dtype: as in ``Scene.open``.
        reference: as in ``Scene.segment_all``, and so are the arguments down to ``batch_size``.
        draws: noised copies of each picture.
        attention: use where the words are looked at.
        seed: decides the noises, which are the same for all pictures.
        presence: what decides whether a query is there.
        look: where: at the whole picture, or again in parts of it.
        batch_size: most rows in the network at once.
        max_pixels: a picture with more is not asked about.

    Raises:
        QueryError: no query, or an empty one.
        InvalidInputError: a number out of its range.
        ModelError: the model cannot be loaded.
    """
    settings = check_arguments(
        LabelSettings,
        {
            "queries": check_queries(queries),
            "dtype": dtype,
            "reference": reference,
            "draws": draws,
            "attention": attention,
            "seed": seed,
            "presence": presence,
            "look": look,
            "batch_size": batch_size,
            "max_pixels": max_pixels,
        },
    )
    return _answers(pictures, PictureAsker(partial(load, model, device=device), settings))


def _answers(pictures: Iterable[ImageLike], asker: PictureAsker) -> Iterator[PictureAnswer]:
    """Yield the answers in order, while the next pictures are at work."""

    def ask(source: ImageLike) -> PictureAnswer:
        try:
            return PictureAnswer(source, asker.ask(source, ""), None)
        except TextsegError as error:
            return PictureAnswer(source, None, error)

    threads, left = threads_for(asker.model), iter(pictures)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[PictureAnswer]] = deque()
        try:
            waiting.extend(pool.submit(ask, each) for each in islice(left, threads + 1))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(ask, each) for each in islice(left, 1))
        finally:
            for each in waiting:  # of a caller who has seen enough
                each.cancel()
