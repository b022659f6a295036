"""What others published on the sets that can be measured here, as shares.

The same method moves by 10 to 20 points between papers, with the background in or out, the list of
classes, synonyms and what is done to the masks afterwards. A row stands beside ours only where it
was measured the same way in these respects: with the categories of each picture given, or with all
of the set's categories and the background in competition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textseg.lab.bench.masks.truth import Layout
from textseg.lab.bench.tables import show, write_table

Asked = Literal["present", "all"]

_CONCEPTS = "ConceptAttention, arXiv:2502.04320, table 1"
_COMPLETE = "T2S, arXiv:2608.26624"


@dataclass(frozen=True)
class PublishedRow:
    """One method in one paper.

    Attributes:
        method: and the network that it asks.
        column: the title of our column that is the same figure.
        iou: the share.
        two_sided_ap: likewise; None where none is given.
        source: the paper that gives it.
    """

    method: str
    column: str
    iou: float
    two_sided_ap: float | None
    source: str


def _single(rows: Iterable[tuple[str, float, float]], on: str) -> tuple[PublishedRow, ...]:
    return tuple(
        PublishedRow(method, "single-class IoU", iou, ap, f"{_CONCEPTS}, {on}")
        for method, iou, ap in rows
    )


def _set_wide(rows: Iterable[tuple[str, float, str]], on: str) -> tuple[PublishedRow, ...]:
    return tuple(
        PublishedRow(method, "mIoU", iou, None, f"{source}; {on}") for method, iou, source in rows
    )


_VOC_GIVEN = _single(
    (
        ("DAAM (Stable Diffusion 2)", 0.450, 0.830),
        ("DAAM (SDXL)", 0.560, 0.883),
        ("OVAM (SDXL)", 0.581, 0.879),
        ("cross-attention (SD 3.5)", 0.615, 0.870),
        ("cross-attention (Flux)", 0.548, 0.891),
        ("ConceptAttention (SD 3.5)", 0.699, 0.900),
        ("ConceptAttention (Flux)", 0.765, 0.902),
    ),
    "the 930 pictures of VOC with one class",
)
_IMAGENET_GIVEN = _single(
    (
        ("DAAM (Stable Diffusion 2)", 0.476, 0.780),
        ("DAAM (SDXL)", 0.646, 0.888),
        ("OVAM (SDXL)", 0.650, 0.881),
        ("cross-attention (SD 3.5)", 0.637, 0.835),
        ("cross-attention (Flux)", 0.599, 0.872),
        ("ConceptAttention (SD 3.5)", 0.675, 0.908),
        ("ConceptAttention (Flux)", 0.710, 0.905),
    ),
    "ImageNet-Segmentation: other pictures (4276) with other masks than ImageNet-S",
)
_VOC_ALL = _set_wide(
    (
        ("DiffSegmenter", 0.601, _COMPLETE),
        ("DiffCut + CLIP", 0.630, "DiffCut"),
        ("OVDiff, ensemble", 0.674, _COMPLETE),
        ("iSeg", 0.682, "ComCD"),
        ("T2S (SD 1.4, SAM, CLIP)", 0.742, _COMPLETE),
    ),
    "VOC21: 20 classes and background",
)
_COCO_ALL = _set_wide(
    (
        ("DiffSegmenter", 0.379, _COMPLETE),
        ("DiffCut + CLIP", 0.360, "DiffCut"),
        ("OVDiff, ensemble", 0.406, _COMPLETE),
        ("iSeg", 0.384, "ComCD"),
        ("T2S (SD 1.4, SAM, CLIP)", 0.456, _COMPLETE),
    ),
    "COCO-Object: 80 classes and background",
)
_EDITING = tuple(
    PublishedRow(
        method, "mIoU", iou, None, f"InstDiffEdit, arXiv:2401.07709; {seconds} s a picture"
    )
    for method, iou, seconds in (
        ("DiffEdit, as re-implemented there", 0.330, 64.0),
        ("InstDiffEdit", 0.562, 10.8),
    )
)

PUBLISHED: dict[tuple[Layout, Asked], tuple[PublishedRow, ...]] = {
    ("voc", "present"): _VOC_GIVEN,
    ("imagenet-s", "present"): _IMAGENET_GIVEN,
    ("voc", "all"): _VOC_ALL,
    ("coco", "all"): _COCO_ALL,
    ("editing-mask", "present"): _EDITING,
}


def write_published(rows: Iterable[PublishedRow]) -> str:
    """Return a Markdown table."""
    return write_table(
        ["published", "compare with", "IoU", "two-sided AP", "source"],
        (
            [
                row.method,
                row.column,
                f"{row.iou:.3f}",
                show(row.two_sided_ap, "{:.3f}"),
                row.source,
            ]
            for row in rows
        ),
    )
