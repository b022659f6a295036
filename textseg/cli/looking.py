"""``textseg describe`` and ``ask``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.shared import AsJson, plain_failures, progress_bar, say
from textseg.toolbox import AskArguments, DescribeArguments, DescribeResult, Setup


@plain_failures
@drawn
def describe(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    *,
    looking: Annotated[Given, Fields(DescribeArguments, but=("image",))],
    setting: Annotated[Given, Fields(Setup, but=("editor",))],
    as_json: AsJson = False,
) -> None:
    """Say what a picture shows, and where the things are that the caption names."""
    arguments = toolbox.check_arguments(DescribeArguments, {**looking, "image": image})
    setup = toolbox.check_arguments(Setup, setting)
    with progress_bar() as progress:
        result = toolbox.describe_image(arguments, setup=setup, progress=progress)
    say(result.model_dump_json(indent=2) if as_json else "\n".join(_described(result)))


@plain_failures
@drawn
def ask(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    about: Annotated[
        str,
        typer.Argument(
            metavar="ABOUT", help="presence, number, colour, size, place, larger or relation."
        ),
    ],
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY", help="The things, an answer each.")
    ],
    *,
    looking: Annotated[Given, Fields(AskArguments, but=("image", "about", "queries"))],
    setting: Annotated[Given, Fields(Setup, but=("captioner", "editor"))],
    as_json: AsJson = False,
) -> None:
    """Answer a question about things in a picture, read from where they were found."""
    values = {**looking, "image": image, "about": about, "queries": queries}
    arguments = toolbox.check_arguments(AskArguments, values)
    setup = toolbox.check_arguments(Setup, setting)
    with progress_bar() as progress:
        result = toolbox.ask_image(arguments, setup=setup, progress=progress)
    lines = [*result.notes, *(answer.answer for answer in result.answers)]
    say(result.model_dump_json(indent=2) if as_json else "\n".join(lines))


def _described(result: DescribeResult) -> Iterator[str]:
    yield f"{result.image}: {result.width} x {result.height}, model {result.model}"
    yield from (f"  note: {note}" for note in result.notes)
    if result.caption is not None:
        yield result.caption
    for thing in result.things:
        sure = "" if thing.presence is None else f" (probability {thing.presence:.2f})"
        where = f"{thing.position}, {thing.colour}, {thing.share:.1%} of the picture"
        yield f"  {thing.query}: {where if thing.present else 'not found'}{sure}"
