"""The figures of PIE-Bench for one edited picture, with the surprises of its evaluation named.

Read from `evaluation/` of the code of PnP Inversion (Ju et al., arXiv:2310.01506). Figures have the
published names; a few of our own stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textseg.lab.bench.editing.report import Column, Ratio
from textseg.lab.bench.editing.running import Figures
from textseg.lab.bench.editing.tasks import EditTask
from textseg.lab.bench.metrics.features import (
    ImageTextFeatures,
    Judges,
    clip_gain,
    clip_score,
    directional_similarity,
    leakage,
    measure_structure,
)
from textseg.lab.bench.metrics.pixels import (
    Edges,
    Mask,
    Rgb,
    blanked,
    changed_pixels,
    mse,
    psnr,
    ssim,
)

Compat = Literal["pie", "strict"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PieTask(EditTask):
    """A task of PIE-Bench; `region` (h, w) is true where the picture was meant to change."""

    region: Mask


@dataclass(frozen=True)
class Quirks:
    """Where the published evaluation differs from what one would expect.

    Attributes:
        force_border: the first and last row and column count as part of every mask ("to avoid
            annotation errors"), so they are measured as edited and not as background.
        cut_runs: a run of a mask that reaches beyond the picture is cut off there; otherwise the
            item is refused.
        count_blanked: background figures are taken of the whole picture with the mask's inside
            painted black in both, so the inside counts as equal: PSNR rises by -10 log10(1 - f) for
            a mask that covers the share f. Otherwise only pixels of the background are averaged.
            LPIPS needs whole pictures and is always taken of the blanked ones.
        ssim_edges: as in `ssim`; torchmetrics cropped when the published tables were made.
        structure_top: the value of white in the pictures that the structure distance sees; their
            normalisation is made for 1, the published code leaves them at 255.
        structure_antialias: whether these pictures are smoothed before they are made smaller.
        drop_full_masks_silently: an item whose mask covers everything has no background; published
            as "nan", it is left out of background means without a word. Otherwise the table says
            how many items such a mean is over. JSON always does.
    """

    force_border: bool
    cut_runs: bool
    count_blanked: bool
    ssim_edges: Edges
    structure_top: float
    structure_antialias: bool
    drop_full_masks_silently: bool


QUIRKS: Mapping[str, Quirks] = {
    "pie": Quirks(
        force_border=True,
        cut_runs=True,
        count_blanked=True,
        ssim_edges="crop",
        structure_top=255.0,
        structure_antialias=False,
        drop_full_masks_silently=True,
    ),
    "strict": Quirks(
        force_border=False,
        cut_runs=False,
        count_blanked=False,
        ssim_edges="reflect",
        structure_top=1.0,
        structure_antialias=True,
        drop_full_masks_silently=False,
    ),
}

INSIDE, OUTSIDE = "clip_gain_foreground", "clip_gain_background"
BACKGROUND = (
    Column("psnr_unedit_part", "PSNR"),
    Column("lpips_unedit_part", "LPIPS x10^3", 1e3),
    Column("mse_unedit_part", "MSE x10^4", 1e4),
    Column("ssim_unedit_part", "SSIM x10^2", 1e2),
)
CLIP = (
    Column("clip_similarity_source_image", "CLIP source"),
    Column("clip_similarity_target_image", "CLIP whole"),
    Column("clip_similarity_target_image_edit_part", "CLIP edited"),
    Column("clip_directional", "CLIP directional", form="{:.3f}"),
    Column(INSIDE, "CLIP gain inside"),
    Column(OUTSIDE, "CLIP gain outside"),
    Column("leakage", "leakage", form="{:.3f}", ratio=Ratio(OUTSIDE, INSIDE, leakage)),
)
STRUCTURE = Column("structure_distance", "structure x10^3", 1e3)
CHANGED = Column("changed_pixels_background", "changed outside", form="{:.0f}")
COLUMNS = (STRUCTURE, *BACKGROUND, *CLIP, CHANGED)


def measure(task: PieTask, after: Rgb, *, quirks: Quirks, judges: Judges) -> Figures:
    """Return the figures of one edit; None where a network is missing or a region is empty.

    Args:
        task: what was asked for.
        after: (H, W, 3), the edited picture in steps of 1/255.
        quirks: how far to follow the published evaluation.
        judges: the networks.
    """
    before, outside = task.image, ~task.region
    return {
        STRUCTURE.name: _structure(before, after, quirks, judges),
        **_background(before, after, outside, quirks=quirks, judges=judges),
        **_clip(judges.features, task, after),
        CHANGED.name: changed_pixels(before, after, where=outside) if outside.any() else None,
    }


def unavailable(judges: Judges) -> dict[str, str]:
    """Return the figures that cannot be measured with these networks, and why."""
    missing: dict[str, str] = {}
    if judges.structure is None:
        missing[STRUCTURE.name] = "needs the folder of a DINO checkpoint"
    if judges.lpips is None:
        missing["lpips_unedit_part"] = "needs an LPIPS network, which this package does not bring"
    if judges.features is None:
        missing |= {column.name: "needs the folder of a CLIP checkpoint" for column in CLIP}
    return missing


def _structure(before: Rgb, after: Rgb, quirks: Quirks, judges: Judges) -> float | None:
    if judges.structure is None:
        return None
    return measure_structure(
        judges.structure,
        before,
        after,
        top=quirks.structure_top,
        antialias=quirks.structure_antialias,
    )


def _background(
    before: Rgb, after: Rgb, outside: Mask, *, quirks: Quirks, judges: Judges
) -> Figures:
    if not outside.any():
        return {column.name: None for column in BACKGROUND}
    first, second = blanked(before, outside), blanked(after, outside)
    where = None if quirks.count_blanked else outside
    return {
        "psnr_unedit_part": psnr(first, second, where=where),
        "lpips_unedit_part": float(judges.lpips(first, second)) if judges.lpips else None,
        "mse_unedit_part": mse(first, second, where=where),
        "ssim_unedit_part": ssim(first, second, where=where, edges=quirks.ssim_edges),
    }


def _clip(clip: ImageTextFeatures | None, task: PieTask, after: Rgb) -> Figures:
    if clip is None:
        return {column.name: None for column in CLIP if column.ratio is None}
    before, mask = task.image, task.region
    source, target = clip.text_features(task.source_prompt), clip.text_features(task.target_prompt)
    whole = [clip.image_features(rgb) for rgb in (before, after)]
    inside = [clip.image_features(blanked(rgb, mask)) for rgb in (before, after)]
    outside = [clip.image_features(blanked(rgb, ~mask)) for rgb in (before, after)]
    both = mask.any() and not mask.all()  # the gains are compared, so both or neither
    return {
        "clip_similarity_source_image": clip_score(whole[0], source),
        "clip_similarity_target_image": clip_score(whole[1], target),
        "clip_similarity_target_image_edit_part": (
            clip_score(inside[1], target) if mask.any() else None
        ),
        "clip_directional": directional_similarity(
            image_before=whole[0], image_after=whole[1], text_before=source, text_after=target
        ),
        INSIDE: clip_gain(before=inside[0], after=inside[1], text=target) if both else None,
        OUTSIDE: clip_gain(before=outside[0], after=outside[1], text=target) if both else None,
    }
