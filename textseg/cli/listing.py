"""``textseg caption``, ``methods``, ``models`` and ``demo``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textseg.cli.interrupts import interruptible
from textseg.cli.shared import (
    AsJson,
    Device,
    MaxPixels,
    given,
    plain_failures,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from textseg.registry.methods import OptionInfo


@plain_failures
def caption(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    captioner: Annotated[
        str, typer.Option(help="Name, folder of a BLIP checkpoint or hub id.")
    ] = "picturebook",
    device: Device = "auto",
    max_pixels: MaxPixels = None,
    as_json: AsJson = False,
) -> None:
    """Say what a picture shows."""
    from textseg.toolbox import CaptionArguments, caption_image, checked

    values = given(image=image, captioner=captioner, device=device, max_pixels=max_pixels)
    arguments = checked(CaptionArguments, values)
    with progress_bar() as progress:
        result = caption_image(arguments, progress=progress)
    say(result.model_dump_json(indent=2) if as_json else result.caption)


@plain_failures
def methods(as_json: AsJson = False) -> None:
    """List the edit methods with their options; `textseg edit --set NAME=VALUE` sets them."""
    from textseg.registry.methods import methods as registered

    found = registered()
    if as_json:
        say(json.dumps([asdict(info) for info in found], indent=2))
        return
    for info in found:
        if info.error:
            say(f"{info.name}: cannot be used ({info.package}): {info.error}")
            continue
        say(f"{info.name}: {info.title} ({info.paper}; {info.package})")
        for option in info.options:
            say(f"  {_option_line(option)}")


@plain_failures
def models(as_json: AsJson = False) -> None:
    """List the models that have a name; folders and hub ids work as well."""
    from textseg.registry.models import models as registered

    found = registered()
    if as_json:
        say(json.dumps([asdict(info) for info in found], indent=2))
        return
    for info in found:
        say(f"{info.name}: {info.description} ({info.package})")


@plain_failures
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the pictures.")
    ] = Path("demo"),
) -> None:
    """Segment pictures of the embedded model's own world, and say where the results lie."""
    from textseg.picturebook import demo as pictures

    with interruptible(), progress_bar() as progress:
        pictures.run(output, progress)
    say(f"the pictures lie in {output.resolve()}")


def _option_line(option: OptionInfo) -> str:
    default = str(option.default).lower() if option.type == "boolean" else option.default
    values = option.allowed or option.type
    return f"{option.name}={default}: {option.description} ({values})"
