"""What came out of a benchmark of edits: means, for all items and for each kind of edit."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from textseg.lab.bench.editing.running import Outcome, Problem, Scored, plain
from textseg.lab.bench.tables import show, write_table


@dataclass(frozen=True)
class Mean:
    """The mean of a figure over the items for which it is defined.

    Attributes:
        value: infinite when one of them is (PSNR of equal pictures); None without items.
        finite: the mean over the finite ones; None without any.
        items: how many are defined.
        infinite: how many of them are infinite.
    """

    value: float | None
    finite: float | None
    items: int
    infinite: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Mean:
        """Return the mean of what is defined."""
        defined = [value for value in values if value is not None]
        finite = [value for value in defined if math.isfinite(value)]
        return cls(
            value=statistics.fmean(defined) if defined else None,
            finite=statistics.fmean(finite) if finite else None,
            items=len(defined),
            infinite=len(defined) - len(finite),
        )

    @classmethod
    def of_figure(cls, name: str, scored: Sequence[Scored]) -> Mean:
        """Return the mean of a figure over the items that have it."""
        return cls.of(item.figures.get(name) for item in scored)

    def as_dict(self) -> dict[str, float | int | str | None]:
        """Return the same for JSON, which has no infinity: it becomes the text "inf"."""
        return {**plain(asdict(self))}


@dataclass(frozen=True)
class Ratio:
    """A figure made of two others: computed from their means over the same items."""

    above: str
    below: str
    compute: Callable[[float, float], float | None]

    def of(self, scored: Sequence[Scored]) -> float | None:
        """Return it for these items; None when a mean is missing or it is not defined."""
        above, below = (Mean.of_figure(name, scored).value for name in (self.above, self.below))
        return None if above is None or below is None else self.compute(above, below)


@dataclass(frozen=True)
class Column:
    """One figure: its name in JSON, its title in the table, and its unit there.

    `scale` multiplies what the table shows (JSON has plain figures); a `ratio` is computed from
    other figures instead of being measured for every item.
    """

    name: str
    title: str
    scale: float = 1.0
    form: str = "{:.2f}"
    ratio: Ratio | None = None


@dataclass(frozen=True)
class EditingResult:
    """All that a benchmark of edits found.

    Attributes:
        benchmark: its name.
        facts: settings and circumstances, JSON-safe.
        columns: the figures.
        unavailable: figures that were not measured, with the reason.
        groups: titles of the kinds of edits by their id, in the order of the table.
        say_counts: whether the table says how many items a mean is over where some have no value.
        outcome: every item.
    """

    benchmark: str
    facts: Mapping[str, object]
    columns: tuple[Column, ...]
    unavailable: Mapping[str, str]
    groups: Mapping[str, str] = field(default_factory=dict)
    say_counts: bool = True
    outcome: Outcome[Scored] = field(default_factory=Outcome)

    def as_json(self) -> str:
        """Return one JSON object; an infinite mean is the text "inf", an unmeasured one is null."""
        problems = [asdict(problem) for problem in self.outcome.problems]
        measured = {
            "benchmark": self.benchmark,
            **self.facts,
            "unavailable": dict(self.unavailable),
            "problems": problems,
            "all": self._figures(self.outcome.scored),
            "groups": {title: self._figures(items) for title, items in self._grouped()},
        }
        return json.dumps(measured, indent=2, allow_nan=False)

    def table(self) -> str:
        """Return a Markdown table, and below it what a reader must know."""
        heads = ["", "items", *(column.title for column in self.columns), "evaluations", "s"]
        rows = [("all", self.outcome.scored), *self._grouped()]
        drawn = write_table(heads, ([title, *self._cells(items)] for title, items in rows))
        remarks = [f"Not measured: {name} ({why})." for name, why in self.unavailable.items()]
        remarks += tell_problems(self.outcome.problems)
        facts = ", ".join(f"{name} {_words(value)}" for name, value in self.facts.items())
        return "\n".join([drawn, "", *remarks, *([""] if remarks else []), facts])

    def _grouped(self) -> list[tuple[str, Sequence[Scored]]]:
        scored = self.outcome.scored
        present = {item.group for item in scored}
        known = [group for group in self.groups if group in present]
        order = [*known, *sorted(present - set(known) - {""})]
        return [
            (self.groups.get(group, group), [item for item in scored if item.group == group])
            for group in order
        ]

    def _figures(self, items: Sequence[Scored]) -> dict[str, Any]:
        # Any: numbers, objects of them, or None
        return {
            "items": len(items),
            **{column.name: self._figure(column, items) for column in self.columns},
            "evaluations_per_item": Mean.of(item.evaluations for item in items).value,
            "seconds_per_item": Mean.of(item.seconds for item in items).value,
        }

    def _figure(self, column: Column, items: Sequence[Scored]) -> Any:  # Any: as in _figures
        if column.name in self.unavailable:
            return None
        if column.ratio:
            return column.ratio.of(items)
        return Mean.of_figure(column.name, items).as_dict()

    def _cells(self, items: Sequence[Scored]) -> list[str]:
        costs = (
            Mean.of(item.evaluations for item in items).value,
            Mean.of(item.seconds for item in items).value,
        )
        return [
            str(len(items)),
            *(self._cell(column, items) for column in self.columns),
            *(show(value, "{:.1f}") for value in costs),
        ]

    def _cell(self, column: Column, items: Sequence[Scored]) -> str:
        def shown(value: float | None) -> str:
            return show(None if value is None else value * column.scale, column.form)

        if column.ratio:
            return shown(column.ratio.of(items))
        mean = Mean.of_figure(column.name, items)
        if mean.infinite:
            others = f", others {shown(mean.finite)}" if mean.finite is not None else ""
            return f"inf ({mean.infinite} of {mean.items}{others})"
        counted = self.say_counts and 0 < mean.items < len(items)
        return shown(mean.value) + (f" (of {mean.items})" if counted else "")


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} {_words(inner)}" for name, inner in value.items()) + ")"
    return str(value)


def tell_problems(problems: Iterable[Problem]) -> list[str]:
    """Return a remark on each item that could not be measured."""
    return [f"Left out: {problem.key}: {problem.reason}" for problem in problems]
