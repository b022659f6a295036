"""What is asked about a picture of a set, and what a model and the peer answer."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from textseg.diffusion.model import DiffusionModel
from textseg.encoded import fit_image
from textseg.errors import InvalidInputError
from textseg.images import Picture, to_tensor, to_uint8
from textseg.lab.bench.masks.published import Asked
from textseg.lab.bench.masks.scoring import BACKGROUND, Tally, count
from textseg.lab.bench.masks.truth import Truth
from textseg.lab.bench.peer import EVALUATIONS, DiffEditMask, enlarge
from textseg.lab.bench.scores import Mask, Soft
from textseg.lab.bench.segment import THRESHOLDS
from textseg.scene import Scene
from textseg.segmentation.result import Segmentations
from textseg.toolbox.common import EMBEDDED, Setup


@dataclass(frozen=True)
class MaskBenchSettings:
    """What is measured, and how.

    Attributes:
        data: the set; see `LAYOUTS`.
        setup: the model, and where it runs.
        names: a file of names of classes; see `read_mask_set`.
        prompt: the query, with {} for the category.
        ask: "present" asks for the categories of each picture, each by itself, and for some that
            are not in it; "all" asks for all of the set, and a pixel belongs to the likeliest of
            them or to the background, which is a class then.
        absent: with "present", how many categories that are not in a picture are asked for.
        peer: whether the peer is asked too.
        limit: only the first pictures.
        seed: of the noise, and of the choice of what is absent.
        results: a file of JSON lines; finished pictures are added to it, and not asked again.

    Raises:
        InvalidInputError: the prompt has no place for the category.
    """

    data: Path
    setup: Setup = EMBEDDED
    names: Path | None = None
    prompt: str = "{}"
    ask: Asked = "present"
    absent: int = 2
    peer: bool = True
    limit: int | None = None
    seed: int = 0
    results: Path | None = None

    def __post_init__(self) -> None:
        """Check the prompt."""
        if "{}" not in self.prompt:
            raise InvalidInputError(
                f"prompt has no place for the category: {self.prompt!r}",
                hint='write {} there, as in "a photo of a {}"',
            )


@dataclass(frozen=True, eq=False)
class Answered:
    """The tallies of one method about one picture, by category, and what they cost."""

    tallies: Mapping[str, Tally]
    evaluations: float
    seconds: float


def choose_questions(
    truth: Truth, categories: Sequence[str], key: str, *, settings: MaskBenchSettings
) -> list[str]:
    """Return the categories that are asked of a picture; ``key`` decides with the seed.

    Raises:
        InvalidInputError: there is nothing to ask.
    """
    if settings.ask == "all":
        return list(categories)
    there = [name for name in truth.masks if _is_there(truth, name)]
    absent = [name for name in categories if _is_there(truth, name) is False]
    rng = np.random.default_rng([settings.seed, zlib.crc32(key.encode())])
    chosen = rng.permutation(len(absent))[: settings.absent]
    asked = [*there, *(absent[k] for k in sorted(chosen.tolist()))]
    if not asked:
        raise InvalidInputError(
            "nothing to ask: no category is there", hint="ask for absent ones too"
        )
    return asked


def ask_model(
    model: DiffusionModel,
    picture: Picture,
    truth: Truth,
    asked: Sequence[str],
    *,
    settings: MaskBenchSettings,
) -> Answered:
    """Return what `Scene.segment_all` says with default settings."""
    start = time.perf_counter()
    queries = [settings.prompt.replace("{}", name) for name in asked]
    found = Scene.open(picture, model).segment_all(queries, seed=settings.seed)
    seconds = time.perf_counter() - start
    binaries = _labels(found) if settings.ask == "all" else _single_masks(found)
    tallies = {
        name: replace(
            _tally(truth, name, masks, item.soft),
            presence=None if item.present is None else item.presence,
            present=item.present,
        )
        for name, masks, item in zip(asked, binaries, found, strict=True)
    }
    if settings.ask == "all":
        tallies[BACKGROUND] = _background(truth, binaries)
    return Answered(tallies, found.evaluations, seconds)


def ask_peer(
    peer: DiffEditMask,
    model: DiffusionModel,
    picture: Picture,
    truth: Truth,
    asked: Sequence[str],
    *,
    settings: MaskBenchSettings,
) -> Answered:
    """Return what the peer says to the questions about what is there.

    It sees the picture at the size at which the model reads it.
    """
    start = time.perf_counter()
    fitted = fit_image(model, to_tensor(picture.visible()), None).image
    seen = to_uint8(fitted[0].permute(1, 2, 0).numpy())
    tallies = {}
    for name in asked:
        if _is_there(truth, name):
            mask = peer(seen, settings.prompt.replace("{}", name), seed=settings.seed)
            mask = enlarge(mask, picture.size)
            tallies[name] = _tally(truth, name, [mask], mask.astype(np.float32))
    return Answered(tallies, float(EVALUATIONS * len(tallies)), time.perf_counter() - start)


def _is_there(truth: Truth, name: str) -> bool | None:
    """Return whether a category has pixels that count; None where that is doubtful."""
    if name in truth.masks:
        return True if (truth.masks[name] & truth.counted).any() else None
    return None if name in truth.doubtful else False


def _tally(truth: Truth, name: str, binaries: Sequence[Mask], soft: Soft) -> Tally:
    there, nothing = _is_there(truth, name), np.zeros(truth.counted.shape, bool)
    tally = count(
        binaries, soft, truth.masks.get(name, nothing), counted=truth.counted, there=there
    )
    return replace(tally, alone=list(truth.masks) == [name] and not truth.doubtful)


def _single_masks(found: Segmentations) -> list[list[Mask]]:
    """Return the masks of each query by itself: as found, then at every threshold."""
    return [[item.binary(), *(item.soft > level for level in THRESHOLDS)] for item in found]


def _labels(found: Segmentations) -> list[list[Mask]]:
    """Return the same with each pixel in the mask of the likeliest query alone."""
    labels = found.exclusive().labels
    softs = np.stack([item.soft for item in found])
    likeliest = softs.argmax(0)
    return [
        [labels == k + 1, *((soft > level) & (likeliest == k) for level in THRESHOLDS)]
        for k, soft in enumerate(softs)
    ]


def _background(truth: Truth, labels: Sequence[Sequence[Mask]]) -> Tally:
    there = np.logical_or.reduce([*truth.masks.values(), np.zeros(truth.counted.shape, bool)])
    free = [~np.logical_or.reduce(masks) for masks in zip(*labels, strict=True)]
    some = bool((~there & truth.counted).any())
    return count(free, None, ~there, counted=truth.counted, there=some)
