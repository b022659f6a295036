"""The table of edit methods in docs/methods.md, from what the methods say of themselves.

``python -m textseg.lab.methods_table`` writes it anew, from the root of a checkout. Success is
still to be measured for it.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from textseg.lab.bench.tables import write_table
from textseg.registry.methods import MethodInfo, make_method, methods

PAGE = Path("docs/methods.md")
BEGIN, END = "<!-- written by `python -m textseg.lab.methods_table` -->", "<!-- end -->"
HEADS = ("Method", "Paper", "File", "Lines", "Needs", "For", "Evaluations", "Success")


def table() -> str:
    """Return the table, in Markdown: our own methods by name."""
    return write_table(HEADS, [_row(info) for info in methods() if info.package == "textseg"])


def rewritten(page: str) -> str:
    """Return the text of the page with the table of today."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table().strip()}\n\n{END}{after}"


def _row(info: MethodInfo) -> tuple[str, ...]:
    module = type(make_method(info.name)).__module__
    source = Path(str(importlib.import_module(module).__file__))
    number = info.paper.removeprefix("arXiv:")
    return (
        f"`{info.name}`: {info.title}",
        f"[{number}](https://arxiv.org/abs/{number})",
        f"`{module.replace('.', '/')}.py`",
        str(len(source.read_text(encoding="utf-8").splitlines())),
        ", ".join(info.needs) or "-",
        ", ".join(info.suits),
        info.cost,
        "-",
    )


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
