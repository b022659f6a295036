"""Markdown tables: what the benchmarks print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def write_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; each row has as many cells as there are heads."""
    ruler = "|" + " --- |" * len(heads)
    first, *others = (
        "|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in (heads, *rows)
    )
    return "\n".join((first, ruler, *others))


def show(value: float | None, form: str) -> str:
    """Return a number in its form, such as "{:.1%}"; "-" for None."""
    return "-" if value is None else form.format(value)
