"""A strip of buttons for what can be done with the selected mask, without a model."""

from __future__ import annotations

from functools import partial
from typing import Final, get_args

import ipywidgets as widgets

from textseg.panels.fields import OWN_WIDTH, button, narrow, row, switch, text, tied
from textseg.panels.retouch_controller import RetouchController
from textseg.panels.work_row import WorkRow
from textseg.retouching.words import RetouchAction

ABOUT: Final[dict[str, str]] = {
    "crop": "To the thing, with a margin",
    "cut_out": "All else becomes transparent",
    "blur": "Out of focus",
    "grey": "Without colours",
    "dim": "Darker and paler",
    "brighten": "More light",
    "darken": "Less light",
    "contrast": "More of it, or less where the amount is below 0",
    "saturate": "Stronger colours, or paler ones where the amount is below 0",
    "colour": "Exactly this colour, shading kept",
    "fill": "Covered with this colour",
    "outline": "A line around it in this colour",
    "match_colour": "The colour of the other thing",
    "swap_colours": "Its colour and that of the other thing change places",
}


class RetouchStrip(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A button for each change, and fields for what some of them take.

    Attributes:
        buttons: by the name of the change.
        undo: goes back to the picture that was changed.
    """

    def __init__(self, controller: RetouchController, work: WorkRow) -> None:
        """Change what a controller says; errors are told in the line about the work."""
        actions: tuple[RetouchAction, ...] = get_args(RetouchAction)
        self.buttons = {name: button(_called(name), ABOUT[name]) for name in actions}
        self.undo = button("Undo retouch", "The picture that was changed; nothing is lost")
        super().__init__([row([*self.buttons.values(), self.undo]), row(_fields(controller))])
        for name in actions:
            work.starts(self.buttons[name], partial(controller.run, name))
        work.starts(self.undo, controller.back)


def _fields(controller: RetouchController) -> list[widgets.Widget]:
    colour = widgets.ColorPicker(
        description="Colour", tooltip="To colour, fill, outline", style=OWN_WIDTH, layout=narrow()
    )
    amount = widgets.BoundedFloatText(
        min=-1,
        max=1,
        step=0.1,
        description="Amount",
        tooltip="How much, up to 1; 0: as usual",
        style=OWN_WIDTH,
        layout=narrow(),
    )
    other = text("Other thing", "To match or to swap colours with", example="red house")
    aspect = text("Proportions", "Of a crop; left alone: those of the thing", example="16:9")
    around = switch("Around it", "Change all but the thing")
    return [
        tied(around, controller, "around"),
        tied(amount, controller, "amount"),
        tied(colour, controller, "colour"),
        tied(other, controller, "other"),
        tied(aspect, controller, "aspect"),
    ]


def _called(name: str) -> str:
    return name.replace("_", " ").capitalize()
