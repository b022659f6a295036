"""How long widgets live: a panel is closed as a whole, and goes when its cell shows another one.

A kernel keeps every widget until somebody closes it, with all that it shows; a cell that is run ten
times would leave ten panels behind, nine of which nobody sees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakSet

import ipywidgets as widgets

from textseg.panels.interrupting import running_kernel


@dataclass
class _Cell:
    """What a run of a cell has shown."""

    run: str
    shown: WeakSet[widgets.Widget] = field(default_factory=WeakSet)


_CELLS: Final[dict[str, _Cell]] = {}  # of this kernel, by the id that the notebook gives them


def parts_of(whole: widgets.Widget) -> list[widgets.Widget]:
    """Return a widget and all that it is made of, shown or not, layouts and styles included."""
    found: dict[int, widgets.Widget] = {}
    waiting: list[Any] = [whole]  # Any: values of attributes
    while waiting:
        each = waiting.pop()
        if isinstance(each, widgets.Widget) and id(each) not in found:
            found[id(each)] = each
            waiting.extend(vars(each).values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        elif isinstance(each, dict):
            waiting.extend(each.values())
    return list(found.values())


def close_all(whole: widgets.Widget) -> None:
    """Close a widget and all that it is made of; what the page shows of them goes."""
    for part in parts_of(whole):
        widgets.Widget.close(part)


def take_the_cell(panel: widgets.Widget) -> None:
    """Note that the cell which runs shows a panel; those of an earlier run of it are closed.

    One that another cell shows as well is left alone. Outside of a notebook nothing happens.
    """
    cell, run = _running()
    if not cell:
        return
    before = _CELLS.get(cell)
    if before is None or before.run != run:
        _CELLS[cell] = _Cell(run)
    _CELLS[cell].shown.add(panel)
    seen = [each for known in _CELLS.values() for each in known.shown]
    for old in [] if before is None else before.shown:
        if old not in seen:
            old.close()


def _running() -> tuple[str, str]:
    """Return the id of the cell that runs, and one of this run; "" where there is none."""
    kernel = running_kernel()
    request = kernel.get_parent() if kernel is not None else {}
    cell = str(request.get("metadata", {}).get("cellId", ""))
    return cell, str(request.get("header", {}).get("msg_id", ""))
