"""Docstrings as this house writes them: what is indented after a blank line is code."""

from __future__ import annotations

import inspect

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature
from traitlets import HasTraits


def mark_code(lines: list[str]) -> list[str]:
    """Return the lines of a docstring with the directive that shows code before what is code.

    Parts such as "Args:" are followed by what is theirs at once, so none of that is taken for it.
    """
    marked: list[str] = []
    last = "    "  # that says something
    for before, line in zip(["", *lines], lines, strict=False):
        plain = not last.startswith(" ") and not last.endswith("::")  # that says what it is
        if line.startswith("    ") and plain and not before.strip():
            marked += [".. code-block:: python", ""]
        last = line if line.strip() else last
        marked.append(line)
    return marked


def read_docstring(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Mark the code of a docstring, before its parts are read."""
    lines[:] = mark_code(lines)


def read_signature(  # the arguments are those of the event
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    signature: str,
    returns: str,
) -> tuple[str, str] | None:
    """Return the arguments of a widget, whose base takes anything."""
    if not (isinstance(value, type) and issubclass(value, HasTraits)):
        return None
    found = inspect.signature(value.__init__)
    given = [each for each in found.parameters.values() if each.name != "self"]
    return stringify_signature(
        found.replace(parameters=given), show_return_annotation=False
    ), returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every docstring and signature."""
    app.connect("autodoc-process-docstring", read_docstring, priority=400)  # napoleon has 500
    app.connect("autodoc-process-signature", read_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
