"""`textseg bench edges`: which refinement brings maps of cells closest to true masks of pictures.

Each label of each picture is a mask. It is made into a map of latent cells as a model may see it:
what it covers of each cell, blurred, brighter at its outline, with noise. Then it is refined, and
compared with the mask. The maps of a real model are not these: what counts is the order of the
rows, not their height.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special
from skimage import transform

from textseg.diffusion.mask_settings import RefineSettings, SoftenSettings
from textseg.errors import ImageError, InvalidInputError
from textseg.images import FORMATS, open_picture, opened
from textseg.lab.bench.scores import Mask, Soft, boundary_f, iou
from textseg.lab.bench.tables import write_table
from textseg.progress import Progress, ProgressCallback
from textseg.segmentation.guide import CellGrid, GuideImage
from textseg.segmentation.refine import sharpen
from textseg.segmentation.soft import HALF

CELLS = (64, 32, 16)  # of Stable Diffusion's own size, and of smaller latents
AREAS = (0.015, 0.5)  # of the picture: less is lost in the cells, more is what is around
BLUR = 0.7  # cells
OUTLINE = (0.75, 0.5)  # brightness inside, and what the sharpest outline adds
NOISE = 0.12
THRESHOLD = 0.45  # of the map, becomes 0.5
COLUMNS = ("refinement", "cells", "IoU", "boundary F", "seconds")


def rows() -> dict[str, RefineSettings]:
    """Return the refinements that are compared, by name: those of unknown models, and others."""
    usual = RefineSettings()
    guided = {f"guided, radius {r:g}": replace(usual, radius=r) for r in (0.5, 1.0, 2.0, 3.0)}
    return {
        "bicubic": replace(usual, method="bicubic", cut=None),
        **guided,
        "radius 1, not settled": replace(usual, cut=None),
        "radius 1, votes": replace(usual, votes=0.7),
        "radius 1, no specks": replace(usual, speck=0.25),
        "radius 1, votes, no specks": replace(usual, votes=0.7, speck=0.25),
    }


@dataclass
class _Sums:
    ious: list[float] = field(default_factory=list)
    boundaries: list[float] = field(default_factory=list)
    seconds: float = 0.0


def measure_edges(
    data: Path,
    masks: Path,
    *,
    cells: Sequence[int] = CELLS,
    ignore: Sequence[int] = (),
    limit: int | None = None,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:  # Any: JSON
    """Return the scores of all refinements on all masks, ready for JSON.

    Args:
        data: folder with pictures of any size.
        masks: folder with a label PNG for each of them, of the same name and size: one channel
            whose values number what is in the picture.
        cells: along the longer side of a picture.
        ignore: labels that name nothing.
        limit: so many pictures at most, spread evenly over those that there are.
        seed: of the noise in the maps.
        progress: told of every picture.

    Raises:
        InvalidInputError: there is nothing to measure, or a mask that belongs to no picture.
    """
    report = progress or (lambda _: None)
    pairs = find_pairs(data, masks)
    chosen = np.linspace(0, len(pairs) - 1, min(len(pairs), limit or len(pairs))).round()
    found = {(name, many): _Sums() for many in cells for name in rows()}
    for k, index in enumerate(chosen.astype(int)):
        report(Progress("pictures", k, len(chosen)))
        picture, labels = pairs[index]
        truths = list(_truths(read_labels(labels), ignore))
        rgb = open_picture(picture).visible()
        if truths and truths[0].shape != rgb.shape[:2]:
            raise InvalidInputError(f"{labels} is of another size than {picture}")
        for many in cells:
            _add(found, truths, rgb, many=many, seed=(seed, int(index)))
    report(Progress("pictures", len(chosen), len(chosen)))
    if not next(iter(found.values())).ious:
        raise InvalidInputError(
            f"no label in {masks} covers {AREAS[0]:.1%} to {AREAS[1]:.0%} of its picture"
        )
    return {
        "rows": [_row(*key, sums, found["bicubic", key[1]]) for key, sums in found.items()],
        "pictures": len(chosen),
        "masks": len(next(iter(found.values())).ious),
        "seed": seed,
    }


def table(report: dict[str, Any]) -> str:  # Any: what `measure_edges` returned
    """Return the report as a table in Markdown; seconds are multiples of those of enlarging."""
    keys = ("refinement", "cells", "iou", "boundary_f", "seconds_over_bicubic")
    forms = ("{}", "{}", "{:.3f}", "{:.3f}", "{:.1f}")
    cells = (
        [form.format(row[key]) for key, form in zip(keys, forms, strict=True)]
        for row in report["rows"]
    )
    facts = f"{report['masks']} masks of {report['pictures']} pictures, seed {report['seed']}"
    return f"{write_table(COLUMNS, cells)}\n\n{facts}"


def find_pairs(data: Path, masks: Path) -> list[tuple[Path, Path]]:
    """Return pictures with their label PNGs, by name."""
    suffixes = {suffix for usual in FORMATS.values() for suffix in usual}
    pictures = {
        path.stem: path for path in sorted(data.glob("*")) if path.suffix.lower() in suffixes
    }
    labels = sorted(masks.glob("*.png"))
    strangers = [path.name for path in labels if path.stem not in pictures]
    if not labels or strangers:
        what = f"of {strangers[0]} there is no picture in {data}" if labels else "there is none"
        raise InvalidInputError(
            f"each label PNG in {masks} needs a picture, but {what}",
            hint="give two folders, with files of the same names",
        )
    return [(pictures[path.stem], path) for path in labels]


def read_labels(path: Path) -> NDArray[np.integer[Any]]:  # Any: of so many bits
    """Return the values (H, W) of a PNG of one channel, those of a palette uncoloured.

    Raises:
        ImageError: it is damaged, no PNG, or has several channels.
    """
    try:
        with path.open("rb") as stream, opened(stream, ["PNG"]) as image:
            labels = np.asarray(image)
    except Exception as error:  # a decoder meeting a damaged file raises nearly anything
        raise ImageError(f"{path}: its labels cannot be read ({error})") from error
    if labels.ndim != 2:
        raise ImageError(
            f"{path} has {labels.shape[2]} channels",
            hint="labels are the values of one channel, grey or of a palette",
        )
    return labels


def simulate_cells(truth: Mask, grid: CellGrid, rng: np.random.Generator) -> Soft:
    """Return what a model may make of a mask (H, W): a soft mask of cells (h, w)."""
    size = int(grid.cells[0]), int(grid.cells[1])
    inside = truth.astype(np.float64)
    outline = ndimage.gaussian_gradient_magnitude(inside, grid.pixels)
    covered, edge = (
        transform.resize(values, size, order=1, anti_aliasing=True)
        for values in (inside, outline / max(outline.max(), 1e-9))
    )
    seen = ndimage.gaussian_filter(covered, BLUR) * (OUTLINE[0] + OUTLINE[1] * edge)
    clouds = ndimage.gaussian_filter(rng.normal(size=size), 1.0)
    noise = NOISE * (0.5 * clouds / max(clouds.std(), 1e-9) + 0.3 * rng.random(size))
    ratio = np.maximum(seen + noise, 1e-4) / THRESHOLD
    soft = special.expit(SoftenSettings().steepness * np.log(ratio))
    return np.asarray(soft, np.float32)


def _truths(labels: NDArray[np.integer[Any]], ignore: Sequence[int]) -> Iterator[Mask]:
    for label in np.unique(labels):
        truth = labels == label
        if label not in ignore and AREAS[0] < truth.mean() < AREAS[1]:
            yield truth


def _add(
    found: dict[tuple[str, int], _Sums],
    truths: Sequence[Mask],
    rgb: Soft,
    *,
    many: int,
    seed: tuple[int, int],
) -> None:
    """Add what each refinement makes of maps with ``many`` cells along the longer side."""
    size = rgb.shape[0], rgb.shape[1]
    tall, wide = (max(1, round(many * side / max(size))) for side in size)
    grid, rng = CellGrid(size, (tall, wide)), np.random.default_rng([*seed, many])
    maps = [simulate_cells(truth, grid, rng) for truth in truths]
    for name, settings in rows().items():
        image, sums = GuideImage(rgb, grid), found[name, many]
        for truth, soft in zip(truths, maps, strict=True):
            start = time.perf_counter()
            mask = sharpen(soft, image, settings) > HALF
            sums.seconds += time.perf_counter() - start
            sums.ious.append(iou(mask, truth))
            sums.boundaries.append(boundary_f(mask, truth))


def _row(name: str, cells: int, sums: _Sums, bicubic: _Sums) -> dict[str, Any]:  # Any: JSON
    return {
        "refinement": name,
        "cells": cells,
        "iou": statistics.fmean(sums.ious),
        "boundary_f": statistics.fmean(sums.boundaries),
        "seconds_over_bicubic": sums.seconds / bicubic.seconds,
    }
