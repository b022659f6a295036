"""What the commands share: options, the progress bar, and failures said in one line."""

from __future__ import annotations

import functools
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, NoReturn, ParamSpec

import typer

from textseg.cli.interrupts import reporting_interrupt
from textseg.errors import Cancelled, InvalidInputError, OutputExistsError, TextsegError
from textseg.files import naming_target
from textseg.process import INTERRUPTED
from textseg.progress import Progress, ProgressCallback

FAILED, WRONG_INPUT = 1, 2

P = ParamSpec("P")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
NoLabel = Annotated[
    bool, typer.Option("--no-label", help="Write no label that says that a model took part.")
]


def plain_failures(command: Callable[P, None]) -> Callable[P, None]:
    """Return the command with what it raises turned into one line on stderr and an exit code.

    A command that was asked for JSON prints the error as JSON too.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("as_json"))
        if as_json and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # as JSON is, whatever people read
        fail = functools.partial(_fail, as_json=as_json, options=list(kwargs))
        kept = kwargs.get("results")
        left = f"finished items are in {kept}" if kept else "nothing was written"
        interrupted = Cancelled(f"interrupted; {left}")
        try:
            with reporting_interrupt(interrupted, as_json=as_json):
                command(*args, **kwargs)
        except (KeyboardInterrupt, Cancelled):
            fail(interrupted, INTERRUPTED)
        except (InvalidInputError, OutputExistsError) as error:
            fail(error, WRONG_INPUT)
        except TextsegError as error:
            fail(error, FAILED)
        except BrokenPipeError:
            raise  # the reader of our stdout has left: nobody to tell
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            fail(TextsegError(f"{where}{error.strerror or error}"), FAILED)

    return run


def say(text: str) -> None:
    """Write a line to standard output.

    Raises:
        OSError: it cannot be written; ``filename`` says that it was standard output.
    """
    with naming_target("standard output"):
        typer.echo(text)


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
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


def _fail(error: TextsegError, code: int, *, as_json: bool, options: Iterable[str]) -> NoReturn:
    for name in options:  # those of one word are words
        if "_" in name:
            said = re.compile(rf"(?<![\w-]){name}(?!\w)")
            error.message, error.hint = (
                said.sub(f"--{name.replace('_', '-')}", text)
                for text in (error.message, error.hint)
            )
    with suppress(OSError):  # a stream that cannot be written leaves the exit code
        typer.echo(f"textseg: {error}", err=True)
    if as_json:
        from textseg.toolbox import error_facts

        with suppress(OSError):
            typer.echo(f'{{"error": {error_facts(error).model_dump_json(exclude_none=True)}}}')
    raise typer.Exit(code)
