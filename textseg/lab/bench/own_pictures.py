"""Presence calibrated for your own checkpoint, on your own pictures: `textseg calibrate`."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from textseg.diffusion.card import CARD_FILE
from textseg.errors import InvalidInputError
from textseg.files import refuse_existing, usable_folder
from textseg.lab.bench.calibrate import ToldPicture, calibrate, write_presence
from textseg.progress import ProgressCallback
from textseg.toolbox.common import Setup
from textseg.toolbox.running import load_chosen

TABLE, COLUMNS = "texts.csv", ("file", "text", "true")
FOUND = "textseg calibrate, {texts} texts about {pictures} pictures"
HUB_CACHE = "models--"  # how the folders of a hub cache begin


def calibrate_own(
    setup: Setup,
    data: Path,
    *,
    output: Path | None = None,
    force: bool = False,
    progress: ProgressCallback | None = None,
) -> Path:
    """Fit presence to pictures with texts, and return the card that was written.

    The other groups of a card that the checkpoint has are kept.

    Args:
        setup: which checkpoint, and where it runs.
        data: folder of pictures, see `read_examples`.
        output: folder for the card; ``None``: that of the checkpoint.
        force: replace a card that exists.
        progress: told which picture is looked at.

    Raises:
        InvalidInputError: data that cannot be used, or no place for a card.
        OutputExistsError: there is a card, and ``force`` is false.
        ModelError: the model cannot be loaded.
    """
    own = Path(setup.model).expanduser()
    folder = _card_folder(own, output)
    refuse_existing([folder / CARD_FILE], force=force)
    examples = read_examples(data)
    fitted = calibrate(load_chosen(setup), examples, progress=progress)
    texts = sum(len(example.truths) for example in examples)
    presence = replace(fitted, found=FOUND.format(texts=texts, pictures=len(examples)))
    return write_presence(presence, folder, before=own, force=force)


def read_examples(folder: Path) -> list[ToldPicture]:
    """Return the pictures of a folder that `TABLE` in it tells about, in the order of their names.

    Its columns are `COLUMNS`: the file's name, a text, and 1 where that is true of the picture or 0
    where it is not.

    Raises:
        InvalidInputError: there is no such table, or one of its lines cannot be used.
    """
    table, truths = folder / TABLE, dict[Path, dict[str, bool]]()
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise InvalidInputError(
                    f"{table} has the columns {', '.join(rows.fieldnames or ()) or 'of no name'}",
                    hint=f"its first line is {','.join(COLUMNS)}",
                )
            for row in rows:
                path, text, true = (str(row[name] or "").strip() for name in COLUMNS)
                if not text or true not in ("0", "1") or not (folder / path).is_file():
                    raise InvalidInputError(
                        f"{table}, line {rows.line_num}: {path!r}, {text!r}, {true!r}",
                        hint=f"a file in {folder}, a text, and 1 if it is true of it, else 0",
                    )
                truths.setdefault(folder / path, {})[text] = true == "1"
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(
            f"{table} cannot be read: {error}", hint=f"it has the columns {','.join(COLUMNS)}"
        ) from error
    return [ToldPicture(path, truths[path]) for path in sorted(truths)]


def _card_folder(own: Path, output: Path | None) -> Path:
    if output is None and not own.is_dir():
        raise InvalidInputError(
            f"{str(own)!r} is no folder that a card could be written into",
            hint="say where the card goes (output), and put it into the folder of a copy",
        )
    folder = own if output is None else output
    if any(part.startswith(HUB_CACHE) for part in folder.resolve().parts):
        raise InvalidInputError(
            f"{str(folder)!r} lies in a hub cache, where downloads replace what is there",
            hint="say where the card goes (output), and put it into the folder of a copy",
        )
    usable_folder(folder)
    return folder
