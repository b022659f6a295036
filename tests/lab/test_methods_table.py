"""The page on methods says what the methods say today, and what was measured of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lab.bench.editing.drawn import Hands
from textseg.editing.planning import usual_options
from textseg.lab.bench.editing.by_method import operations_of
from textseg.lab.methods_pictures import draw, task_of
from textseg.lab.methods_table import read_measured, rewritten, table
from textseg.registry.methods import method_names
from textseg.scene import load

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = read_measured(DOCS / "bench_methods.json")
LARGEST = 15_000  # bytes of a picture of the table


def test_the_table_of_the_page_is_that_of_today() -> None:
    """Else `python -m textseg.lab.methods_table` writes it anew."""
    written = (DOCS / "methods.md").read_text(encoding="utf-8")
    assert rewritten(written, MEASURED) == written


def test_every_method_has_a_row_with_its_paper_and_is_one_short_file() -> None:
    lines = table(MEASURED).split("\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    methods = [row for row in rows if row[0].startswith("`")]
    assert [row[0].split("`")[1] for row in methods] == method_names()
    for row in methods:
        assert row[1].startswith("["), row
        assert (DOCS.parent / row[2].strip("`")).is_file()
        assert int(row[3]) < 150, row


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_measured_is_what_the_card_says_today(name: str) -> None:
    """Else `python -m textseg.lab.bench.editing.by_method` measures it anew."""
    card = load("picturebook", device="cpu").card
    assert MEASURED[name]["options"] == usual_options(name, card=card, steps=None)
    assert tuple(MEASURED[name]["success"]) == operations_of(name)
    assert (DOCS / "methods" / f"{name}.jpg").stat().st_size < LARGEST


def test_only_what_needs_another_network_was_not_measured() -> None:
    assert set(method_names()) - set(MEASURED) == {"blended_diffusion"}


def test_a_picture_of_the_table_is_before_mask_and_after() -> None:
    task = task_of("recolour")
    sides = np.array(draw(Hands("truth"), task), np.float32) / 255
    before, mask, after = np.split(sides, 3, axis=1)
    np.testing.assert_allclose(before, task.image, atol=0.01)
    np.testing.assert_allclose(after, task.truth, atol=0.01)
    np.testing.assert_array_equal(mask[..., 0] == 1, (task.truth != task.image).any(-1))
