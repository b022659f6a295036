"""The options of an edit method as fields, built from what the registry says of them.

Methods are loaded, and torch with them, when one is chosen: a panel has to come up at once.
"""

from __future__ import annotations

import html
from typing import Any, Final

import ipywidgets as widgets

from textseg.fields import OptionInfo
from textseg.panels.fields import OWN_WIDTH, narrow, row, wide
from textseg.registry.methods import MethodInfo, method_names, methods

AUTOMATIC: Final = "what suits the change"


class OptionsForm(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A choice among the methods, and the options of the one that is chosen.

    Attributes:
        method: the choice; its value is a name, or "" for what suits the change.
        about: what the chosen method is, or why it cannot be used.
        strength: how much to change where no method is chosen; 0 is what suits.
        fields: one for each option of the chosen method, by name.
    """

    def __init__(self) -> None:
        """Begin with what suits the change, which has no options."""
        self._chosen: MethodInfo | None = None
        choices = [(AUTOMATIC, ""), *((name, name) for name in method_names())]
        self.method = widgets.Dropdown(
            options=choices, value="", description="Method", layout=wide(), style=OWN_WIDTH
        )
        self.fields: dict[str, widgets.Widget] = {}
        self.strength = strength_field()
        self.about = widgets.HTML("")
        self._row = row([self.strength])
        super().__init__([row([self.method, self.about]), self._row])
        self.method.observe(lambda _: self._build(), names="value")

    @property
    def values(self) -> dict[str, Any]:  # Any: numbers, booleans, strings
        """The options that differ from their defaults, by name."""
        return {
            name: field.value
            for name, field in self.fields.items()
            if field.value != self._option(name).default
        }

    def fill(self, method: str, options: dict[str, Any]) -> None:  # Any: as above
        """Choose a method and set its options; the others go back to their defaults."""
        self.method.value = method if method in method_names() else ""
        for name, field in self.fields.items():
            field.value = options.get(name, self._option(name).default)

    def _build(self) -> None:
        name = self.method.value
        chosen = next((info for info in methods() if info.name == name), None) if name else None
        self._chosen = chosen
        self.about.value = "" if chosen is None else html.escape(_describe(chosen))
        options = () if chosen is None else chosen.options
        self.fields = {option.name: field_for(option) for option in options}
        self._row.children = tuple(self.fields.values()) or (self.strength,)

    def _option(self, name: str) -> OptionInfo:
        assert self._chosen is not None, "it has options"
        return next(option for option in self._chosen.options if option.name == name)


def _describe(info: MethodInfo) -> str:
    if info.error:
        return f"cannot be used: {info.error}"
    return f"{info.title} ({info.paper}). Fields left alone follow the model's card."


def strength_field() -> widgets.BoundedFloatText:
    """Return the field for a strength that belongs to no method in particular."""
    return widgets.BoundedFloatText(
        min=0,
        max=1,
        step=0.05,
        description="Strength",
        tooltip="How much to change; 0 for what suits the change",
        style=OWN_WIDTH,
        layout=narrow(),
    )


def field_for(option: OptionInfo) -> widgets.Widget:
    """Return the field for an option: what it takes, its limits, and what it does."""
    words = option.name.replace("_", " ").capitalize()
    allowed = f" ({option.allowed})" if option.allowed else ""
    about = {
        "description": words,
        "tooltip": f"{option.description}{allowed}",
        "value": option.default,
        "layout": wide(),
        "style": OWN_WIDTH,
    }
    if option.choices:
        return widgets.Dropdown(options=option.choices, **about)
    if option.type == "boolean":
        return widgets.Checkbox(indent=False, **about)
    if option.type == "string":
        return widgets.Text(**about)
    whole = option.type == "integer"
    if option.minimum is None or option.maximum is None:
        return widgets.IntText(**about) if whole else widgets.FloatText(**about)
    limits = {"min": option.minimum, "max": option.maximum}
    if whole:
        return widgets.BoundedIntText(**limits, **about)
    return widgets.BoundedFloatText(step=0.01, **limits, **about)
