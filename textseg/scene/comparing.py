"""From texts about a picture to the segmentations of a asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from textseg.cache import ByteCache
from textseg.diffusion.model import Conditioning
from textseg.editing.apply import FollowWalk
from textseg.encoded import EncodedPicture, Texts
from textseg.errors import InvalidInputError
from textseg.progress import Progress
from textseg.scene.opening import remarks_on
from textseg.segmentation.competing import Standing
from textseg.segmentation.difference import EstimateCache, RawMaps, noise_difference
from textseg.segmentation.presence import PresenceCalibration
from textseg.segmentation.result import Segmentation
from textseg.segmentation.settings import SegmentSettings

MAPS_BYTES = 64 * 2**20
INSTRUCTED = (
    "the model follows instructions: the mask is of what this one would change, and nothing is "
    "decided about what is there"
)


@dataclass
class Known:
    """What a model has said about one picture: maps by text and settings, and its references.

    The same for rivals: how queries did against them, and what the model said of them.
    """

    maps: ByteCache[RawMaps] = field(
        default_factory=lambda: ByteCache(MAPS_BYTES, lambda raw: raw.nbytes)
    )
    references: EstimateCache = field(default_factory=EstimateCache)
    standings: dict[tuple[str, SegmentSettings], Standing] = field(default_factory=dict)
    rivals: EstimateCache = field(default_factory=EstimateCache)


@dataclass(frozen=True, eq=False)
class Asking:
    """What one call asks a model about a picture with.

    Attributes:
        encoded: the picture, or the part of it that a window shows.
        settings: what decides the masks.
        texts: reads the words.
        batch_size: most rows in the network at once.
        known: what the model has said of this picture before; more is put in.
        follow: sees the work, may stop it.
    """

    encoded: EncodedPicture
    settings: SegmentSettings
    texts: Texts
    batch_size: int
    known: Known
    follow: FollowWalk


def compare(
    asking: Asking, texts: Conditioning, reference: Conditioning, *, own: EstimateCache | None
) -> list[RawMaps]:
    """Return the raw maps of the texts against the reference, without the cells of the padding.

    Those that are known come back as they are: sums of floats depend on what is computed together,
    so that maps made anew would differ in their last digits. They took no evaluations.
    ``own`` takes what the model says of the others.

    Raises:
        InvalidInputError: a cell head is asked for, and the model has none.
    """
    model, known, key = asking.encoded.model, asking.known, asking.settings.of_maps
    if asking.settings.soften.head and model.card.masks.head is None:
        raise InvalidInputError(
            f"the model {model.name!r} has no cell head on its card",
            hint="leave soften.head as it is: False",
        )
    kept = {text: known.maps.get((text, key)) for text in texts.prompts}
    found = {
        text: replace(raw, evaluations=0, shared_evaluations=0, batch_size=asking.batch_size)
        for text, raw in kept.items()
        if raw is not None
    }
    missing = [k for k, text in enumerate(texts.prompts) if text not in found]
    if missing:
        made = _compared(asking, texts[missing], reference, own=own)
        found |= {raw.query: known.maps.put((raw.query, key), raw) for raw in made}
    return [found[text] for text in texts.prompts]


def _compared(
    asking: Asking, texts: Conditioning, reference: Conditioning, *, own: EstimateCache | None
) -> list[RawMaps]:
    encoded, settings, known = asking.encoded, asking.settings, asking.known
    if known.references.full:  # of other settings, most likely
        known.references = EstimateCache()
    with torch.no_grad():
        raws = noise_difference(
            encoded.model,
            encoded.latents,
            texts,
            reference,
            draws=settings.draws,
            levels=settings.levels,
            sigma_range=settings.sigma_range,
            seed=settings.seed,
            antithetic=settings.antithetic,
            batch_size=asking.batch_size,
            tolerance=settings.tolerance,
            propagate=settings.propagate,
            cache=known.references,
            keep=own,
            progress=asking.follow.progress,
            cancel=asking.follow.cancel,
        )
    # cells that cover nothing but padding say nothing about the picture
    rows, cols = (-(-side // encoded.model.latent_stride) for side in encoded.padding.size)
    return [raw.cropped(rows, cols) for raw in raws]


def finish(
    asking: Asking,
    raws: Sequence[RawMaps],
    texts: Conditioning,
    *,
    reference: Conditioning,
    standings: Mapping[str, Standing],
) -> list[Segmentation]:
    """Return what the raw maps mean at the picture's own size, with all remarks.

    ``standings`` has how queries did against their rivals, for those that had to.
    Those on the texts come first, and among them those on words that the model does not know.
    """
    encoded, card = asking.encoded, asking.encoded.model.card
    calibration = PresenceCalibration.of(card.presence)
    report = asking.follow.progress or (lambda _: None)
    told = (INSTRUCTED,) if card.language.instructed else ()
    found = []
    for k, raw in enumerate(raws):
        report(Progress("refining", k, len(raws)))
        both = sorted((texts[k], reference), key=lambda text: not text.unknown[0])
        item = Segmentation.from_raw(
            raw,
            encoded.guide_image,
            settings=asking.settings,
            calibration=calibration,
            head=card.masks.head,
            unknown=any(text.unknown[0] for text in both),
            rivals=standings.get(raw.query),
        )
        remarks = dict.fromkeys(note for text in both for note in text.notes[0])
        about = (*encoded.picture.notes, *remarks_on(raw, asking.settings, asking.batch_size))
        notes = (*remarks, *told, *about)
        found.append(replace(item, notes=notes))
    report(Progress("refining", len(raws), len(raws)))
    return found
