"""Parts of forms that several panels have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from textseg.panels.controller import Controller
from textseg.panels.fields import row, switch, text, tied


def narrowing(controller: Controller) -> widgets.HBox:
    """Return the fields that narrow what is found."""
    return row(
        [
            tied(text("Spare", "Another thing, to be left out"), controller, "exclude"),
            tied(
                text("Region", "Which of several", example="left, largest, second ..."),
                controller,
                "region",
            ),
            tied(switch("Everything else", "Take all but what is found"), controller, "invert"),
        ]
    )


def uploader() -> widgets.FileUpload:
    """Return the button that takes a picture from a person's disk."""
    return widgets.FileUpload(
        accept="image/*",
        multiple=False,
        description="Upload",
        tooltip="Take a picture from your disk",
        layout=widgets.Layout(width="auto"),
    )


def uploaded(value: Any) -> tuple[str, bytes] | None:  # Any: versions of ipywidgets differ
    """Return name and content of the file that was given last; None for none."""
    files = list(value.values()) if isinstance(value, Mapping) else list(value)
    if not files:
        return None
    file = files[-1]
    name = file["name"] if "name" in file else file["metadata"]["name"]
    return str(name), bytes(file["content"])


def take_in(controller: Controller, value: Any) -> None:  # Any: as above
    """Work on the picture that was uploaded, if there is one.

    Raises:
        ImageError: it cannot be read.
        BusyError: there is work going on.
    """
    taken = uploaded(value)
    if taken is not None:
        name, content = taken
        record = controller.toolbox.workspace.add_picture(content, name=name)
        controller.turn_to(record.handle)
