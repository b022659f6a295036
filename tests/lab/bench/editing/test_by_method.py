from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.lab.bench.editing.drawn import Hands, Says
from textseg.lab.bench.editing.by_method import (
    STREAM,
    measure_method,
    operations_of,
    read_rows,
    results_of,
    sum_up,
)
from textseg.lab.bench.editing.running import Problem, Scored
from textseg.lab.bench.editing.scene_tasks import scene_numbers
from textseg.progress import Follow


def measured(folder: Path, hands: str, *, scenes: int = 1) -> tuple[Problem, ...]:
    return measure_method(
        results_of("flowedit", folder),
        Hands(hands),
        Says(),
        operations=("recolour", "setting"),
        numbers=scene_numbers(STREAM, scenes=scenes, seed=0),
        follow=Follow(),
    )


def test_a_method_is_measured_at_what_it_is_for() -> None:
    assert operations_of("flowedit") == ("recolour", "replace", "setting")
    assert operations_of("unipaint") == ("replace", "add")


def test_what_has_been_measured_is_not_measured_again(tmp_path: Path) -> None:
    assert measured(tmp_path, "truth") == ()
    first = results_of("flowedit", tmp_path).read()
    measured(tmp_path, "nothing found", scenes=2)
    both = results_of("flowedit", tmp_path).read()
    assert list(both)[:2] == list(first)
    assert len(both) == 4
    assert [score.figures["found"] for score in both.values()] == [1, 1, 0, 0]
    assert read_rows(tmp_path)["flowedit"]["scenes"] == 0  # it is for replacing as well
    assert set(read_rows(tmp_path)) == {"flowedit"}


def test_a_scene_counts_once_all_its_edits_are_measured() -> None:
    came_off = Scored("7 recolour", "recolour", {"found": 1, "success": 1}, 80, 1.0)
    failed = replace(came_off, key="7 setting", group="setting", figures={"found": 1, "success": 0})
    half = replace(came_off, key="9 recolour", evaluations=500)
    assert sum_up([came_off, failed, half], ("recolour", "setting")) == {
        "scenes": 1,
        "success": {"recolour": 1.0, "setting": 0.0},
        "evaluations": 80.0,
    }
