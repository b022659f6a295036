"""Masks as a panel shows them: in words, and as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
        presence: probability that it is in the picture; 1 for what a person painted.
        present: the decision about it.
        corrected: whether a person painted it, or corrected it.
    """

    label: str
    handle: str
    mask: Mask
    presence: float
    present: bool
    corrected: bool


def described(shown: Sequence[Shown], cut: float) -> str:
    """Return what a picture with masks, cut at ``cut``, shows, in words."""
    if not shown:
        return "The picture; nothing was looked for yet."
    return "; ".join(
        f"{each.label}: {each.mask.binary(cut).mean():.0%} of the picture"
        if each.present
        else f"{each.label}: not in this picture"
        for each in shown
    )


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
