"""``textseg edit``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import AsJson, Force, NoLabel, plain_failures, progress_bar, say
from textseg.editing.options import EditOptions
from textseg.errors import InvalidInputError
from textseg.toolbox import ChangeFacts, EditArguments, EditResult, Setup, look_words

Sign = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="CERTIFICATES KEY",
        help="Sign with Content Credentials (C2PA), from two PEM files; needs textseg[c2pa].",
    ),
]


BY_HAND: Final = ("image", "query", "target", "operation")


@plain_failures
@drawn
def edit(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help='What to change; "" to add TARGET where mask, region or --relative-to say.',
        ),
    ],
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help='What it becomes; "" removes it.')
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The edited picture: PNG, TIFF, WebP or JPEG by its suffix.",
            show_default="<IMAGE>_edited.png, here",
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove QUERY; no TARGET.")] = False,
    whole: Annotated[
        bool,
        typer.Option(
            "--setting", help='TARGET is the whole picture\'s setting, e.g. "at night"; QUERY "".'
        ),
    ] = False,
    where: Annotated[Given, Fields(EditArguments, but=(*BY_HAND, *EditOptions.model_fields))],
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Another option of the method; may be repeated."
        ),
    ] = None,
    how: Annotated[Given, Fields(EditOptions)],
    setting: Annotated[Given, Fields(Setup, but=("batch_size",))],
    as_json: AsJson = False,
    force: Force = False,
    no_label: NoLabel = False,
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep camera, date, author, place ...")
    ] = False,
    sign: Sign = None,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="Say what would be done, and make nothing; -o shows where in a picture."
        ),
    ] = False,
) -> None:
    """Turn QUERY into TARGET; every pixel elsewhere stays as it is. IMAGE is never replaced.

    `textseg methods` lists the methods with their options.
    """
    values = {
        **where,
        **how,
        "image": image,
        "query": query,
        "target": target or "",
        "operation": "setting" if whole else _operation(query, target, remove=remove),
        "options": _options(option or []),
    }
    arguments = toolbox.check_arguments(EditArguments, values)
    setup = toolbox.check_arguments(Setup, setting)
    if plan:
        _tell_plan(arguments, setup, output, force=force, as_json=as_json)
        return
    path = output or Path(toolbox.edited_name(arguments))
    toolbox.refuse_edit_output(arguments, path, setup=setup, force=force)
    credentials = read_credentials(sign, label=not no_label)
    with progress_bar() as progress:
        answer = toolbox.edit_image(arguments, setup=setup, progress=progress)
    with interruptible():
        result = toolbox.save_edit(
            answer,
            path,
            force=force,
            label=not no_label,
            keep_metadata=keep_metadata,
            credentials=credentials,
        )
    say(result.model_dump_json(indent=2) if as_json else _described(result))


def _tell_plan(
    arguments: EditArguments, setup: Setup, output: Path | None, *, force: bool, as_json: bool
) -> None:
    if output is not None:
        toolbox.refuse_edit_output(arguments, output, setup=setup, force=force)
    with progress_bar() as progress:
        answer = toolbox.plan_edit(arguments, setup=setup, progress=progress)
    result = answer.result
    if output is not None:
        with interruptible():
            result = toolbox.save_plan(answer, output, force=force)
    what = f"{result.query!r} -> {result.target!r}" if result.target else f"remove {result.query!r}"
    lines = [f"plan of {what}: nothing is made", *(f"  {line}" for line in result.why)]
    lines += [f"  note: {note}" for note in result.notes]
    lines += [] if result.file is None else [f"  written: {result.file}"]
    say(result.model_dump_json(indent=2) if as_json else "\n".join(lines))


def read_credentials(files: tuple[Path, Path] | None, *, label: bool) -> toolbox.Credentials | None:
    """Return who signs, from the files of certificates and key; None where nobody does."""
    if files is None:
        return None
    if not label:
        raise InvalidInputError(
            "a signature vouches for a label: --sign and --no-label exclude each other"
        )
    return toolbox.Credentials.read(*files)


def change_lines(facts: ChangeFacts) -> Iterator[str]:
    """Yield what was changed, in lines for people; no remarks."""
    what = f"{facts.query!r} -> {facts.target!r}" if facts.target else f"{facts.query!r} removed"
    cost = facts.evaluations
    best = f", the best of {facts.attempts} attempts" if facts.attempts > 1 else ""
    yield f"{what} by {facts.method}, seed {facts.seed}{best}"
    if facts.presence is not None:
        yield f"  {facts.query!r} was found (probability {facts.presence:.2f})"
    yield f"  text before: {facts.source_prompt!r}, after: {facts.prompt!r}"
    check = facts.check
    yield (
        f"  {facts.share:.1%} of the picture could change, by {check.change_inside:.1%} in the "
        f"mean; pixels changed elsewhere: {check.changed_outside}"
    )
    if check.look is not None:
        yield f"  {look_words(facts)}"
    yield (
        f"  {cost.total} evaluations (mask {cost.mask}, inversion {cost.inversion}, decoding "
        f"{cost.decode}, choice {cost.choice}, check {cost.check}) in {facts.seconds:.1f} s"
    )


def _operation(query: str, target: str | None, *, remove: bool) -> str:
    if remove or target == "":
        return "remove"
    return "replace" if query else "add"


def _options(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or name in found:
            reason = f"{name} is set twice" if name in found else f"got {pair!r}"
            raise InvalidInputError(f"--set takes NAME=VALUE, each name once; {reason}")
        found[name] = value
    return found


def _described(result: EditResult) -> str:
    lines = [f"{result.image}: {result.width} x {result.height}, model {result.model}"]
    lines += [f"  note: {note}" for note in result.notes]
    lines += change_lines(result)
    return "\n".join([*lines, f"  written: {result.file}"])
