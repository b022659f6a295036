"""``textseg segment``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import AsJson, Force, plain_failures, progress_bar, say
from textseg.errors import QueryError
from textseg.toolbox import QueryFacts, SegmentArguments, SegmentResult, Setup


@plain_failures
@drawn
def segment(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY", help="What to look for, one mask each.")
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")
    ] = Path(),
    looking: Annotated[Given, Fields(SegmentArguments, but=("image",))],
    setting: Annotated[Given, Fields(Setup, but=("captioner", "editor"))],
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Find each QUERY in a picture; write overlay, soft mask, binary mask and facts."""
    _refuse_pictures(queries)
    arguments = toolbox.check_arguments(
        SegmentArguments, {**looking, "image": image, "queries": queries}
    )
    setup = toolbox.check_arguments(Setup, setting)
    toolbox.refuse_segment_output(arguments, output, force=force)
    with progress_bar() as progress:
        answer = toolbox.segment_image(arguments, setup=setup, progress=progress)
    with interruptible():
        result = toolbox.save_segment(answer, output, force=force)
    say(result.model_dump_json(indent=2) if as_json else _described(result))


def _refuse_pictures(queries: list[str]) -> None:
    """Raise where a query is the name of a picture: several were named where one is meant."""
    for query in queries:
        suffix = Path(query).suffix
        if suffix and Path(query).is_file():
            raise QueryError(
                f"{query!r} is a file, and what follows the first picture are queries: "
                "`textseg segment` looks at one picture",
                hint=f"for many: textseg label '*{suffix}' -q {_last_words(queries)!r}",
            )


def _last_words(queries: list[str]) -> str:
    return next((query for query in reversed(queries) if not Path(query).suffix), "tree")


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
