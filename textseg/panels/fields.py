"""Fields, buttons and rows as all panels lay them out; in narrow windows they wrap.

What can be set gets its field from what is said of it: ``field_for``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

import ipywidgets as widgets
from traitlets import HasTraits, link

from textseg.fields import OptionInfo

OWN_WIDTH: Final = {"description_width": "initial"}
LARGEST: Final = 2**53 - 1  # a browser counts no further


def wide() -> widgets.Layout:
    """Return the layout of a field that takes the space there is."""
    return widgets.Layout(flex="1 1 16em", width="auto")


def narrow() -> widgets.Layout:
    """Return the layout of a field for a number."""
    return widgets.Layout(flex="0 1 11em", width="auto")


def row(children: Sequence[widgets.Widget]) -> widgets.HBox:
    """Return a row that wraps where there is no space."""
    layout = widgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="0 10px")
    return widgets.HBox(children, layout=layout)


def text(label: str, about: str, *, example: str = "") -> widgets.Text:
    """Return a field for words."""
    return widgets.Text(
        description=label, tooltip=about, placeholder=example, layout=wide(), style=OWN_WIDTH
    )


def switch(label: str, about: str) -> widgets.Checkbox:
    """Return a box to be ticked."""
    layout = widgets.Layout(width="auto")
    return widgets.Checkbox(description=label, tooltip=about, indent=False, layout=layout)


def whole(label: str, about: str, *, most: int = LARGEST) -> widgets.BoundedIntText:
    """Return a field for a whole number from 0 up."""
    return widgets.BoundedIntText(
        min=0, max=most, description=label, tooltip=about, layout=narrow(), style=OWN_WIDTH
    )


def button(label: str, about: str, *, icon: str = "", primary: bool = False) -> widgets.Button:
    """Return a button that is as wide as its text."""
    return widgets.Button(
        description=label,
        tooltip=about,
        icon=icon,
        button_style="primary" if primary else "",
        layout=widgets.Layout(width="auto"),
    )


def toggle(label: str, about: str, *, icon: str = "") -> widgets.ToggleButton:
    """Return a button that stays down until it is pressed again."""
    layout = widgets.Layout(width="auto")
    return widgets.ToggleButton(description=label, tooltip=about, icon=icon, layout=layout)


class Foldable(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A box that shows its content while a button is down."""

    def __init__(self, opener: widgets.ToggleButton, content: widgets.Widget) -> None:
        """Follow the button."""
        super().__init__([])
        self._opener, self._content = opener, content
        opener.observe(lambda _: self._follow(), names="value")
        self._follow()

    def _follow(self) -> None:
        self.children = (self._content,) if self._opener.value else ()


def tied(field: widgets.Widget, state: HasTraits, name: str) -> widgets.Widget:
    """Return the field, tied to a trait of a controller: each follows the other."""
    link((state, name), (field, "value"))
    return field


def field_for(option: OptionInfo) -> widgets.Widget:
    """Return the field for an option: what it takes, its limits, and what it does.

    One that need not be given is left empty then, and says what happens.
    """
    allowed = f" ({option.allowed})" if option.allowed else ""
    left = f"; left alone: {option.unless_given}" if option.unless_given else ""
    about: dict[str, Any] = {  # Any: widgets have no types
        "description": option.name.replace("_", " ").capitalize(),
        "tooltip": f"{option.about}{allowed}{left}",
        "style": OWN_WIDTH,
    }
    yes_or_no = [("yes", True), ("no", False)] if option.type == "boolean" else []
    answers = [*yes_or_no, *((each, each) for each in option.choices)]
    if option.default is None and answers:
        choices = [(option.unless_given, ""), *answers]
        return widgets.Dropdown(options=choices, value="", layout=wide(), **about)
    if option.default is None:
        return widgets.Text(placeholder=option.unless_given, layout=wide(), **about)
    about["value"] = option.default
    if option.choices:
        return widgets.Dropdown(options=option.choices, layout=wide(), **about)
    if option.type == "boolean":
        return widgets.Checkbox(indent=False, layout=widgets.Layout(width="auto"), **about)
    if option.type == "string":
        return widgets.Text(placeholder=option.unless_given, layout=wide(), **about)
    return _number(option, about)


def _number(option: OptionInfo, about: dict[str, Any]) -> widgets.Widget:  # Any: as above
    about["layout"] = narrow()
    if option.type == "integer" and option.minimum is not None:
        most = LARGEST if option.maximum is None else option.maximum
        return widgets.BoundedIntText(min=option.minimum, max=most, **about)
    if option.minimum is None or option.maximum is None:
        return (widgets.IntText if option.type == "integer" else widgets.FloatText)(**about)
    return widgets.BoundedFloatText(min=option.minimum, max=option.maximum, step=0.01, **about)


class TiedFields:
    """Fields for options, tied to the values that a controller has of them: each follows the other.

    Attributes:
        fields: by the name of the option.
    """

    def __init__(self, options: Iterable[OptionInfo], state: HasTraits, trait: str) -> None:
        """Make the fields; what is given of the options is a dict, the trait of ``state``."""
        self._state, self._trait = state, trait
        self.fields = {option.name: field_for(option) for option in options}
        self._unsaid = {name: field.value for name, field in self.fields.items()}
        for name, field in self.fields.items():
            field.observe(partial(self._take, name), names="value")
        state.observe(self._show, names=trait)
        self._show()

    def untie(self) -> None:
        """Let the fields be, and the controller go on without them."""
        self._state.unobserve(self._show, names=self._trait)

    def _shown(self, name: str) -> Any:  # Any: what the field takes
        given = getattr(self._state, self._trait).get(name)
        if given is None:
            return self._unsaid[name]
        return str(given) if isinstance(self.fields[name], widgets.Text) else given

    def _show(self, _: object = None) -> None:
        for name, field in self.fields.items():
            field.value = self._shown(name)

    def _take(self, name: str, _: object) -> None:
        said = self.fields[name].value
        if said == self._shown(name):
            return
        others = {k: v for k, v in getattr(self._state, self._trait).items() if k != name}
        given = {} if said == self._unsaid[name] else {name: said}
        setattr(self._state, self._trait, {**others, **given})
