"""The commands of ``textseg`` put together.

Others join by entry points in the group ``textseg.commands``: each a function as typer takes it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Annotated

import typer

from textseg.cli.bench import (
    bench_cost,
    bench_edges,
    bench_edit,
    bench_generate,
    bench_inversion,
    bench_masks,
    bench_pie,
    bench_readers,
    bench_register,
    bench_segment,
    bench_small,
    bench_tedbench,
)
from textseg.cli.calibrate import calibrate
from textseg.cli.create import CreateCommand, create
from textseg.cli.edit import edit
from textseg.cli.export import export
from textseg.cli.label import label
from textseg.cli.listing import caption, demo, methods, models
from textseg.cli.looking import ask, describe
from textseg.cli.retouch import arrange, retouch
from textseg.cli.segment import segment
from textseg.cli.shared import plain_failures
from textseg.errors import ModelError
from textseg.registry.named import Names

app = typer.Typer(
    name="textseg",
    help="Segment and edit pictures by text with a diffusion model.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench = typer.Typer(
    help="Measure; the tables of the documentation come from here.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Segment and edit pictures by text with a diffusion model."""
    # each try to reach the hub is no news for a person: what failed is said once, in the end
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    warnings.filterwarnings("ignore", "The `local_dir_use_symlinks` argument")  # of diffusers'
    if version:
        from textseg.version import __version__

        typer.echo(__version__)
        raise typer.Exit


def further_commands() -> dict[str, Callable[..., None]]:
    """Return the commands that join, by name; one that is broken says so when it is called."""
    names = Names("command", "textseg.commands", {})
    return {name: _found(names, name) for name in names.names()}


def _found(names: Names, name: str) -> Callable[..., None]:
    try:
        found: Callable[..., None] = names.find(name)
        return found
    except ModelError as error:
        broken = error

    @plain_failures
    def fail() -> None:
        """Cannot be used: the package that registers it is broken."""
        raise broken

    return fail


for command in (segment, label, edit, retouch, arrange):
    app.command()(command)
app.command(cls=CreateCommand)(create)
for command in (caption, describe, ask, methods, models, export, demo, calibrate):
    app.command()(command)
for name, further in further_commands().items():
    app.command(name)(further)
app.add_typer(bench, name="bench")
bench.command("segment")(bench_segment)
bench.command("edit")(bench_edit)
bench.command("generate")(bench_generate)
bench.command("inversion")(bench_inversion)
bench.command("cost")(bench_cost)
bench.command("small")(bench_small)
bench.command("edges")(bench_edges)
bench.command("register")(bench_register)
bench.command("readers")(bench_readers)
bench.command("masks")(bench_masks)
bench.command("pie")(bench_pie)
bench.command("tedbench")(bench_tedbench)
