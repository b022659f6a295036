"""How long work takes as a whole: estimated on a clock of our own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from textseg.progress import Progress
from textseg.toolbox.course import Course, Forecast


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=100.0)
    made.monotonic = lambda: made.now
    monkeypatch.setattr("textseg.toolbox.course.time", made)
    return made


def walk(
    course: Course, clock: SimpleNamespace, *stages: tuple[str, int, float]
) -> list[tuple[float | None, float | None]]:
    """What is left and done, rounded, in a work of stages of (name, steps, seconds each)."""
    seen: list[Progress] = []
    estimate = Forecast(course, seen.append)
    for name, steps, seconds in stages:
        for step in range(steps + 1):
            estimate(Progress(name, step, steps))
            clock.now += seconds if step < steps else 0.0
    estimate.finish()
    return [(each.remaining, None if each.share is None else round(each.share, 3)) for each in seen]


def test_first_work_is_estimated_by_the_usual_course_at_its_own_pace(
    clock: SimpleNamespace,
) -> None:
    course = Course((("find", 1.0), ("edit", 3.0)))
    told = walk(course, clock, ("find", 2, 5.0), ("edit", 3, 10.0))
    assert told == [
        (None, 0.0), (35.0, 0.125), (30.0, 0.25), (30.0, 0.25), (20.0, 0.5), (10.0, 0.75),
        (0.0, 1.0),
    ]  # fmt: skip


def test_later_works_are_estimated_from_the_start_by_the_one_before(
    clock: SimpleNamespace,
) -> None:
    course = Course((("find", 1.0), ("edit", 1.0)))
    walk(course, clock, ("load", 1, 50.0), ("find", 1, 2.0), ("edit (1 of 2)", 2, 3.0))
    assert course.stages == (("load", 50.0), ("find", 2.0), ("edit", 6.0))
    told = walk(course, clock, ("find", 1, 2.0), ("edit (1 of 2)", 2, 3.0))
    assert [left for left, _ in told] == [8.0, 6.0, 6.0, 3.0, 0.0]


def test_share_never_falls_though_more_comes_than_came_before(clock: SimpleNamespace) -> None:
    course = Course((("find", 1.0),), measured=True)
    told = walk(course, clock, ("find", 1, 1.0), ("again", 2, 4.0), ("again", 1, 4.0))
    shares = [share or 0.0 for _, share in told]
    assert shares == sorted(shares)
    assert told[-1][0] == pytest.approx(0.0)


def test_work_without_a_report_teaches_nothing(clock: SimpleNamespace) -> None:
    course = Course((("find", 1.0),))
    walk(course, clock)
    assert (course.stages, course.measured) == ((("find", 1.0),), False)
