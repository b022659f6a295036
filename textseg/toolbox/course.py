"""How long work will take as a whole: by how long its stages took before, and by its pace now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from textseg.progress import Progress, ProgressCallback

# Stages and their lengths in proportion, of the embedded model, before anything was measured here.
_MAKE: Final = (("generating", 4.0),)
_FIND: Final = (("comparing", 2.0), ("refining", 0.4))
_EDIT: Final = (*_FIND, ("editing", 5.0), ("decoding", 0.2), ("choosing", 1.5), *_FIND)
USUAL: Final[Mapping[str, Sequence[tuple[str, float]]]] = {
    "find": (*_FIND, ("measuring", 0.1), ("keeping", 0.2)),
    "edit": _EDIT,
    "make": (*_MAKE, *_EDIT),
}


@dataclass
class Course:
    """How one kind of work went: its stages and their lengths; every work puts in its own.

    Attributes:
        stages: in their order.
        measured: whether the lengths are seconds; in proportion otherwise.
    """

    stages: Sequence[tuple[str, float]]
    measured: bool = False

    def learn(self, went: Sequence[tuple[str, float]]) -> None:
        """Keep how a work went that came to its end."""
        if went:
            self.stages, self.measured = tuple(went), True


@dataclass
class Forecast:
    """Adds to the reports of one work what is left of the whole of it; call it with each report.

    Attributes:
        course: how works of this kind went.
        tell: gets the reports.
    """

    course: Course
    tell: ProgressCallback
    went: list[tuple[str, float]] = field(default_factory=list)
    _at: Progress | None = None
    _began: float = field(default_factory=lambda: time.monotonic())
    _entered: float = 0.0
    _next: int = 0  # in the course, behind the stage that is at work
    _planned: float = 0.0  # of the stage at work, by the course
    _ratio: tuple[float, float] = (0.0, 0.0)  # seconds, and what the course has, of known stages
    _share: float = 0.0

    def __call__(self, at: Progress) -> None:
        """Pass a report on, with the seconds that are left and the share that is done."""
        now, last = time.monotonic(), self._at
        if last is None or at.stage != last.stage or at.step < last.step:
            self._leave(now)
            self._enter(at, now)
        self._at = at
        left = self._left(at, now - self._entered)
        if left is not None and (so_far := now - self._began) + left > 0:
            self._share = max(self._share, so_far / (so_far + left))
        self.tell(replace(at, remaining=left, share=self._share))

    def finish(self) -> None:
        """Have the course learn how this went."""
        self._leave(time.monotonic())
        self.course.learn(self.went)

    def _enter(self, at: Progress, now: float) -> None:
        names = [name for name, _ in self.course.stages]
        name = _plain(at.stage)
        self._entered, self._planned = now, 0.0
        if name in names[self._next :]:
            found = names.index(name, self._next)
            self._next, self._planned = found + 1, self.course.stages[found][1]

    def _leave(self, now: float) -> None:
        if self._at is None:
            return
        took = now - self._entered
        self.went.append((_plain(self._at.stage), took))
        if self._planned:
            self._ratio = (self._ratio[0] + took, self._ratio[1] + self._planned)

    def _left(self, at: Progress, took: float) -> float | None:
        """Return the seconds to the end of the work; None where nothing is known yet."""
        stage = took / at.step * (at.of - at.step) if at.step else None
        seconds, planned = self._ratio
        if stage is not None and self._planned:
            seconds, planned = seconds + took + stage, planned + self._planned
        if not planned:  # nothing was measured in this work
            if not self.course.measured:
                return stage if not self.course.stages else None
            seconds = planned = 1.0
        pace = seconds / planned
        here = self._planned * pace if stage is None else stage
        return here + pace * sum(length for _, length in self.course.stages[self._next :])


def _plain(stage: str) -> str:
    """Return the name of a stage without the part that it is of."""
    return stage.partition(" (")[0]
