"""A second look at a large picture: what windows on it show, put into what the whole showed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textseg.diffusion.card import ModelCard
from textseg.encoded import EncodedPicture, encode_picture
from textseg.images import Picture
from textseg.scene.comparing import Asking, Known
from textseg.segmentation.pixels import MaskPixels
from textseg.segmentation.presence import PresenceCalibration, PresenceVerdict
from textseg.segmentation.result import Segmentation
from textseg.segmentation.settings import SegmentSettings
from textseg.segmentation.soften import soften
from textseg.segmentation.windows import Window, merged, tiles, windows_around

Ask = Callable[[Asking, Sequence[str]], list[Segmentation]]
"""Asks a model about a picture or a part of it."""

SAME = "the model reads the picture at its own size, so there was no second look"


class ReadWindows:
    """The windows of one picture that a model has read, and what it said of them."""

    def __init__(self, whole: EncodedPicture) -> None:
        """Take the whole picture."""
        self._whole = whole
        self._kept: dict[Window, tuple[EncodedPicture, Known]] = {}

    def __call__(self, window: Window) -> tuple[EncodedPicture, Known]:
        """Return the part of the picture, as the model reads it."""
        if window not in self._kept:
            rgb = self._whole.rgb[window.box]  # a view: windows are kept, and may be many
            part = encode_picture(self._whole.model, Picture(rgb, None, "RGB"), None)
            self._kept[window] = part, Known()
        return self._kept[window]


def look_again(
    asking: Asking, found: Sequence[Segmentation], *, ask: Ask, windows: ReadWindows
) -> list[Segmentation]:
    """Return what was found in the whole picture with what windows on it show.

    Args:
        asking: about the whole picture; the ``look`` of its settings says where the windows are:
            "zoom", around what was found of each query; "tiles", everywhere.
        found: what a first look showed of each query.
        ask: asks the model.
        windows: reads them.
    """
    whole, settings = asking.encoded, asking.settings
    plan = _plan(whole, found, settings)
    if not plan:
        return [replace(item, notes=(*item.notes, SAME)) for item in found]
    seen: dict[str, list[tuple[Window, Segmentation]]] = {item.query: [] for item in found}
    for k, (window, queries) in enumerate(plan.items()):
        part, known = windows(window)
        follow = asking.follow.named(f"window {k + 1} of {len(plan)}")
        answers = ask(replace(asking, encoded=part, known=known, follow=follow), queries)
        for first, item in zip((True, *[False] * len(answers)), answers, strict=False):
            seen[item.query].append((window, item if first else _without_shared(item)))
    if settings.look == "tiles":
        calibration = PresenceCalibration.of(whole.model.card.presence)
        seen = {query: _doubted(answers, calibration) for query, answers in seen.items()}
    return [_joined(item, seen[item.query]) for item in found]


def _plan(
    whole: EncodedPicture, found: Sequence[Segmentation], settings: SegmentSettings
) -> dict[Window, list[str]]:
    """Return the windows, and what is asked in each; of words that nobody knows nothing is."""
    native = whole.model.card.sizes.native
    if native is None:
        return {}
    asked: dict[Window, list[str]] = {}
    for item in found:
        if item.present is not None:
            for window in _windows(whole, item, settings, whole.model.card, native):
                asked.setdefault(window, []).append(item.query)
    return asked


def _windows(
    whole: EncodedPicture,
    item: Segmentation,
    settings: SegmentSettings,
    card: ModelCard,
    native: int,
) -> tuple[Window, ...]:
    if settings.look == "tiles":
        return tiles(whole.picture.size, native)
    cells = soften(item.raw, settings.soften, card.masks.head).soft
    return windows_around(cells, whole.grid, native, around=card.sizes.around)


def _joined(whole: Segmentation, seen: Sequence[tuple[Window, Segmentation]]) -> Segmentation:
    """Return what was found of a query, taken from each window that shows it or is surer of it."""
    if not seen:
        return replace(whole, notes=(*whole.notes, SAME))
    better = [
        (window, item) for window, item in seen if item.present or item.presence >= whole.presence
    ]
    where = [window for window, _ in better]
    best = max([whole, *(item for _, item in seen)], key=lambda item: item.presence)
    spent = sum(item.evaluations for _, item in seen)
    if whole.rivals is not None:
        spent += whole.rivals.evaluations
    rivals = best.rivals

    def spread() -> NDArray[np.float32]:
        return merged(whole.spread, where, (item.spread for _, item in better))

    return replace(
        whole,
        pixels=MaskPixels.of(merged(whole.soft, where, (item.soft for _, item in better)), spread),
        presence=best.presence,
        present=best.present,
        raw=replace(whole.raw, evaluations=whole.raw.evaluations + spent),
        rivals=rivals and replace(rivals, evaluations=0, shared_evaluations=0),
        notes=(*whole.notes, f"looked again in windows: {len(seen)}, {len(better)} of them used"),
    )


def _doubted(
    seen: Sequence[tuple[Window, Segmentation]], calibration: PresenceCalibration
) -> list[tuple[Window, Segmentation]]:
    """Return the answers of windows all over the picture with their odds shared out among them.

    The best of many looks at places where nothing is to be expected is sure of something too
    easily; each has the odds of one in so many (C. E. Bonferroni 1936).
    """
    found = []
    for window, item in seen:
        asked = calibration.rivals if item.rivals else calibration.suited_to(item.raw)
        before = PresenceVerdict(item.presence, asked.threshold)
        odds = before.probability / (1 - min(before.probability, 1 - 1e-9)) / len(seen)
        after = PresenceVerdict(odds / (1 + odds), asked.threshold)
        dimmed = np.float32(item.pixels.largest * after.gate / max(before.gate, 1e-9))
        pixels = replace(item.pixels, largest=dimmed)
        told = replace(item, pixels=pixels, presence=after.probability, present=after.present)
        found.append((window, told))
    return found


def _without_shared(item: Segmentation) -> Segmentation:
    """Return an answer without the evaluations that the first answer of its call has counted."""
    own = item.raw.evaluations - item.raw.shared_evaluations
    return replace(item, raw=replace(item.raw, evaluations=own, shared_evaluations=0))
