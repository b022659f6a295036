"""``textseg label``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import finishing
from textseg.cli.shared import AsJson, plain_failures, say
from textseg.errors import InvalidInputError
from textseg.process import INTERRUPTED
from textseg.progress import CancelToken
from textseg.toolbox import LabelArguments, LabelResult, LabelStatus, Setup

if TYPE_CHECKING:
    from textseg.labelling.label import LabelProgress

OWN = ("pictures", "queries", "queries_file", "output")


@plain_failures
@drawn
def label(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURES",
            help="A folder, a pattern in quotes ('photos/**/*.jpg'), a list (.txt), a table with a "
            "column path (.csv, .parquet), or the files themselves.",
            show_default=False,
        ),
    ] = None,
    *,
    query: Annotated[
        list[str] | None,
        typer.Option("--query", "-q", metavar="QUERY", help="What to look for (may be repeated)."),
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Further queries, one on each line.")
    ] = None,
    results: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the rows.")
    ] = Path("labels"),
    how: Annotated[Given, Fields(LabelArguments, but=OWN)],
    setting: Annotated[Given, Fields(Setup, but=("captioner", "editor"))],
    status: Annotated[
        bool, typer.Option("--status", help="Say how far the job in DIR has come; do nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find each QUERY in many pictures; write rows of masks. The same call again goes on."""
    if status:
        facts = toolbox.label_status(results)
        say(facts.model_dump_json(indent=2) if as_json else _told(facts))
        return
    if not pictures:
        raise InvalidInputError(
            "nothing says which pictures are meant", hint="name a folder, a list or a pattern"
        )
    asked = {
        "pictures": pictures,
        "queries": query or [],
        "queries_file": None if queries is None else str(queries),
        "output": str(results),
    }
    arguments = toolbox.check_arguments(LabelArguments, {**how, **asked})
    setup = toolbox.check_arguments(Setup, setting)
    cancel = CancelToken()
    with finishing(cancel), redirect_stdout(sys.stderr), _bar() as progress:  # Ray prints
        done = toolbox.label_pictures(arguments, setup=setup, progress=progress, cancel=cancel)
    say(done.model_dump_json(indent=2) if as_json else _described(done))
    if done.left:
        raise typer.Exit(INTERRUPTED)


@contextmanager
def _bar() -> Iterator[Callable[[LabelProgress], None]]:
    """Yield a callback that draws how far all is, on stderr, if that is a terminal."""
    from tqdm import tqdm

    shape = "{l_bar}{bar}| {n_fmt}/{total_fmt}{postfix}"
    with tqdm(disable=None, leave=False, bar_format=shape, desc="labelling") as bar:

        def show(progress: LabelProgress) -> None:
            bar.total, bar.n = progress.of, progress.step
            words = [_pace(progress.rate, progress.remaining)]
            words += [f"{progress.errors} with an error"] if progress.errors else []
            bar.set_postfix_str(", ".join(words))

        yield show


def _pace(rate: float | None, remaining: float | None) -> str:
    if rate is None or remaining is None:
        return "loading the model"
    return f"{_rate(rate)}, {_duration(remaining)} left"


def _rate(rate: float) -> str:
    return f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _described(done: LabelResult) -> str:
    what = f"{done.asked} asked about now in {_duration(done.seconds)}"
    known = f", {done.known} known before" if done.known else ""
    lines = [f"{done.folder}: {done.pictures} pictures; {what}{known}"]
    if done.left:
        lines.append(f"stopped with {done.left} left; the same call goes on from here")
    if done.errors:
        lines.append(f"{done.errors} could not be asked about:")
        lines += [f"  {error}" for error in done.first_errors]
    return "\n".join(lines)


def _told(status: LabelStatus) -> str:
    share = status.done / status.pictures if status.pictures else 1
    lines = [f"{status.folder}: {status.done} of {status.pictures} pictures ({share:.1%})"]
    if status.errors:
        lines.append(f"{status.errors} could not be asked about")
    if status.done < status.pictures and status.rate is not None and status.remaining is not None:
        lines.append(f"of late {_rate(status.rate)}: {_duration(status.remaining)} left")
    if status.idle is not None:
        lines.append(f"the last rows were written {_duration(status.idle)} ago")
    return "\n".join(lines)
