"""How far weights have come: `python -m textseg.lab.bench.curve FOLDER...`, a row a folder.

For weights from the middle of a training, which have no presence calibration of their own yet.
Looks at calibration scenes with the default settings: masks count whatever is decided about
presence, and presence is told by calibrations that were fitted on the other tenths of the same
questions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError
from textseg.lab.bench.calibrate import fit_presence
from textseg.lab.bench.questions import QueryExam, Question, exams, side_for
from textseg.lab.bench.scores import auroc, iou, pixel_ap
from textseg.picturebook.worlds import World
from textseg.scene import Scene, load
from textseg.segmentation.presence import PresenceCalibration, presence_features

FOLDS = 10
SEED = 31  # not that of the calibration that ships
STRIP = 0.625  # the shorter side of wide and tall parts, of the longer one


@dataclass(frozen=True)
class Point:
    """One point of a learning curve.

    Attributes:
        queries: present ones and absent ones.
        pixel_ap: mean over what is there.
        iou: the same, at the default threshold.
        presence_auroc: of what is there against what is not.
    """

    queries: int
    pixel_ap: float
    iou: float
    presence_auroc: float


def measure_point(
    model: DiffusionModel,
    *,
    scenes: int,
    seed: int = SEED,
    world: World = 1,
    strips: bool = False,
) -> Point:
    """Return a model's point.

    Args:
        model: the network.
        scenes: how many calibration scenes.
        seed: which ones; different seeds share no scene.
        world: the version that they are of.
        strips: look at tall and wide parts of the scenes in turn instead.

    Raises:
        InvalidInputError: too few scenes to fit presence on a part of them.
    """
    features, present, masks = [], [], []
    calibration = PresenceCalibration.of(model.card.presence)
    chosen = exams("calibration", scenes=scenes, seed=seed, world=world, size=side_for(model))
    for k, exam in enumerate(chosen):
        image, asked = strip(exam, k) if strips else (exam.rendered.image, exam.questions)
        questions = [q for q in asked if not q.small and not q.reworded]
        if not questions:
            continue
        found = Scene.open(image, model).segment_all([q.query for q in questions])
        for question, item in zip(questions, found, strict=True):
            features.append(presence_features(item.raw))
            present.append(question.present)
            if question.present:
                gate = max(calibration.gate(item.presence), 1e-12)
                masks.append((item.soft / np.float32(gate), question.truth))
    if min(sum(present), len(present) - sum(present)) < FOLDS:
        raise InvalidInputError(f"{scenes} scenes are too few", hint="ask for 20 or more")
    return Point(
        queries=len(present),
        pixel_ap=float(np.mean([pixel_ap(soft, truth) for soft, truth in masks])),
        iou=float(np.mean([iou(soft > 0.5, truth) for soft, truth in masks])),
        presence_auroc=auroc(_cross_validate(features, present), present),
    )


def strip(exam: QueryExam, number: int) -> tuple[NDArray[np.uint8], tuple[Question, ...]]:
    """Return a part of a scene around its first thing, and the questions that fit it.

    Even numbers give tall parts (h, w, 3), odd ones wide parts. A question is left out where more
    than half of what it names is cut away.
    """
    truth, axis = exam.questions[0].truth, 1 - number % 2
    side = truth.shape[axis]
    kept = round(STRIP * side)
    places = np.flatnonzero(truth.any(1 - axis))
    middle = (places[0] + places[-1] + 1) // 2 if len(places) else side // 2
    start = int(np.clip(middle - kept // 2, 0, side - kept))
    part = tuple(slice(start, start + kept) if k == axis else slice(None) for k in range(2))
    questions = tuple(
        replace(question, truth=question.truth[part])
        for question in exam.questions
        if not question.present or 2 * question.truth[part].sum() >= question.truth.sum()
    )
    return np.ascontiguousarray(exam.rendered.image[part]), questions


def _cross_validate(features: Sequence[dict[str, float]], present: Sequence[bool]) -> list[float]:
    """Return the probability of each question by a calibration that has not seen its tenth."""
    tenth = math.ceil(len(present) / FOLDS)
    told: list[float] = []
    for start in range(0, len(present), tenth):
        stop = start + tenth
        others = [*features[:start], *features[stop:]], [*present[:start], *present[stop:]]
        calibration = fit_presence(*others)
        told += [calibration.probability(one) for one in features[start:stop]]
    return told


def main(
    folders: Annotated[list[Path], typer.Argument(help="Pipeline folders.")],
    scenes: Annotated[int, typer.Option(min=20, help="Calibration scenes.")] = 40,
    world: Annotated[int, typer.Option(min=1, max=2, help="Version of the world.")] = 1,
    strips: Annotated[bool, typer.Option("--strips", help="Tall and wide parts of them.")] = False,
) -> None:
    """Print a Markdown row a folder."""
    typer.echo("| weights | queries | pixel AP | IoU | presence AUROC |\n|" + " --- |" * 5)
    for folder in folders:
        point = measure_point(
            load(str(folder)),
            scenes=scenes,
            world=world,  # type: ignore[arg-type]  # the option's range has the versions there are
            strips=strips,
        )
        shares = (point.pixel_ap, point.iou, point.presence_auroc)
        typer.echo(
            f"| {folder.name} | {point.queries} | {' | '.join(f'{s:.3f}' for s in shares)} |"
        )


if __name__ == "__main__":
    typer.run(main)
