"""Labels written in the format of another tool: all of them, or nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from textseg.checking import Facts
from textseg.errors import UnknownNameError
from textseg.exporting.formats import FORMATS
from textseg.exporting.labels import Labels, PictureLabels, open_labels
from textseg.exporting.writing import UPRIGHT, Writer, counted, whole_folder
from textseg.progress import Follow, ProgressCallback

FACTS = "export.json"


class ExportFacts(Facts):
    """What was written; also in ``export.json``.

    Attributes:
        format: its name.
        folder: where it is.
        models: what the masks come from, as "name fingerprint".
        queries: in the order of their numbers in formats that have some.
        pictures: that could be read.
        unread: pictures that could not, and are left out.
        masks: with pixels in them.
        absent: queries that are not in a picture, over all pictures.
        undecided: queries without an answer, over all pictures.
        notes: where things are, and what the format cannot say.
    """

    format: str
    folder: str
    models: list[str]
    queries: list[str]
    pictures: int
    unread: int
    masks: int
    absent: int
    undecided: int
    notes: list[str]


def export_labels(
    labels: str | os.PathLike[str],
    *,
    to: str,
    output: str | os.PathLike[str],
    pictures: str | os.PathLike[str] | None = None,
    progress: ProgressCallback | None = None,
) -> ExportFacts:
    """Write a folder of labels in another format and return what was written.

    Args:
        labels: the folder, as ``textseg label`` writes it.
        to: a name from ``FORMATS``.
        output: a folder that is made; it is not there yet, or empty.
        pictures: what the paths of the pictures count from; ``None``: what the labels say.
        progress: called with each picture.

    Raises:
        UnknownNameError: there is no such format.
        InvalidInputError: there are no labels, or no pictures where they are said to be.
        OutputExistsError: there is something in the folder.
        MissingExtraError: a library that this format needs is not installed.
        WorkspaceError: a file with rows cannot be read.
    """
    write: Writer | None = FORMATS.find(to)
    if write is None:
        raise UnknownNameError.among("format", to, FORMATS.names())
    tally: Counter[str] = Counter()
    models: dict[str, None] = {}
    with whole_folder(Path(output)) as folder:
        opened = open_labels(Path(labels), None if pictures is None else Path(pictures))
        stream = _watched(opened, tally, models, Follow(progress))
        notes = write(opened, stream, folder)
        facts = ExportFacts(
            format=to,
            folder=str(Path(output).resolve()),
            models=list(models),
            queries=list(opened.queries),
            **{name: tally[name] for name in ("pictures", "unread", "masks", "absent")},
            undecided=tally["undecided"],
            notes=[UPRIGHT, *notes, *_left_out(tally)],
        )
        text = facts.model_dump_json(indent=2, exclude={"folder"})
        (folder / FACTS).write_text(f"{text}\n", encoding="utf-8")
    return facts


def _watched(
    labels: Labels, tally: Counter[str], models: dict[str, None], follow: Follow
) -> Iterator[PictureLabels]:
    """Yield the pictures while they are counted, and each model is put down."""
    for done, picture in enumerate(labels.stream()):
        follow.report("export", done, labels.pictures)
        tally["unread" if picture.size is None else "pictures"] += 1
        tally["masks"] += len(picture.found)
        tally["absent"] += len(picture.absent)
        tally["undecided"] += len(picture.undecided)
        models.update(dict.fromkeys(f"{row.model} {row.fingerprint}" for row in picture.rows))
        yield picture
    follow.report("export", labels.pictures, labels.pictures)


def _left_out(tally: Counter[str]) -> Iterator[str]:
    if tally["unread"]:
        yield f"{counted(tally['unread'], 'picture')} could not be read when labels were made"
    if tally["undecided"]:
        yield (
            f"{counted(tally['undecided'], 'answer')} missing: the model does not know a word, or "
            "holds for true what it finds nowhere"
        )
