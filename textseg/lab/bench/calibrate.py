"""Fits how a model's presence statistics are read: `python -m textseg.lab.bench.calibrate`.

Looks at scenes of the calibration stream only, which share nothing with the evaluation scenes. Run
it again whenever weights, draws or levels change: the statistics depend on them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import typer
from numpy.typing import NDArray
from scipy import special
from tqdm import tqdm

from textseg.diffusion.card import CARD_FILE, read_facts
from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError
from textseg.lab.bench.logistic import fit_logistic
from textseg.lab.bench.questions import exams
from textseg.picturebook import weights_folder
from textseg.picturebook.worlds import World
from textseg.scene import Scene, load
from textseg.segmentation.presence import (
    WHOLE_FEATURES,
    PresenceCalibration,
    presence_features,
)

FOUND = "python -m textseg.lab.bench.calibrate, {scenes} calibration scenes"


def calibrate(model: DiffusionModel, *, scenes: int, seed: int = 0) -> PresenceCalibration:
    """Return the calibration that best tells present from absent queries at default settings.

    Half of the scenes are of the second world: looks at words are read right in both only where
    both are known. Other levels may leave a band of noise empty, and words may be unseen;
    ``partial``, fitted without bands and words, is for these.
    """
    features, labels = [], []
    worlds: tuple[World, ...] = get_args(World)
    for world in worlds:
        every = exams("calibration", scenes=scenes // len(worlds), seed=seed, world=world)
        for exam in tqdm(every, total=scenes // len(worlds), disable=None):
            questions = [question for question in exam.questions if not question.small]
            scene = Scene.open(exam.rendered.image, model)
            found = scene.segment_all([question.query for question in questions])
            features += [presence_features(item.raw) for item in found]
            labels += [question.present for question in questions]
    without_bands = fit_presence(features, labels, names=WHOLE_FEATURES)
    return replace(fit_presence(features, labels), partial=without_bands)


def fit_presence(
    features: Sequence[Mapping[str, float]],
    labels: Sequence[bool],
    *,
    names: Sequence[str] = (),
    ridge: float = 1e-3,
) -> PresenceCalibration:
    """Return the calibration that best tells present (True) from absent queries.

    Ridge logistic regression on the named features, () for all that there are; ``ridge`` is the
    penalty on the squared coefficients of standardised features, against the mean log-loss. The
    threshold is where the share of absent queries called present equals the share of present ones
    missed.

    Raises:
        InvalidInputError: not one label per row, or only one kind of label.
    """
    truth = np.asarray(labels, bool)
    if len(truth) != len(features) or truth.all() or not truth.any():
        raise InvalidInputError(
            f"needs one label per row and both kinds, got {len(features)} rows and "
            f"{int(truth.sum())} of {len(truth)} labels true"
        )
    names = names or tuple(features[0])
    table = np.array([[row[name] for name in names] for row in features], float)
    weights, bias = fit_logistic(table, truth, ridge=ridge)
    return PresenceCalibration(
        weights={name: float(weight) for name, weight in zip(names, weights, strict=True)},
        bias=bias,
        threshold=_equal_error(special.expit(table @ weights + bias), truth),
    )


def main(
    folder: Annotated[
        Path | None, typer.Argument(help="Pipeline folder; default: embedded.")
    ] = None,
    scenes: Annotated[int, typer.Option(min=10, help="Calibration scenes.")] = 300,
) -> None:
    """Write on the card in a folder how presence is read, for a model of the picture-book world."""
    source = folder or weights_folder()
    found = calibrate(load(str(source)), scenes=scenes)
    target = source / CARD_FILE
    facts = read_facts(target) if target.is_file() else {}
    facts["presence"] = asdict(replace(found, found=FOUND.format(scenes=scenes)))
    target.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(f"wrote {target.name}: {found}")


def _equal_error(probability: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the threshold, half-way between two probabilities, where both kinds of error meet."""
    ordered = np.unique(np.clip(probability, 1e-6, 1 - 1e-6))
    edges = np.append((ordered[:-1] + ordered[1:]) / 2, 0.5 if len(ordered) == 1 else [])
    wrong = [
        max((probability[~truth] >= edge).mean(), (probability[truth] < edge).mean())
        for edge in edges
    ]
    best = np.flatnonzero(np.isclose(wrong, min(wrong)))
    return float(edges[best[len(best) // 2]])


if __name__ == "__main__":
    typer.run(main)
