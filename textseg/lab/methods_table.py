"""The table of edit methods in docs/methods.md: what they say of themselves, and what they did.

``python -m textseg.lab.methods_table`` writes it anew, from the root of a checkout. Success is read
from what ``textseg.lab.bench.editing.by_method`` wrote; ``textseg.lab.methods_pictures`` draws the
pictures.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from textseg.lab.bench.editing.by_method import Row, operations_of
from textseg.lab.bench.editing.scene_tasks import OPERATIONS
from textseg.lab.bench.tables import show, write_table
from textseg.registry.methods import MethodInfo, make_method, methods

DOCS = Path("docs")
PAGE, MEASURED = DOCS / "methods.md", DOCS / "bench_methods.json"
BEGIN, END = "<!-- written by `python -m textseg.lab.methods_table` -->", "<!-- end -->"
FACTS = ("Method", "Paper", "File", "Lines", "Needs", "Evaluations")
HEADS = (*FACTS, "Scenes", *map(str.capitalize, OPERATIONS), "Before, mask, after")


def table(measured: dict[str, Row]) -> str:
    """Return the table, in Markdown: our own methods by name.

    Args:
        measured: rows of ``by_method``, of the methods that have one.
    """
    own = [info for info in methods() if info.package == "textseg"]
    return write_table(HEADS, [_cells(info, measured.get(info.name)) for info in own])


def rewritten(page: str, measured: dict[str, Row]) -> str:
    """Return the text of the page with the table of today."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table(measured).strip()}\n\n{END}{after}"


def read_measured(path: Path) -> dict[str, Row]:
    """Return the rows that ``by_method`` wrote, by method."""
    rows: dict[str, Row] = json.loads(path.read_text(encoding="utf-8"))["methods"]
    return rows


def _cells(info: MethodInfo, measured: Row | None) -> tuple[str, ...]:
    module = type(make_method(info.name)).__module__
    source = Path(str(importlib.import_module(module).__file__))
    number = info.paper.removeprefix("arXiv:")
    first = "" if measured is None else f"{show(measured['evaluations'], '{:.0f}')}: "
    return (
        f"`{info.name}`: {info.title}",
        f"[{number}](https://arxiv.org/abs/{number})",
        f"`{module.replace('.', '/')}.py`",
        str(len(source.read_text(encoding="utf-8").splitlines())),
        ", ".join(info.needs) or "-",
        first + info.cost,
        *_success(info.name, measured),
    )


def _success(name: str, measured: Row | None) -> tuple[str, ...]:
    if measured is None:
        asked = operations_of(name)
        return ("-", *("?" if operation in asked else "-" for operation in OPERATIONS), "-")
    shares = (show(measured["success"].get(operation), "{:.0%}") for operation in OPERATIONS)
    return (str(measured["scenes"]), *shares, f"![{name}](methods/{name}.jpg)")


def main() -> None:
    """Write the table anew."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(rewritten(page, read_measured(MEASURED)), encoding="utf-8")


if __name__ == "__main__":
    main()
