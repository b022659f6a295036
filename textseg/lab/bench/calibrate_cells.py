"""Fits the cell head of a model's card: `python -m textseg.lab.bench.calibrate_cells`.

On scenes of the calibration stream of both worlds, half and half. Run it again whenever weights,
draws, levels or the layers in which words are seen change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from textseg.diffusion.card import CARD_FILE, CellHead, read_facts
from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError
from textseg.files import write_files
from textseg.lab.bench.logistic import fit_logistic
from textseg.lab.bench.questions import exams, side_for
from textseg.lab.bench.scores import share_of_cells
from textseg.picturebook import weights_folder
from textseg.picturebook.worlds import World
from textseg.scene import Scene, load
from textseg.segmentation.cell_head import CELL_FEATURES, cell_features, is_whole
from textseg.segmentation.difference import RawMaps

FOUND = "python -m textseg.lab.bench.calibrate_cells, {scenes} calibration scenes of both worlds"
RIDGE = 2e-4
UNDECIDED = 0.1  # how much a half-covered cell counts; one that is covered or free counts 0.5 more


@dataclass(frozen=True, eq=False)
class Covered:
    """What a model said about a query, and the share (h, w) of each cell that is the thing's."""

    raw: RawMaps
    share: NDArray[np.float64]


def look(model: DiffusionModel, *, scenes: int, seed: int = 0) -> Iterator[Covered]:
    """Yield what the model says about what is there in calibration scenes of both worlds."""
    worlds: tuple[World, ...] = get_args(World)
    each = scenes // len(worlds)
    for world in worlds:
        every = exams("calibration", scenes=each, seed=seed, world=world, size=side_for(model))
        for exam in tqdm(every, total=each, disable=None):
            asked = [one for one in exam.questions if one.present and not one.small]
            if asked:
                found = Scene.open(exam.rendered.image, model).segment_all(
                    [one.query for one in asked]
                )
                for one, item in zip(asked, found, strict=True):
                    yield Covered(item.raw, share_of_cells(one.truth, item.raw.difference.shape))


def fit_cells(examples: Sequence[Covered]) -> CellHead:
    """Return the head that best tells cells that are covered by more than half.

    Raises:
        InvalidInputError: the attention of the model was not seen, or a band of levels is empty.
    """
    if not examples or not all(is_whole(example.raw) for example in examples):
        raise InvalidInputError(
            "a cell head needs looks at words and all bands of levels, which this model does not "
            "give"
            if examples
            else "nothing that is there was looked for"
        )
    table = np.concatenate(
        [cell_features(example.raw).reshape(-1, len(CELL_FEATURES)) for example in examples]
    )
    share = np.concatenate([example.share.ravel() for example in examples])
    counts = np.abs(share - 0.5) + UNDECIDED
    weights, bias = fit_logistic(table, share > 0.5, ridge=RIDGE, counts=counts)
    named = zip(CELL_FEATURES, weights.tolist(), strict=True)
    return CellHead({name: float(weight) for name, weight in named}, bias)


def main(
    folder: Annotated[
        Path | None, typer.Argument(help="Pipeline folder; default: embedded.")
    ] = None,
    scenes: Annotated[int, typer.Option(min=2, help="Calibration scenes.")] = 300,
) -> None:
    """Write the cell head on the card in a folder, for a model of the picture-book world."""
    source = folder or weights_folder()
    head = fit_cells(list(look(load(str(source)), scenes=scenes)))
    path = source / CARD_FILE
    facts = read_facts(path)
    facts["masks"]["head"] = {**asdict(head), "found": FOUND.format(scenes=scenes)}
    facts["masks"]["soften"]["head"] = True
    content = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    write_files(source, [(CARD_FILE, content.encode())], force=True)
    typer.echo(f"wrote {path.name}")


if __name__ == "__main__":
    typer.run(main)
