"""Options of the commands are the fields of what they ask, and need no line of their own."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from textseg.checking import Facts
from textseg.cli.app import app
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.shared import plain_failures
from textseg.editing.options import EditOptions
from textseg.errors import InvalidInputError
from textseg.fields import options_of
from textseg.toolbox import CreateArguments, EditArguments, SegmentArguments, Setup

# What is an argument of the command, is asked in another way, or says nothing there.
ASKED_OTHERWISE = {
    "segment": {"image", "captioner", "editor"},
    "edit": {"image", "query", "target", "operation", "batch_size"},
    "create": {"prompt", "batch_size", "editor", "max_pixels"},
}


class Painting(Facts):
    """What another package may want to set."""

    gloss_level: float | None = Field(
        default=None, ge=0, le=1, description="how much it shines; null: as it dries"
    )
    layers: int = Field(default=2, ge=1, description="of paint")
    style: Literal["oil", "chalk"] | None = Field(default=None, description="in which")
    title: str = Field(default="", description="what it is called; empty: untitled")
    wet: bool = Field(default=False, description="still so")
    framed: bool | None = Field(default=None, description="in wood; null: if it sells")
    owners: list[str] = Field(default_factory=list, description="no plain value")


def ask(*words: str) -> tuple[int, str, list[Given]]:
    """The exit code and the text of a command that is drawn from a painting, and what it got."""
    got: list[Given] = []

    @plain_failures
    @drawn
    def paint(
        what: str,
        *,
        painting: Annotated[Given, Fields(Painting, but=("layers",))],
        loud: bool = False,
    ) -> None:
        got.append(painting)
        if what == "nothing":
            raise InvalidInputError("gloss_level: too high")

    painter = typer.Typer(rich_markup_mode=None)
    painter.command()(paint)
    result = CliRunner().invoke(painter, words)
    return result.exit_code, re.sub(r"\s+", " ", result.output), got


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("segment", (SegmentArguments, Setup)),
        ("edit", (EditArguments, Setup)),
        ("create", (CreateArguments, Setup)),
    ],
)
def test_every_field_is_an_option(command: str, kinds: tuple[type[Facts], ...]) -> None:
    told = CliRunner().invoke(app, [command, "--help"]).output
    fields = {name for kind in kinds for name in options_of(kind)} - ASKED_OTHERWISE[command]
    assert fields <= {name.replace("-", "_") for name in re.findall(r"--([\w-]+)", told)}
    assert set(EditOptions.model_fields) <= fields or command != "edit"


def test_each_option_says_what_it_does_what_it_may_be_and_what_it_is_else() -> None:
    code, told, _ = ask("--help")
    assert code == 0
    assert "--gloss-level <float> How much it shines (0 to 1). [default: (as it dries)]" in told
    assert "--style oil|chalk In which." in told
    assert "--title <str> What it is called. [default: (untitled)]" in told
    assert "--wet Still so." in told
    assert "--framed / --no-framed In wood. [default: (if it sells)]" in told
    assert "--layers" not in told
    assert "--owners" not in told


def test_a_command_gets_what_was_given() -> None:
    words = "tree --gloss-level 0.5 --style oil --wet --no-framed".split()
    (got,) = ask(*words)[2]
    assert got == {
        "gloss_level": 0.5, "style": "oil", "title": "", "wet": True, "framed": False,
    }  # fmt: skip
    assert ask("tree")[2] == [{"title": "", "wet": False}]


def test_errors_name_options_as_they_are_typed() -> None:
    code, told, _ = ask("nothing")
    assert (code, told) == (2, "textseg: --gloss-level: too high ")
