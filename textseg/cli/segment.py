"""``textseg segment``."""

from __future__ import annotations

from collections.abc import Iterator
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
    Where,
    drop_missing,
    plain_failures,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from textseg.toolbox import QueryFacts, SegmentResult


@plain_failures
def segment(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY", help="What to look for, one mask each.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")
    ] = Path(),
    model: Model = "picturebook",
    threshold: Annotated[
        float | None, typer.Option(help="Cut the soft masks here, 0 to 1.", show_default="found")
    ] = None,
    exclude: Exclude = "",
    invert: Invert = False,
    region: Where = "",
    draws: Annotated[
        int | None,
        typer.Option(help="Noised copies of the picture.", show_default="the model's card"),
    ] = None,
    attention: Annotated[
        bool,
        typer.Option(help="Use where the model looks at the words, or the noise difference alone."),
    ] = True,
    seed: Annotated[int, typer.Option(help="Same seed, same masks.")] = 0,
    presence: Annotated[
        str | None,
        typer.Option(
            metavar="calibrated|rivals",
            help="What decides whether a query is there: the evidence for it, or in doubt also "
            "what might be there instead.",
            show_default="the model's card",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Most rows in the network at once; bounds the memory.")
    ] = None,
    device: Device = "auto",
    max_pixels: MaxPixels = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Find each QUERY in a picture; write overlay, soft mask, binary mask and facts."""
    from textseg.toolbox import (
        SegmentArguments,
        Setup,
        check_arguments,
        refuse_segment_output,
        save_segment,
        segment_image,
    )

    values = drop_missing(
        image=image,
        queries=queries,
        exclude=exclude,
        invert=invert,
        region=region,
        threshold=threshold,
        seed=seed,
        draws=draws,
        attention=attention,
        presence=presence,
    )
    arguments = check_arguments(SegmentArguments, values)
    setup = check_arguments(
        Setup,
        drop_missing(model=model, device=device, batch_size=batch_size, max_pixels=max_pixels),
    )
    refuse_segment_output(arguments, output, force=force)
    with progress_bar() as progress:
        answer = segment_image(arguments, setup=setup, progress=progress)
    with interruptible():
        result = save_segment(answer, output, force=force)
    say(result.model_dump_json(indent=2) if as_json else _described(result))


def _described(result: SegmentResult) -> str:
    lines = [
        f"{result.image}: {result.width} x {result.height}, model {result.model}, "
        f"{result.evaluations} evaluations in {result.seconds:.1f} s"
    ]
    lines += [f"  note: {note}" for note in result.notes]
    for facts in result.queries:
        lines += _query_lines(facts)
    return "\n".join(lines)


def _query_lines(facts: QueryFacts) -> Iterator[str]:
    if facts.matched:
        there = "present" if facts.present else "not present"
        sure = f"{there} (probability {facts.presence:.2f})"
        yield f"{facts.query}: {facts.area:.1%} of the picture; {sure}"
    else:
        yield f"{facts.query}: {'; '.join(filter(None, (facts.reason, facts.hint)))}"
    yield from (f"  note: {note}" for note in facts.notes if note not in facts.reason)
    for region in facts.regions:
        left, top, right, bottom = region.box
        yield (
            f"  region {region.index} ({region.position}): x {left} to {right}, y {top} to "
            f"{bottom}, {region.area} pixels, score {region.score:.2f}"
        )
    if facts.matched and facts.files is not None:
        yield f"  overlay: {facts.files.overlay}"
