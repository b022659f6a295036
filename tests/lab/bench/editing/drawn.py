"""Rendered scenes to be edited, an editor that hands out pictures, and a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textseg.editing.result import Evaluations
from textseg.lab.bench.editing.scene_tasks import Operation, Pair, SceneTask
from textseg.lab.bench.editing.tasks import Answer, Editing, EditTask
from textseg.lab.bench.metrics.pixels import Rgb
from textseg.lab.judge import RegionVerdict

SIZE = 64
Tasks = tuple[SceneTask, ...]


@dataclass(frozen=True)
class Says:
    """A judge that sees the same thing everywhere, and the mean colour of pictures."""

    pair: Pair = ("house", "red")
    present: float = 0.9

    def region(self, rgb: Rgb, mask: NDArray[np.generic]) -> RegionVerdict:
        return RegionVerdict(*self.pair, self.present, {self.pair: self.present})

    def image_features(self, rgb: Rgb) -> NDArray[np.float32]:
        return np.append(rgb.mean((0, 1)), np.float32(1))

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[len(text), 1, 2, 3] for text in texts], np.float32)


@dataclass(frozen=True, kw_only=True)
class SeesIn(Says):
    """A judge that sees it in one picture only."""

    picture: Rgb

    def region(self, rgb: Rgb, mask: NDArray[np.generic]) -> RegionVerdict:
        there = self.present if np.array_equal(rgb, self.picture) else 0.0
        return RegionVerdict(*self.pair, there, {self.pair: there})


@dataclass(frozen=True)
class Hands:
    """An editor that hands out rendered pictures: the truth, or what it was given."""

    name: str

    def open(self, image: Rgb) -> Editing:
        return self.edit

    def edit(self, task: EditTask) -> Answer:
        assert isinstance(task, SceneTask)
        if self.name == "nothing found":
            return Answer(rgb=task.image, found=False)
        picture = task.truth if self.name == "truth" else task.image
        mask = (task.truth != task.image).any(-1).astype(np.float32)
        return Answer(rgb=picture, raw=picture, mask=mask, evaluations=Evaluations(2, 3, 4))


def task_of(asked: Tasks, operation: Operation) -> SceneTask:
    return next(task for task in asked if task.operation == operation)
