"""``textseg calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import Force, plain_failures, progress_bar, say
from textseg.toolbox import Setup

LOADED = ("model", "captioner", "editor", "batch_size", "max_pixels")


@plain_failures
@drawn
def calibrate(
    *,
    model: Annotated[str, typer.Option(help="Folder, file or hub id of a checkpoint.")],
    data: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder with pictures and texts.csv: file, text, and 1 if it is true, else 0.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for the card.",
            show_default="that of the checkpoint",
        ),
    ] = None,
    setting: Annotated[Given, Fields(Setup, but=LOADED)],
    force: Force = False,
) -> None:
    """Fit to pictures of your own when a query counts as present; write the model's card."""
    from textseg.lab.bench.own_pictures import calibrate_own

    setup = toolbox.check_arguments(Setup, {**setting, "model": model})
    with interruptible(), progress_bar() as progress:
        path = calibrate_own(setup, data, output=output, force=force, progress=progress)
    say(f"wrote {path}")
