"""Fields, buttons and rows as all panels lay them out; in narrow windows they wrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import ipywidgets as widgets
from traitlets import HasTraits, link

OWN_WIDTH: Final = {"description_width": "initial"}
LARGEST_SEED: Final = 2**53 - 1  # a browser counts no further


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


def whole(label: str, about: str, *, most: int = LARGEST_SEED) -> widgets.BoundedIntText:
    """Return a field for a whole number from 0 up."""
    return widgets.BoundedIntText(
        min=0, max=most, description=label, tooltip=about, layout=narrow(), style=OWN_WIDTH
    )


def seed_field() -> widgets.BoundedIntText:
    """Return the field for a seed."""
    return whole("Seed", "Same seed, same result; another seed, another attempt.")


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


def foldable(opener: widgets.ToggleButton, content: widgets.Widget) -> widgets.Box:
    """Return a box that holds the content while the button is down."""
    box = widgets.VBox([])

    def follow(_: object = None) -> None:
        box.children = (content,) if opener.value else ()

    opener.observe(follow, names="value")
    follow()
    return box


def tied(field: widgets.Widget, state: HasTraits, name: str) -> widgets.Widget:
    """Return the field, tied to a trait of a controller: each follows the other."""
    link((state, name), (field, "value"))
    return field
