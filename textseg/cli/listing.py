"""``textseg caption``, ``methods``, ``models`` and ``demo``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import AsJson, plain_failures, progress_bar, say
from textseg.toolbox import CaptionArguments

if TYPE_CHECKING:
    from textseg.fields import OptionInfo
    from textseg.registry.checkpoints import CheckpointInfo


@plain_failures
@drawn
def caption(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Path of the picture.")],
    *,
    how: Annotated[Given, Fields(CaptionArguments, but=("image",))],
    as_json: AsJson = False,
) -> None:
    """Say what a picture shows."""
    arguments = toolbox.check_arguments(CaptionArguments, {**how, "image": image})
    with progress_bar() as progress:
        result = toolbox.caption_image(arguments, progress=progress)
    say(result.model_dump_json(indent=2) if as_json else result.caption)


@plain_failures
def methods(as_json: AsJson = False) -> None:
    """List the edit methods with their options; `textseg edit --set NAME=VALUE` sets them.

    The card of a model may have others: `textseg models NAME` shows it.
    """
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
        uses = (("for", info.suits), ("needs", info.needs), ("evaluations", (info.cost,)))
        say("  " + "; ".join(f"{use}: {', '.join(told)}" for use, told in uses if any(told)))
        for option in info.options:
            say(f"  {_option_line(option)}")


@plain_failures
def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="Show the card of this one: a name, a folder or a hub id."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that have a name, or show what one is used to and where that comes from.

    Nothing is downloaded.
    """
    from textseg.registry.cached import is_cached
    from textseg.registry.checkpoints import CHECKPOINTS
    from textseg.registry.models import load_model
    from textseg.registry.models import models as registered

    if name is not None:
        known = CHECKPOINTS.get(name)
        here = known is None or is_cached(known.repository)
        facts = load_model(name, local_files_only=True).card.as_json() if here else {}
        if known is not None:
            about = {**asdict(known), "needs": known.needs, "cached": here}
            facts = {"checkpoint": about, **facts}
        say(json.dumps(facts, indent=2, ensure_ascii=False) if as_json else _about(facts))
        return
    if as_json:
        own = [asdict(info) for info in registered()]
        others = [{"name": short, **asdict(info)} for short, info in CHECKPOINTS.items()]
        say(json.dumps([*own, *others], indent=2))
        return
    for info in registered():
        say(f"{info.name}: {info.description} ({info.package})")
    for short, checkpoint in CHECKPOINTS.items():
        say(f"{short}: {_checkpoint_line(checkpoint)}")


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


def _about(facts: Mapping[str, Any]) -> str:  # Any: JSON
    """Return what is known of a model: of its checkpoint, and its card, if it is here."""
    about = facts.get("checkpoint")
    if about is None:
        return card_text(facts)
    lines = [about["title"], *(f"  {key}: {_plain(value)}" for key, value in about.items())]
    if "name" in facts:
        return "\n".join([*lines, "", card_text(facts)])
    fetch = f"it is not on this machine; hf download {about['repository']} fetches it"
    return "\n".join([*lines, "", fetch])


def _checkpoint_line(info: CheckpointInfo) -> str:
    facts = [info.title, info.repository, info.license]
    facts += [f"{info.gigabytes:g} GB in half precision", f"{info.side} pixels"]
    return ", ".join([*facts, *filter(None, [info.needs])])


def card_text(facts: Mapping[str, object]) -> str:
    """Return a card for people: a paragraph a group, which ends with where it comes from."""
    lines = [f"{facts['name']}"]
    for name, group in facts.items():
        if isinstance(group, Mapping):
            values = {key: value for key, value in group.items() if key != "found"}
            lines += ["", name, *(f"  {key}: {_plain(value)}" for key, value in values.items())]
            lines.append(f"  found: {group['found']}")
    return "\n".join(lines)


def _plain(value: object) -> str:
    """Return a value of JSON in few signs: "a b" for a list, "a 1, b 2" for an object."""
    if isinstance(value, Mapping):
        forms = ("{} ({})" if isinstance(each, Mapping) else "{} {}" for each in value.values())
        pairs = zip(forms, value.items(), strict=True)
        return ", ".join(form.format(key, _plain(each)) for form, (key, each) in pairs)
    if isinstance(value, list):
        return " ".join(map(_plain, value))
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, float):
        return min(str(value), f"{value:.3g}", key=len)  # what was fitted has many digits
    return json.dumps(value).replace("null", "none")


def _option_line(option: OptionInfo) -> str:
    default = str(option.default).lower() if option.type == "boolean" else option.default
    values = option.allowed or option.type
    return f"{option.name}={default}: {option.description} ({values})"
