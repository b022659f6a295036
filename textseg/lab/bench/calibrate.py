"""Fits how a model's presence statistics are read: `python -m textseg.lab.bench.calibrate`.

Looks at scenes of the calibration stream only, which share nothing with the evaluation scenes. Run
it again whenever weights, draws or levels change: the statistics depend on them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from textseg.diffusion.card import CARD_FILE, read_facts
from textseg.diffusion.model import DiffusionModel
from textseg.lab.bench.questions import exams
from textseg.picturebook import weights_folder
from textseg.scene import Scene, load
from textseg.segmentation.presence import (
    FEATURES,
    WHOLE_FEATURES,
    PresenceCalibration,
    fit,
    presence_features,
)

FOUND = "python -m textseg.lab.bench.calibrate, {scenes} calibration scenes"


def calibrate(model: DiffusionModel, *, scenes: int, seed: int = 0) -> PresenceCalibration:
    """Return the calibration that best tells present from absent queries at default settings.

    Other levels may leave a band of noise empty; ``partial``, fitted without bands, is for these.
    """
    features, labels = [], []
    for exam in tqdm(exams("calibration", scenes=scenes, seed=seed), total=scenes, disable=None):
        questions = [question for question in exam.questions if not question.small]
        scene = Scene.open(exam.rendered.image, model)
        found = scene.segment_all([question.query for question in questions])
        features += [presence_features(item.raw) for item in found]
        labels += [question.present for question in questions]
    without_bands = fit(features, labels, names=WHOLE_FEATURES)
    return replace(fit(features, labels, names=FEATURES), partial=without_bands)


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


if __name__ == "__main__":
    typer.run(main)
