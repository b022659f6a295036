"""What can be set of an edit as fields: the options of all edits, a method, and those of its own.

Methods are loaded, and torch with them, when one is chosen: a panel has to come up at once.
"""

from __future__ import annotations

import html
from typing import Final

import ipywidgets as widgets

from textseg.editing.options import METHOD_OPTIONS, EditOptions
from textseg.fields import options_of
from textseg.panels.edit_controller import EditController
from textseg.panels.fields import OWN_WIDTH, TiedFields, row, wide
from textseg.panels.living import close_all
from textseg.registry.methods import MethodInfo, method_names, methods

AUTOMATIC: Final = "what suits the change"


class OptionsForm(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Fields for the ``settings``, the ``method`` and the ``options`` of a controller.

    Attributes:
        settings: a field for each option that all edits have, by name.
        method: the choice among the methods; its value is a name, or "" for what suits the change.
        about: what the chosen method is, or why it cannot be used.
    """

    def __init__(self, controller: EditController) -> None:
        """Show what a controller has."""
        self._controller = controller
        self._own = TiedFields((), controller, "options")
        self.settings = TiedFields(options_of(EditOptions).values(), controller, "settings").fields
        choices = [(AUTOMATIC, ""), *((name, name) for name in method_names())]
        self.method = widgets.Dropdown(
            options=choices, value="", description="Method", layout=wide(), style=OWN_WIDTH
        )
        self.about = widgets.HTML("")
        self._row = row([])
        super().__init__(
            [row(list(self.settings.values())), row([self.method, self.about]), self._row]
        )
        self.method.observe(lambda _: self._choose(self.method.value), names="value")
        controller.observe(lambda _: self._show(), names="method")
        self._show()

    @property
    def fields(self) -> dict[str, widgets.Widget]:
        """One for each option that only the chosen method has, by name."""
        return self._own.fields

    def _show(self) -> None:
        name = self._controller.method
        self.method.value = name if name in method_names() else ""

    def _choose(self, name: str) -> None:
        """Have edits made by another method, with its usual options."""
        if name != self._controller.method:
            self._controller.method, self._controller.options = name, {}
        chosen = next((info for info in methods() if info.name == name), None) if name else None
        self.about.value = "" if chosen is None else html.escape(_describe(chosen))
        options = () if chosen is None else chosen.options
        own = [option for option in options if option.name not in METHOD_OPTIONS]
        before = list(self.fields.values())
        self._own.untie()
        self._own = TiedFields(own, self._controller, "options")
        self._row.children = tuple(self.fields.values())
        for field in before:
            close_all(field)


def _describe(info: MethodInfo) -> str:
    if info.error:
        return f"cannot be used: {info.error}"
    return f"{info.title} ({info.paper}). Fields left alone follow the model's card."
