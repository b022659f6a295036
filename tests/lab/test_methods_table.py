"""The page on methods says what the methods say today."""

from __future__ import annotations

from pathlib import Path

from textseg.lab.methods_table import rewritten, table
from textseg.registry.methods import method_names

PAGE = Path(__file__).parents[2] / "docs/methods.md"


def test_the_table_of_the_page_is_that_of_today() -> None:
    """Else `python -m textseg.lab.methods_table` writes it anew."""
    written = PAGE.read_text(encoding="utf-8")
    assert rewritten(written) == written


def test_every_method_has_a_row_with_its_paper_and_is_one_short_file() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table().split("\n")]
    methods = [row for row in rows if row[0].startswith("`")]
    assert [row[0].split("`")[1] for row in methods] == method_names()
    for row in methods:
        assert row[1].startswith("["), row
        assert (PAGE.parents[1] / row[2].strip("`")).is_file()
        assert int(row[3]) < 150, row
