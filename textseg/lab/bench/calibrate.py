"""Fits how a model's presence statistics are read, on pictures with texts true and false of them.

`textseg calibrate` does so on pictures of your own (`own_pictures`), and
`python -m textseg.lab.bench.calibrate` on those of the picture-book world: on scenes of the
calibration stream only, which share nothing with the evaluation scenes. Run it again whenever
weights, draws or levels change, for the statistics depend on them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import typer
from numpy.typing import NDArray
from scipy import special

from textseg.cli.shared import progress_bar
from textseg.diffusion.card import CARD_FILE, Presence, read_facts
from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError
from textseg.files import write_files
from textseg.images import ImageLike
from textseg.lab.bench.logistic import fit_logistic
from textseg.lab.bench.questions import exams, side_for
from textseg.picturebook import weights_folder
from textseg.picturebook.scenes import SIDE
from textseg.picturebook.worlds import World
from textseg.progress import Progress, ProgressCallback
from textseg.scene import Scene, load
from textseg.segmentation.presence import (
    WHOLE_FEATURES,
    PresenceCalibration,
    presence_features,
)

FOUND = "python -m textseg.lab.bench.calibrate, {scenes} calibration scenes of both worlds"
LEAST = 10  # texts of either kind; fewer say nothing about fifteen features


@dataclass(frozen=True)
class ToldPicture:
    """A picture, and for some texts whether they are true of it.

    ``decides`` says that it counts where the threshold is found too.
    """

    image: ImageLike
    truths: Mapping[str, bool]
    decides: bool = True


def scene_examples(scenes: int, *, seed: int = 0, size: int = SIDE) -> list[ToldPicture]:
    """Return calibration scenes with their questions, but for those about the smallest things.

    They are ``size`` pixels wide and high. Half of them are of the second world: looks at words are
    read right in both only where both are known. The first, which the weights were trained on,
    decides.
    """
    worlds: tuple[World, ...] = get_args(World)
    return [
        ToldPicture(
            exam.rendered.image,
            {each.query: each.present for each in exam.questions if not each.small},
            decides=world == worlds[0],
        )
        for world in worlds
        for exam in exams(
            "calibration", scenes=scenes // len(worlds), seed=seed, world=world, size=size
        )
    ]


def calibrate(
    model: DiffusionModel,
    examples: Sequence[ToldPicture],
    *,
    progress: ProgressCallback | None = None,
) -> PresenceCalibration:
    """Return the calibration that best tells true from false texts at default settings.

    Other levels may leave a band of noise empty, and words may be unseen; ``partial``, fitted
    without bands and words, is for these.

    Args:
        model: what is calibrated.
        examples: pictures with texts.
        progress: told which of them is looked at.

    Raises:
        InvalidInputError: too few texts of either kind, or words that the model does not know.
    """
    report = progress or (lambda _: None)
    features, labels, decides = list[Mapping[str, float]](), list[bool](), list[bool]()
    for k, example in enumerate(examples):
        report(Progress("pictures", k, len(examples)))
        found = Scene.open(example.image, model).segment_all(
            list(example.truths), presence="calibrated"
        )
        for item in found:
            if item.present is None:
                raise InvalidInputError(item.caveat, hint="leave such texts out")
        features += [presence_features(item.raw) for item in found]
        labels += [example.truths[item.query] for item in found]
        decides += [example.decides] * len(found)
    report(Progress("pictures", len(examples), len(examples)))
    if min(sum(labels), len(labels) - sum(labels)) < LEAST:
        raise InvalidInputError(
            f"{sum(labels)} true and {len(labels) - sum(labels)} false texts are too few",
            hint=f"at least {LEAST} of either kind are needed, and hundreds are better",
        )
    without_bands = fit_presence(features, labels, names=WHOLE_FEATURES, decides=decides)
    return replace(fit_presence(features, labels, decides=decides), partial=without_bands)


def write_presence(
    presence: Presence, folder: Path, *, before: Path | None = None, force: bool = False
) -> Path:
    """Write how presence is read on the card in a folder, whole or not at all; return its path.

    Args:
        presence: what was fitted.
        folder: where the card goes.
        before: the folder of a card whose other groups are kept; ``None``: of none.
        force: replace a card that exists.

    Raises:
        ModelError: the card that is there is broken.
        OutputExistsError: there is one, and ``force`` is false.
        InvalidInputError: nothing can be written there.
    """
    known = None if before is None else before / CARD_FILE
    facts = read_facts(known) if known is not None and known.is_file() else {}
    facts["presence"] = asdict(presence)
    content = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    return write_files(folder, [(CARD_FILE, content.encode())], force=force)[0]


def fit_presence(
    features: Sequence[Mapping[str, float]],
    labels: Sequence[bool],
    *,
    names: Sequence[str] = (),
    ridge: float = 1e-3,
    decides: Sequence[bool] | None = None,
) -> PresenceCalibration:
    """Return the calibration that best tells present (True) from absent queries.

    Ridge logistic regression on the named features, () for all that there are; ``ridge`` is the
    penalty on the squared coefficients of standardised features, against the mean log-loss. The
    threshold is where the share of absent queries called present equals the share of present ones
    missed, among those that ``decides`` names; ``None``: all.

    Raises:
        InvalidInputError: not one label per row, or only one kind of label.
    """
    truth = np.asarray(labels, bool)
    if len(truth) != len(features) or truth.all() or not truth.any():
        raise InvalidInputError(
            f"needs one label per row and both kinds, got {len(features)} rows and "
            f"{int(truth.sum())} of {len(truth)} labels true"
        )
    counts = np.ones(len(truth), bool) if decides is None else np.asarray(decides, bool)
    names = names or tuple(features[0])
    table = np.array([[row[name] for name in names] for row in features], float)
    weights, bias = fit_logistic(table, truth, ridge=ridge)
    return PresenceCalibration(
        weights={name: float(weight) for name, weight in zip(names, weights, strict=True)},
        bias=bias,
        threshold=_equal_error(special.expit(table @ weights + bias)[counts], truth[counts]),
    )


def main(
    folder: Annotated[
        Path | None, typer.Argument(help="Pipeline folder; default: embedded.")
    ] = None,
    scenes: Annotated[int, typer.Option(min=10, help="Calibration scenes.")] = 300,
) -> None:
    """Write on the card in a folder how presence is read, for a model of the picture-book world."""
    source = folder or weights_folder()
    model = load(str(source))
    with progress_bar() as progress:
        examples = scene_examples(scenes, size=side_for(model))
        found = calibrate(model, examples, progress=progress)
    usual = model.card.presence
    fitted = replace(found, rule=usual.rule, rivals=usual.rivals, found=FOUND.format(scenes=scenes))
    typer.echo(f"wrote {write_presence(fitted, source, before=source, force=True).name}: {found}")


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
