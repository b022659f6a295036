"""A strip of buttons for what can be done with the selected mask, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import ipywidgets as widgets

from textseg.fields import options_of
from textseg.panels.calls import PIXELS
from textseg.panels.controller import Controller
from textseg.panels.fields import OWN_WIDTH, TiedFields, button, narrow, row, tied
from textseg.panels.retouch_controller import RetouchController
from textseg.panels.segment_controller import SegmentController
from textseg.panels.work_row import WorkRow
from textseg.retouching.words import ABOUT


class RetouchStrip(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """For each tool a button for each action, and a field for each argument that some of them take.

    Attributes:
        buttons: by the name of the action.
        fields: by the name of the tool, then of the argument.
        undo: goes back to the picture that was changed.
    """

    def __init__(self, owner: Controller, finding: SegmentController, work: WorkRow) -> None:
        """Change the picture of ``owner`` inside of what ``finding`` has found in it."""
        self.buttons = {name: button(_called(name), about) for name, about in ABOUT.items()}
        self.fields: dict[str, dict[str, widgets.Widget]] = {}
        self.undo = button("Undo change", "The picture that was changed; nothing is lost")
        rows = []
        for tool in PIXELS:
            controller = RetouchController(tool, owner, finding)
            self.fields[tool] = dict(_fields(controller, tool))
            for name in controller.actions:
                work.starts(self.buttons[name], partial(controller.run, name))
            rows += [
                row([self.buttons[name] for name in controller.actions]),
                row(list(self.fields[tool].values())),
            ]
        super().__init__([*rows, row([self.undo])])
        work.starts(self.undo, owner.back)


def _fields(controller: RetouchController, tool: str) -> Iterator[tuple[str, widgets.Widget]]:
    options = options_of(PIXELS[tool])
    drawn = [each for name, each in options.items() if name in controller.taken - {"colour"}]
    yield from TiedFields(drawn, controller, "settings").fields.items()
    if "colour" in controller.taken:
        picker = widgets.ColorPicker(
            description="Colour",
            tooltip=options["colour"].about,
            style=OWN_WIDTH,
            layout=narrow(),
        )
        yield "colour", tied(picker, controller, "colour")


def _called(name: str) -> str:
    return name.replace("_", " ").capitalize()
