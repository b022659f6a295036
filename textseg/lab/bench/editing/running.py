"""Running a benchmark item by item: a bad item loses no other, and runs can be resumed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from textseg.errors import Cancelled, InvalidInputError
from textseg.files import naming_target, refuse_existing, usable_folder
from textseg.lab.bench.editing.tasks import Answer
from textseg.progress import Follow

Figures = Mapping[str, float | None]
Item = TypeVar("Item", str, int)
Made = TypeVar("Made")


@dataclass(frozen=True)
class Scored:
    """One edit that was measured.

    Attributes:
        key: what was asked.
        group: the kind of edit.
        figures: a figure is None, or missing, where it is not defined.
        evaluations: rows through the denoising network.
        seconds: how long it took.

    Raises:
        InvalidInputError: a figure is not a number.
    """

    key: str
    group: str
    figures: Figures
    evaluations: int
    seconds: float

    def __post_init__(self) -> None:
        """Check the figures."""
        broken = [name for name, value in self.figures.items() if value != value]
        if broken:
            raise InvalidInputError(f"{', '.join(broken)} is not a number")

    @classmethod
    def of(cls, key: str, answer: Answer, figures: Figures, *, group: str = "") -> Scored:
        """Return the score of an answer, its costs as plain numbers."""
        return cls(key, group, figures, int(answer.evaluations.total), float(answer.seconds))


@dataclass(frozen=True)
class Problem:
    """One item that could not be measured, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class Outcome(Generic[Made]):
    """All items of a run, in the order of the list."""

    scored: tuple[Made, ...] = ()
    problems: tuple[Problem, ...] = ()


class Mapper(Protocol):
    """Does what `map` does, in the same order; maybe several items at once."""

    def __call__(self, work: Callable[[Item], Made], items: Iterable[Item], /) -> Iterator[Made]:
        """Yield what `work` makes of each item."""
        ...


def run_items(
    items: Sequence[Item],
    score: Callable[[Item], Made],
    *,
    mapper: Mapper = map,
    follow: Follow,
) -> Outcome[Made]:
    """Return what came out of all items, and what went wrong with the others.

    Args:
        items: their names or numbers.
        score: edits and measures one.
        mapper: who does the work; itself one after the other.
        follow: told of every item, and asked between them whether to stop.

    Raises:
        InvalidInputError: no item could be measured.
        Cancelled: as asked.
    """
    scored: list[Made] = []
    problems: list[Problem] = []
    follow.report("items", 0, len(items))
    for k, found in enumerate(mapper(partial(_attempt, score), items)):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            scored.append(found)
        follow.report("items", k + 1, len(items))
    if problems and not scored:
        raise InvalidInputError(
            f"none of the {len(items)} items could be measured; {problems[0].key}: "
            f"{problems[0].reason}"
        )
    return Outcome(tuple(scored), tuple(problems))


def _attempt(score: Callable[[Item], Made], item: Item) -> Made | Problem:
    try:
        return score(item)
    except Cancelled:
        raise
    except InvalidInputError as error:
        return Problem(str(item), str(error))
    except Exception as error:  # an editor may raise anything; the other items took hours
        return Problem(str(item), f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class Results:
    """A file of JSON lines that a run adds to, so that it can be interrupted and resumed.

    The first line says what was measured and how; then one line an item. Items that had a problem
    are not written, so that the next run tries them again.
    """

    path: Path
    header: Mapping[str, object]

    def resumed(self, score: Callable[[str], Scored]) -> Callable[[str], Scored]:
        """Return what measures an item unless it is there already, and keeps what it finds.

        Raises:
            InvalidInputError: the file is of another run, or is something else.
        """
        known = self.read()

        def score_once(key: str) -> Scored:
            if key not in known:
                known[key] = score(key)
                self._append({**vars(known[key]), "figures": plain(known[key].figures)})
            return known[key]

        return score_once

    def read(self) -> dict[str, Scored]:
        """Return what is there already; make the file when there is none.

        A last line that an interruption cut short is removed.

        Raises:
            InvalidInputError: the file is of another run, or is something else.
        """
        usable_folder(self.path.parent)
        refuse_existing([self.path], force=True)
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append(self.header)
        content = self.path.read_text(encoding="utf-8", errors="replace")
        whole = content[: content.rfind("\n") + 1]
        lines = whole.splitlines()
        self._check_header(lines[0] if lines else "")
        items = {item.key: item for item in map(self._item, lines[1:])}
        if whole != content:
            self.path.write_text(whole, encoding="utf-8")
        return items

    def _append(self, line: Mapping[str, object]) -> None:
        with naming_target(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, allow_nan=False) + "\n")

    def _check_header(self, line: str) -> None:
        mine = json.loads(json.dumps(self.header))
        hint = "choose another file, or remove this one"
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise InvalidInputError(f"{self.path} does not hold results of a benchmark", hint=hint)
        for key in {**mine, **found}:
            if found.get(key) != mine.get(key):
                raise InvalidInputError(
                    f"{self.path} holds results of another run: {key} was {found.get(key)!r} and "
                    f"is {mine.get(key)!r} now",
                    hint=hint,
                )

    def _item(self, line: str) -> Scored:
        try:
            found = json.loads(line)
            figures = {name: _number(value) for name, value in found.pop("figures").items()}
            return Scored(figures=figures, **found)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidInputError(
                f"{self.path}: a line is not the result of an item: {line[:60]!r}",
                hint="remove that line",
            ) from None


def plain(figures: Figures) -> dict[str, float | str | None]:
    """Return figures for JSON, which has no infinity: it becomes the text "inf"."""
    return {name: "inf" if value == math.inf else value for name, value in figures.items()}


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float | str):
        return float(value)
    raise TypeError(f"{value!r} is no figure")
