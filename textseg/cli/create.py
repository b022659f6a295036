"""``textseg create``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.edit import Sign, change_lines, read_credentials
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import AsJson, Force, NoLabel, plain_failures, progress_bar, say
from textseg.errors import InvalidInputError
from textseg.toolbox import CreateArguments, CreateResult, Setup

CHANGE = "--change"
BETWEEN = "\0"  # no argument of a process can hold it


class CreateCommand(TyperCommand):
    """Takes two values after each ``--change``, which typer's own options cannot be told."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: click's, inside typer
        """Join the two values before the arguments are read."""
        return super().parse_args(ctx, list(_joined(args)))


def _joined(words: Sequence[str]) -> Iterator[str]:
    rest = iter(words)
    for word in rest:
        yield word
        if word == "--":
            break
        if word == CHANGE:
            pair = [value for _, value in zip(range(2), rest, strict=False)]
            if len(pair) < 2:
                raise typer.BadParameter(f"{CHANGE} takes two values, QUERY and TARGET")
            yield BETWEEN.join(pair)
    yield from rest


@plain_failures
@drawn
def create(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to show.")],
    *,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            CHANGE,
            metavar="QUERY TARGET",
            help='Then turn QUERY into TARGET ("" removes it); may be repeated.',
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The picture: PNG, TIFF, WebP or JPEG by its suffix.",
            show_default="<PROMPT>.png, here",
        ),
    ] = None,
    stages: Annotated[
        bool,
        typer.Option(
            "--stages",
            help="Also write the picture before and after each change, the masks and the facts.",
        ),
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Width and height.", show_default="the model's own"),
    ] = None,
    how: Annotated[Given, Fields(CreateArguments, but=("prompt",))],
    setting: Annotated[Given, Fields(Setup, but=("batch_size", "editor", "max_pixels"))],
    as_json: AsJson = False,
    force: Force = False,
    no_label: NoLabel = False,
    sign: Sign = None,
) -> None:
    """Make a picture of PROMPT, then change things in it, one after the other."""
    values = {
        **how,
        "prompt": prompt,
        "changes": [_change(pair) for pair in changes or []],
        "size": None if size is None else _size(size),
    }
    arguments = toolbox.check_arguments(CreateArguments, values)
    setup = toolbox.check_arguments(Setup, setting)
    path = output or Path(toolbox.created_name(arguments))
    toolbox.refuse_create_output(arguments, path, stages=stages, force=force)
    credentials = read_credentials(sign, label=not no_label)
    with progress_bar() as progress:
        answer = toolbox.generate_and_edit(arguments, setup=setup, progress=progress)
    with interruptible():
        result = toolbox.save_create(
            answer, path, stages=stages, force=force, label=not no_label, credentials=credentials
        )
    say(result.model_dump_json(indent=2) if as_json else _described(result))


def _change(pair: str) -> dict[str, str]:
    query, _, target = pair.partition(BETWEEN)
    return {"query": query, "target": target}


def _size(text: str) -> tuple[int, int]:
    """Return height and width, as Python has them, of "WIDTHxHEIGHT"."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isascii() and side.isdigit() for side in sides):
        raise InvalidInputError(
            f"a size is WxH, width and height in pixels, got {text!r}", hint="e.g. 192x128"
        )
    width, height = map(int, sides)
    return height, width


def _described(result: CreateResult) -> str:
    lines = [
        f"{result.prompt!r}: {result.width} x {result.height}, model {result.model}, seed "
        f"{result.seed}, {result.evaluations} evaluations in {result.seconds:.1f} s"
    ]
    lines += [f"  note: {note}" for note in result.notes]
    if result.caption is not None:
        lines.append(f"  it shows: {result.caption}")
    for facts in result.changes:
        lines += [f"  note: {note}" for note in facts.notes]
        lines += change_lines(facts)
    if result.files is not None:
        lines.append(f"  written: {result.files.picture}")
    return "\n".join(lines)
