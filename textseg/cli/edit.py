"""``textseg edit``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textseg.cli.interrupts import interruptible
from textseg.cli.shared import (
    AsJson,
    Device,
    Exclude,
    Force,
    Invert,
    MaxPixels,
    Model,
    NoLabel,
    drop_missing,
    plain_failures,
    progress_bar,
    say,
)
from textseg.errors import InvalidInputError

if TYPE_CHECKING:
    from textseg.toolbox import ChangeFacts, Credentials, EditResult

Attempts = Annotated[
    int | None,
    typer.Option(
        help="Make each edit so often, each time with other noise, and keep the best.",
        show_default="as suits the model",
    ),
]
Captioner = Annotated[
    str | None,
    typer.Option(
        help="Who describes the picture: name, folder of a BLIP checkpoint or hub id.",
        show_default="the model's own",
    ),
]
Sign = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="CERTIFICATES KEY",
        help="Sign with Content Credentials (C2PA), from two PEM files; needs textseg[c2pa].",
    ),
]


@plain_failures
def edit(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help='What to change; "" to add TARGET where the mask says.'
        ),
    ],
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help='What it becomes; "" removes it.')
    ] = None,
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
    exclude: Exclude = "",
    invert: Invert = False,
    region: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help='Change only this region of QUERY: "left", "largest" ...; or where to add.',
        ),
    ] = "",
    mask: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Where to change, of the picture's size: white may, black may not."
        ),
    ] = None,
    resize_mask: Annotated[
        bool, typer.Option("--resize-mask", help="Accept a mask of another size.")
    ] = False,
    method: Annotated[
        str | None,
        typer.Option(help="See `textseg methods`.", show_default="what suits the change"),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(help="How much to change, above 0 to 1.", show_default="the method's"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps, 1 to 1000.", show_default="the method's")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help="How far to follow TARGET, 0 to 100.", show_default="the method's"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Another option of the method; may be repeated."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same picture.")] = 0,
    attempts: Attempts = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Text for what is inside the mask.", show_default="TARGET and the source's place"
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Text for the picture as it is.", show_default="a caption")
    ] = None,
    negative: Annotated[str, typer.Option(help="Text to lead away from.")] = "",
    threshold: Annotated[
        float | None, typer.Option(help="Cut the soft mask here, 0 to 1.", show_default="found")
    ] = None,
    grow: Annotated[
        float | None,
        typer.Option(help="Widen the found mask, in pixels.", show_default="up to a latent cell"),
    ] = None,
    feather: Annotated[
        float | None,
        typer.Option(
            help="Fade the found mask inwards, in pixels.", show_default="1/4 latent cell"
        ),
    ] = None,
    crop: Annotated[
        bool | None,
        typer.Option(
            "--crop/--no-crop",
            help="Work on the mask's surroundings only, larger.",
            show_default="as suits the change",
        ),
    ] = None,
    soft: Annotated[bool, typer.Option("--soft", help="Change doubtful places less.")] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not look for TARGET in the edited picture.")
    ] = False,
    model: Model = "picturebook",
    captioner: Captioner = None,
    editor: Annotated[
        str | None,
        typer.Option(
            help="Let another editor paint inside the mask: folder or hub id of a diffusers "
            "pipeline that follows instructions, or fills a hole.",
            show_default="the model",
        ),
    ] = None,
    device: Device = "auto",
    max_pixels: MaxPixels = None,
    as_json: AsJson = False,
    force: Force = False,
    no_label: NoLabel = False,
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep camera, date, author, place ...")
    ] = False,
    sign: Sign = None,
) -> None:
    """Turn QUERY into TARGET; every pixel elsewhere stays as it is. IMAGE is never replaced."""
    from textseg.toolbox import (
        EditArguments,
        Setup,
        check_arguments,
        edit_image,
        edited_name,
        refuse_edit_output,
        save_edit,
    )

    values = drop_missing(
        image=image,
        query=query,
        target=target,
        operation=_operation(query, target, remove=remove),
        exclude=exclude,
        invert=invert,
        region=region,
        mask=mask,
        resize_mask=resize_mask,
        method=method,
        strength=strength,
        steps=steps,
        guidance=guidance,
        options=_options(option or []),
        seed=seed,
        attempts=attempts,
        prompt=prompt,
        source=source,
        negative=negative,
        threshold=threshold,
        grow=grow,
        feather=feather,
        soft=soft,
        crop=crop,
        check=not no_check,
    )
    arguments = check_arguments(EditArguments, values)
    setup = check_arguments(
        Setup,
        drop_missing(
            model=model,
            device=device,
            captioner=captioner,
            editor=editor,
            max_pixels=max_pixels,
        ),
    )
    path = output or Path(edited_name(arguments))
    refuse_edit_output(arguments, path, setup=setup, force=force)
    credentials = read_credentials(sign, label=not no_label)
    with progress_bar() as progress:
        answer = edit_image(arguments, setup=setup, progress=progress)
    with interruptible():
        result = save_edit(
            answer,
            path,
            force=force,
            label=not no_label,
            keep_metadata=keep_metadata,
            credentials=credentials,
        )
    say(result.model_dump_json(indent=2) if as_json else _described(result))


def read_credentials(files: tuple[Path, Path] | None, *, label: bool) -> Credentials | None:
    """Return who signs, from the files of certificates and key; None where nobody does."""
    if files is None:
        return None
    if not label:
        raise InvalidInputError(
            "a signature vouches for a label: --sign and --no-label exclude each other"
        )
    from textseg.toolbox import Credentials

    return Credentials.read(*files)


def change_lines(facts: ChangeFacts) -> Iterator[str]:
    """Yield what was changed, in lines for people; no remarks."""
    from textseg.toolbox import look_words

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
