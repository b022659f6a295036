"""`textseg bench pie`: the published figures of PIE-Bench, for any editor.

PIE-Bench comes with PnP Inversion (Ju et al., arXiv:2310.01506): 700 pictures of ten kinds of
edits, each with two prompts, an instruction and a mask. The folder that it is unpacked to has
`mapping_file.json` and `annotation_images/`. `pie_figures.py` has the figures and names the quirks.
One more is not followed: the published runs saved their pictures under the names of the sources, as
JPEG files, and ours are measured without loss, so a background that was left alone can have an
infinite PSNR here and not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ValidationError

from textseg.errors import InvalidInputError, UnknownNameError
from textseg.images import open_picture
from textseg.lab.bench.editing.pie_figures import (
    COLUMNS,
    QUIRKS,
    Compat,
    PieTask,
    Quirks,
    measure,
    unavailable,
)
from textseg.lab.bench.editing.published import read_list, run_published, tell_first
from textseg.lab.bench.editing.report import EditingResult
from textseg.lab.bench.editing.tasks import Editor
from textseg.lab.bench.editing.words import change_between, without_marks
from textseg.lab.bench.metrics.features import Judges
from textseg.lab.bench.metrics.pixels import Mask
from textseg.progress import CancelToken, Follow, ProgressCallback

LAYOUT = "mapping_file.json and annotation_images/"
KINDS = {
    "0": "0 random",
    "1": "1 change object",
    "2": "2 add object",
    "3": "3 delete object",
    "4": "4 change content",
    "5": "5 change pose",
    "6": "6 change color",
    "7": "7 change material",
    "8": "8 change background",
    "9": "9 change style",
}


class PieEntry(BaseModel):
    """One entry of `mapping_file.json`; keys that are not used here are ignored."""

    image_path: str
    original_prompt: str
    editing_prompt: str
    editing_type_id: str
    blended_word: str = ""
    mask: list[int]


def run_pie(
    data: Path,
    editor: Editor,
    *,
    judges: Judges | None = None,
    compat: Compat = "pie",
    give_mask: bool = False,
    limit: int | None = None,
    seed: int = 0,
    about: Mapping[str, str] | None = None,
    results: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> EditingResult:
    """Edit the pictures of PIE-Bench and return the published figures.

    Args:
        data: the folder with `mapping_file.json` and `annotation_images/`.
        editor: what is measured. Its query and target are the blended words, see `change_between`.
        judges: the networks to measure with; figures that need a missing one are None.
        compat: "pie" for figures as published, "strict" for the same without the `QUIRKS`.
        give_mask: tell the editor the mask; otherwise it must find the place itself.
        limit: only the first items of the list.
        seed: handed to the editor with every item.
        about: what else a reader must know, e.g. model and method; two runs share a `results` file
            only if it is the same.
        results: a file of JSON lines; finished items are added to it, and not run again.
        progress: told of every item.
        cancel: looked at before every item.

    Raises:
        InvalidInputError: the folder is not laid out like that, no item could be measured, or
            `results` belongs to another run.
        UnknownNameError: there is no such `compat`.
        Cancelled: as asked.
    """
    if compat not in QUIRKS:
        raise UnknownNameError.among("compat", compat, QUIRKS)
    quirks, judges = QUIRKS[compat], judges or Judges()
    entries, fingerprint = read_entries(data)
    blank = EditingResult(
        benchmark="pie",
        facts={
            "compat": compat,
            "data": fingerprint,
            "seed": seed,
            "mask_given": give_mask,
            "judges": dict(judges.about),
            "about": dict(about or {}),
        },
        columns=COLUMNS,
        unavailable=unavailable(judges),
        groups=KINDS,
        say_counts=not quirks.drop_full_masks_silently,
    )

    def load(key: str) -> PieTask:
        task = load_task(data, check_entry(entries[key]), quirks=quirks, seed=seed)
        return replace(task, mask=task.region if give_mask else None)

    found = run_published(
        blank,
        entries,
        editor,
        load=load,
        measure=partial(measure, quirks=quirks, judges=judges),
        limit=limit,
        results=results,
        follow=Follow(progress, cancel),
    )
    return replace(found, facts={**found.facts, "quirks": asdict(quirks)})


def read_entries(data: Path) -> tuple[dict[str, object], str]:
    """Return the entries of `mapping_file.json` by their key, unchecked, and its fingerprint.

    Raises:
        InvalidInputError: it is missing, or is no JSON object with an entry at least.
    """
    path = data / "mapping_file.json"
    parsed, fingerprint = read_list(path, expected=LAYOUT)
    if not isinstance(parsed, dict) or not parsed:
        raise InvalidInputError(
            f"{path} must be an object with one entry for every picture, not {str(parsed)[:40]!r}",
            hint="download it again",
        )
    return parsed, fingerprint


def check_entry(raw: object) -> PieEntry:
    """Return an entry.

    Raises:
        InvalidInputError: something is missing or of the wrong type.
    """
    try:
        return PieEntry.model_validate(raw)
    except ValidationError as error:
        raise InvalidInputError(
            tell_first(error, whole="the entry"), hint="compare with the published file"
        ) from None


def load_task(data: Path, entry: PieEntry, *, quirks: Quirks, seed: int) -> PieTask:
    """Return what is asked for; the editor is not told where.

    Raises:
        InvalidInputError: the picture cannot be read, or the mask does not fit it.
    """
    image = open_picture(data / "annotation_images" / entry.image_path).visible()
    change = change_between(entry.original_prompt, entry.editing_prompt, blended=entry.blended_word)
    return PieTask(
        image=image,
        source_prompt=without_marks(entry.original_prompt),
        target_prompt=without_marks(entry.editing_prompt),
        query=change.query,
        target=change.target,
        seed=seed,
        group=entry.editing_type_id,
        region=decode_mask(entry.mask, (image.shape[0], image.shape[1]), quirks=quirks),
    )


def decode_mask(runs: Sequence[int], shape: tuple[int, int], *, quirks: Quirks) -> Mask:
    """Return a mask (H, W) from pairs of start and length, counted along the rows from 0.

    Raises:
        InvalidInputError: a number is missing, is negative, or points beyond the picture.
    """
    total = shape[0] * shape[1]
    if len(runs) % 2:
        raise InvalidInputError(
            f"mask: {len(runs)} numbers cannot be pairs of start and length",
            hint="compare with the published file",
        )
    flat = np.zeros(total, bool)
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        _check_run(start, length, shape, quirks=quirks)
        flat[start : start + length] = True
    mask = flat.reshape(shape)
    if quirks.force_border:
        mask[[0, -1], :] = True
        mask[:, [0, -1]] = True
    return mask


def _check_run(start: int, length: int, shape: tuple[int, int], *, quirks: Quirks) -> None:
    total = shape[0] * shape[1]
    beyond = start >= total or (start + length > total and not quirks.cut_runs)
    if start < 0 or length < 0 or beyond:
        raise InvalidInputError(
            f"mask: the run of {length} from {start} does not lie in the {total} pixels of a "
            f"picture of {shape[1]} x {shape[0]}",
            hint="the picture must have its published size",
        )
