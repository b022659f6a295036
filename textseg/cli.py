"""The ``textseg`` command: arguments in, the toolbox's facts out.

Exit codes: 0 it ran, also when nothing matched; 1 it failed while running; 2 the call or its input
is wrong; 130 interrupted. Results go to stdout, progress (on a terminal only) and errors to stderr.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, ParamSpec

import typer

from textseg.errors import Cancelled, InvalidInputError, OutputExistsError, TextsegError
from textseg.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from textseg.toolbox import QueryFacts, SegmentArguments, SegmentResult

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130

P = ParamSpec("P")

main = typer.Typer(
    name="textseg",
    help="Segment pictures by text with a diffusion model.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench = typer.Typer(
    help="Measure; the tables of the README come from here.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
main.add_typer(bench, name="bench")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]


def plain_failures(command: Callable[P, None]) -> Callable[P, None]:
    """Return the command with what it raises turned into one line on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (KeyboardInterrupt, Cancelled):
            _fail("interrupted; nothing was written", INTERRUPTED)
        except (InvalidInputError, OutputExistsError) as error:
            _fail(str(error), WRONG_INPUT)
        except TextsegError as error:
            _fail(str(error), FAILED)
        except BrokenPipeError:
            raise  # the reader of our stdout has left: nobody to tell
        except OSError as error:
            _fail(f"{error.filename or 'file'}: {error.strerror or error}", FAILED)

    return run


@main.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Segment pictures by text with a diffusion model."""
    if version:
        from textseg import __version__

        typer.echo(__version__)
        raise typer.Exit


@main.command()
@plain_failures
def segment(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY", help="What to look for, one mask each.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")
    ] = Path(),
    model: Annotated[
        str, typer.Option(help="Name (see `textseg models`), folder or hub id.")
    ] = "picturebook",
    threshold: Annotated[
        float | None, typer.Option(help="Cut the soft masks here, 0 to 1.", show_default="found")
    ] = None,
    draws: Annotated[int | None, typer.Option(help="Noised copies of the picture.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same masks.")] = 0,
    batch_size: Annotated[
        int | None, typer.Option(help="Most rows in the network at once; bounds the memory.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to run the model.")] = "auto",
    max_pixels: Annotated[
        int | None, typer.Option(help="Refuse pictures with more pixels.")
    ] = None,
    as_json: AsJson = False,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Find each QUERY in a picture; write overlay, soft mask, binary mask and facts."""
    from textseg.toolbox import refuse_output, save_answer, segment_image

    given = {"draws": draws, "batch_size": batch_size, "max_pixels": max_pixels}
    arguments = _arguments(
        image=image,
        queries=queries,
        model=model,
        threshold=threshold,
        seed=seed,
        device=device,
        **{name: value for name, value in given.items() if value is not None},
    )
    refuse_output(arguments, output, force=force)
    with _progress_bar() as progress:
        answer = segment_image(arguments, progress=progress)
    result = save_answer(answer, output, force=force)
    typer.echo(result.model_dump_json(indent=2) if as_json else _described(result))


@main.command()
@plain_failures
def models(as_json: AsJson = False) -> None:
    """List the models that have a name; folders and hub ids work as well."""
    from textseg.registry import models as registered

    found = registered()
    if as_json:
        typer.echo(json.dumps([asdict(info) for info in found], indent=2))
        return
    for info in found:
        typer.echo(f"{info.name}: {info.description} ({info.package})")


@main.command()
@plain_failures
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the pictures.")
    ] = Path("demo"),
) -> None:
    """Segment pictures of the embedded model's own world, and say where the results lie."""
    from textseg.picturebook import demo as pictures

    with _progress_bar() as progress:
        pictures.run(output, progress)
    typer.echo(f"the pictures lie in {output.resolve()}")


@bench.command("segment")
@plain_failures
def bench_segment(
    scenes: Annotated[int, typer.Option(min=1, help="Held-out scenes to render.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Which held-out scenes.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure segmentation on scenes with known truth, beside diffusers' own DiffEdit mask."""
    from textseg.bench import segment as measured

    with _progress_bar() as progress:
        report = measured.run(scenes=scenes, seed=seed, progress=progress)
    typer.echo(report.to_json() if as_json else report.to_text())


def _arguments(**values: object) -> SegmentArguments:
    from pydantic import ValidationError

    from textseg.toolbox import SegmentArguments, explain

    try:
        return SegmentArguments.model_validate(values)
    except ValidationError as error:
        raise explain(error) from None


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
    there = "present" if facts.present else "not present"
    mask = f"{facts.area:.1%} of the picture" if facts.matched else "matched nothing"
    yield f"{facts.query}: {mask}; {there} (probability {facts.presence:.2f})"
    for region in facts.regions:
        left, top, right, bottom = region.box
        yield (
            f"  region {region.index}: x {left} to {right}, y {top} to {bottom}, "
            f"{region.area} pixels, score {region.score:.2f}"
        )
    yield from (f"  note: {note}" for note in facts.notes)
    if facts.files is not None:
        yield f"  overlay: {facts.files.overlay}"


@contextmanager
def _progress_bar() -> Iterator[ProgressCallback]:
    """Yield a callback that draws a bar for each stage on stderr, if that is a terminal."""
    from tqdm import tqdm

    bar = tqdm(disable=None, leave=False)

    def show(progress: Progress) -> None:
        if bar.disable:
            return
        if bar.desc != f"{progress.stage}: ":
            bar.set_description(progress.stage, refresh=False)
            bar.reset(progress.of)
        bar.total = progress.of
        bar.n = progress.step
        bar.refresh()

    with bar:
        yield show


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"textseg: {message}", err=True)
    raise typer.Exit(code)
