"""``textseg retouch`` and ``textseg arrange``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import AsJson, Force, NoLabel, plain_failures, progress_bar, say
from textseg.toolbox import ArrangeArguments, MadeFacts, RetouchArguments, Setup

BY_HAND = ("image", "query")

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")]
Query = Annotated[
    str, typer.Argument(metavar="QUERY", help="What is meant; nothing: the whole picture.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The new picture: PNG, TIFF, WebP or JPEG by its suffix.",
        show_default="<IMAGE>_<ACTION>.png, here",
    ),
]
KeepMetadata = Annotated[
    bool, typer.Option("--keep-metadata", help="Keep camera, date, author, place ...")
]


@plain_failures
@drawn
def retouch(
    image: Image,
    query: Query = "",
    *,
    output: Output = None,
    what: Annotated[Given, Fields(RetouchArguments, but=BY_HAND)],
    setting: Annotated[Given, Fields(Setup, but=("batch_size", "captioner", "editor"))],
    as_json: AsJson = False,
    force: Force = False,
    no_label: NoLabel = False,
    keep_metadata: KeepMetadata = False,
) -> None:
    """Change QUERY by plain arithmetic: no model makes a pixel. IMAGE is never replaced."""
    arguments = toolbox.check_arguments(RetouchArguments, {**what, "image": image, "query": query})
    setup = toolbox.check_arguments(Setup, setting)
    path = output or Path(toolbox.made_name(arguments))
    toolbox.refuse_made_output(arguments, path, setup=setup, force=force)
    with progress_bar() as progress:
        answer = toolbox.retouch_image(arguments, setup=setup, progress=progress)
    with interruptible():
        result = toolbox.save_made(
            answer, path, force=force, label=not no_label, keep_metadata=keep_metadata
        )
    say(result.model_dump_json(indent=2) if as_json else "\n".join(_lines(result)))


@plain_failures
@drawn
def arrange(
    image: Image,
    query: Query = "",
    *,
    output: Output = None,
    what: Annotated[Given, Fields(ArrangeArguments, but=(*BY_HAND, "invert"))],
    setting: Annotated[Given, Fields(Setup, but=("batch_size",))],
    as_json: AsJson = False,
    force: Force = False,
    no_label: NoLabel = False,
    keep_metadata: KeepMetadata = False,
) -> None:
    """Move, copy, scale or mirror QUERY; the hole is filled. IMAGE is never replaced."""
    arguments = toolbox.check_arguments(ArrangeArguments, {**what, "image": image, "query": query})
    setup = toolbox.check_arguments(Setup, setting)
    path = output or Path(toolbox.made_name(arguments))
    toolbox.refuse_made_output(arguments, path, setup=setup, force=force)
    with progress_bar() as progress:
        answer = toolbox.arrange_image(arguments, setup=setup, progress=progress)
    with interruptible():
        result = toolbox.save_made(
            answer, path, force=force, label=not no_label, keep_metadata=keep_metadata
        )
    say(result.model_dump_json(indent=2) if as_json else "\n".join(_lines(result)))


def _lines(result: MadeFacts) -> Iterator[str]:
    yield f"{result.image}: {result.action} {result.query}".rstrip()
    yield from (f"  note: {note}" for note in result.notes)
    if result.presence is not None:
        yield f"  {result.query!r} was found (probability {result.presence:.2f})"
    yield f"  {result.width} x {result.height}, {result.share:.1%} of the picture was meant"
    if result.changed_outside is not None:
        yield f"  pixels changed elsewhere: {result.changed_outside}"
    yield f"  {result.evaluations} evaluations in {result.seconds:.1f} s"
    yield f"  written: {result.file}"
