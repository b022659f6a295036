"""``textseg export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textseg.cli.interrupts import interruptible
from textseg.cli.shared import AsJson, plain_failures, progress_bar, say
from textseg.exporting.formats import FORMATS

if TYPE_CHECKING:
    from textseg.exporting.export import ExportFacts


@plain_failures
def export(
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS", help="Folder that `textseg label` has filled.")
    ],
    *,
    to: Annotated[
        str,
        typer.Option(
            metavar="|".join(FORMATS.own),
            help=f"{'; '.join(f'{name}: {own.description}' for name, own in FORMATS.own.items())}.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder, new or empty.")
    ],
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder that was labelled, where it is no longer where it was."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write LABELS as another tool reads them, and say what its format cannot."""
    from textseg.exporting.export import export_labels

    with interruptible(), progress_bar() as progress:
        facts = export_labels(labels, to=to, output=output, pictures=pictures, progress=progress)
    say(facts.model_dump_json(indent=2) if as_json else _described(facts))


def _described(facts: ExportFacts) -> str:
    head = (
        f"{facts.pictures:,} pictures, {facts.masks:,} masks; {facts.absent:,} times a query is "
        "not there"
    )
    lines = [head, *(f"  note: {note}" for note in facts.notes)]
    return "\n".join([*lines, f"wrote {facts.folder}"])
