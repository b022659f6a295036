"""`textseg bench tedbench`: CLIP score against LPIPS on TEdBench, for any editor.

TEdBench comes with Imagic (Kawar et al., arXiv:2210.09276): 100 pairs of a picture and a target
text. The folder `tedbench` of its page has `input_list.json` and `originals/`. There are no source
prompts, so a captioner describes every picture, and no masks, so the editor has to find the place.
CLIP score says how well the picture fits the text, LPIPS how far it went from the original; either
alone is easy to win.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError
from textseg.images import open_picture
from textseg.lab.bench.editing.published import read_list, run_published, tell_first
from textseg.lab.bench.editing.report import Column, EditingResult
from textseg.lab.bench.editing.running import Figures
from textseg.lab.bench.editing.tasks import Captioner, Editor, EditTask
from textseg.lab.bench.editing.words import change_between
from textseg.lab.bench.metrics.features import Judges, clip_score, directional_similarity
from textseg.lab.bench.metrics.pixels import Rgb
from textseg.progress import CancelToken, Follow, ProgressCallback

LAYOUT = "input_list.json and originals/"
COLUMNS = (
    Column("clip_score", "CLIP score"),
    Column("clip_score_unedited", "CLIP score unedited"),
    Column("clip_directional", "CLIP directional", form="{:.3f}"),
    Column("lpips", "LPIPS", form="{:.3f}"),
)


class TedEntry(BaseModel):
    """One entry of `input_list.json`."""

    img_name: str
    target_text: str


def run_tedbench(
    data: Path,
    editor: Editor,
    captioner: Captioner,
    *,
    judges: Judges | None = None,
    limit: int | None = None,
    seed: int = 0,
    about: Mapping[str, str] | None = None,
    results: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> EditingResult:
    """Edit the pictures of TEdBench and return their figures.

    Args:
        data: the folder with `input_list.json` and `originals/`.
        editor: what is measured; query and target are where caption and target text differ.
        captioner: writes the source prompts.
        judges: the networks to measure with; figures that need a missing one are None.
        limit: only the first items of the list.
        seed: handed to the editor with every task.
        about: as in `run_pie`.
        results: as in `run_pie`.
        progress: told of every task.
        cancel: looked at before every task.

    Raises:
        InvalidInputError: the folder is not laid out like that, no item could be measured, or
            `results` belongs to another run.
        Cancelled: as asked.
    """
    judges = judges or Judges()
    entries, fingerprint = read_entries(data)
    blank = EditingResult(
        benchmark="tedbench",
        facts={
            "data": fingerprint,
            "seed": seed,
            "judges": dict(judges.about),
            "about": dict(about or {}),
        },
        columns=COLUMNS,
        unavailable=unavailable(judges),
    )
    return run_published(
        blank,
        entries,
        editor,
        load=lambda key: load_task(data, entries[key], captioner, seed=seed),
        measure=partial(measure, judges=judges),
        limit=limit,
        results=results,
        follow=Follow(progress, cancel),
    )


def choose_captioner(model: DiffusionModel, given: str | None) -> Captioner:
    """Return what describes pictures: a captioner by name, or the one that belongs to the model.

    Raises:
        InvalidInputError: neither is there.
    """
    from textseg.registry.captioners import load_captioner

    name = given or model.card.language.captioner
    if name is None:
        raise InvalidInputError(
            f"no captioner belongs to {model.name!r}, and TEdBench has no source prompts",
            hint="name one with --captioner: a BLIP folder or hub id",
        )
    caption: Captioner = load_captioner(name).caption
    return caption


def read_entries(data: Path) -> tuple[dict[str, TedEntry], str]:
    """Return the entries by "number picture: text", and the fingerprint of the list.

    Raises:
        InvalidInputError: the list is missing, is not JSON, or an entry is not as published.
    """
    path = data / "input_list.json"
    parsed, fingerprint = read_list(path, expected=LAYOUT)
    try:
        entries = TypeAdapter(list[TedEntry]).validate_python(parsed)
    except ValidationError as error:
        raise InvalidInputError(
            f"{path}: {tell_first(error, whole='the list')}",
            hint="it is a list of objects with img_name and target_text",
        ) from None
    if not entries:
        raise InvalidInputError(f"{path} is an empty list", hint="download it again")
    named = {
        f"{number} {entry.img_name}: {entry.target_text}": entry
        for number, entry in enumerate(entries)
    }
    return named, fingerprint


def load_task(data: Path, entry: TedEntry, captioner: Captioner, *, seed: int) -> EditTask:
    """Return what is asked for.

    Raises:
        ImageError: the picture cannot be read.
    """
    image = open_picture(data / "originals" / entry.img_name).visible()
    caption = captioner(image)
    change = change_between(caption, entry.target_text)
    return EditTask(
        image=image,
        source_prompt=caption,
        target_prompt=entry.target_text,
        query=change.query,
        target=change.target,
        seed=seed,
    )


def measure(task: EditTask, after: Rgb, *, judges: Judges) -> Figures:
    """Return the figures of one edit; None where a network is missing."""
    lpips = float(judges.lpips(task.image, after)) if judges.lpips else None
    clip = judges.features
    if clip is None:
        return {**{column.name: None for column in COLUMNS}, "lpips": lpips}
    source, target = clip.text_features(task.source_prompt), clip.text_features(task.target_prompt)
    before, now = clip.image_features(task.image), clip.image_features(after)
    return {
        "clip_score": clip_score(now, target),
        "clip_score_unedited": clip_score(before, target),
        "clip_directional": directional_similarity(
            image_before=before, image_after=now, text_before=source, text_after=target
        ),
        "lpips": lpips,
    }


def unavailable(judges: Judges) -> dict[str, str]:
    """Return the figures that cannot be measured with these networks, and why."""
    missing = {}
    if judges.features is None:
        reason = "needs the folder of a CLIP checkpoint"
        missing = {column.name: reason for column in COLUMNS if column.name != "lpips"}
    if judges.lpips is None:
        missing["lpips"] = "needs an LPIPS network, which this package does not bring"
    return missing
