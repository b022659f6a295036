"""``textseg create``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from textseg.cli.edit import Attempts, Captioner, Sign, change_lines, read_credentials
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import (
    AsJson,
    Device,
    Force,
    Model,
    NoLabel,
    drop_missing,
    plain_failures,
    progress_bar,
    say,
)
from textseg.errors import InvalidInputError

if TYPE_CHECKING:
    from textseg.toolbox import CreateResult

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
def create(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to show.")],
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
    seed: Annotated[int, typer.Option(help="Same seed, same picture.")] = 0,
    attempts: Attempts = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps, 1 to 1000.", show_default="the model's card")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            help="How far to follow the texts, 0 to 100.", show_default="the model's card"
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Width and height.", show_default="the model's own"),
    ] = None,
    negative: Annotated[str, typer.Option(help="Text to lead away from.")] = "",
    method: Annotated[
        str | None,
        typer.Option(help="Of the changes, see `textseg methods`.", show_default="what suits each"),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not look for TARGET after each change.")
    ] = False,
    model: Model = "picturebook",
    captioner: Captioner = None,
    device: Device = "auto",
    as_json: AsJson = False,
    force: Force = False,
    no_label: NoLabel = False,
    sign: Sign = None,
) -> None:
    """Make a picture of PROMPT, then change things in it, one after the other."""
    from textseg.toolbox import (
        CreateArguments,
        Setup,
        check_arguments,
        created_name,
        generate_and_edit,
        refuse_create_output,
        save_create,
    )

    values = drop_missing(
        prompt=prompt,
        changes=[_change(pair) for pair in changes or []],
        method=method,
        seed=seed,
        attempts=attempts,
        steps=steps,
        guidance=guidance,
        negative=negative,
        size=None if size is None else _size(size),
        check=not no_check,
    )
    arguments = check_arguments(CreateArguments, values)
    setup = check_arguments(Setup, drop_missing(model=model, device=device, captioner=captioner))
    path = output or Path(created_name(arguments))
    refuse_create_output(arguments, path, stages=stages, force=force)
    credentials = read_credentials(sign, label=not no_label)
    with progress_bar() as progress:
        answer = generate_and_edit(arguments, setup=setup, progress=progress)
    with interruptible():
        result = save_create(
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
