"""Masks as a panel shows them: in words, and as files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zipfile import ZIP_STORED, ZipFile

from textseg.images import png_bytes, to_uint16
from textseg.segmentation.export import json_bytes, stems
from textseg.segmentation.mask import Mask


@dataclass(frozen=True)
class Shown:
    """One of the masks that are shown.

    Attributes:
        label: the query, or what the mask is called.
        handle: of the mask.
        mask: as it was made; it is shown cut where the controller says.
        presence: probability that it is in the picture; 1 for what a person painted, None where
            nothing can be said.
        present: the decision about it; None: nothing can be said.
        corrected: whether a person painted it, or corrected it.
        reason: why there is nothing in the mask; "" where there is something.
    """

    label: str
    handle: str
    mask: Mask
    presence: float | None
    present: bool | None
    corrected: bool
    reason: str = ""


def describe_mask(shown: Sequence[Shown], cut: float) -> str:
    """Return what a picture with masks, cut at ``cut``, shows, in words."""
    if not shown:
        return "The picture; nothing was looked for yet."
    first = sorted(shown, key=lambda each: each.present is not None)
    return "; ".join(_described(each, cut) for each in first)


def why_nothing(shown: Sequence[Shown], cut: float) -> str:
    """Return why nothing is known of a query, or nothing left of it; the picture says the rest."""
    return "; ".join(dict.fromkeys(each.reason for each in shown if _is_lost(each, cut)))


def _described(each: Shown, cut: float) -> str:
    if _is_lost(each, cut):
        return each.reason
    if not each.present:
        return f"{each.label}: not in this picture"
    return f"{each.label}: {each.mask.binary(cut).mean():.0%} of the picture"


def _is_lost(each: Shown, cut: float) -> bool:
    empty = bool(each.present and each.reason) and not each.mask.binary(cut).any()
    return each.present is None or empty


def files_of(
    shown: Sequence[Shown], masks: Sequence[Mask], *, image: str, cut: float
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of overlay, soft mask, binary mask and facts of everything shown.

    Args:
        shown: what is shown.
        masks: the same, cut where it is shown cut.
        image: handle of the picture.
        cut: where that is.
    """
    names = stems(each.label for each in shown)
    for stem, each, mask in zip(names, shown, masks, strict=True):
        facts = {
            "query": each.label,
            "mask": each.handle,
            "image": image,
            "present": each.present,
            "presence": each.presence,
            "threshold": cut,
            "area": float(mask.binary().mean()),
            "corrected": each.corrected,
        }
        yield f"{stem}_overlay.png", png_bytes(mask.overlay())
        yield f"{stem}_soft.png", png_bytes(to_uint16(mask.soft))
        yield f"{stem}_mask.png", png_bytes(mask.binary())
        yield f"{stem}.json", json_bytes(facts)


def zip_bytes(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return files as the content of one ZIP file; most are compressed already."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_STORED) as packed:
        for name, content in files:
            packed.writestr(name, content)
    return stream.getvalue()
