"""Masks to look at, beside the truth: `python -m textseg.lab.bench.sheet FILE`.

The first questions of the benchmark about things that are there, none left out: what was found is
in colour inside an orange line, the truth inside a white one; above each its IoU, or that the query
was taken for absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw
from scipy import ndimage

from textseg.diffusion.model import DiffusionModel
from textseg.lab.bench.questions import exams
from textseg.lab.bench.scores import iou
from textseg.picturebook.worlds import World
from textseg.scene import Scene, load

COLUMNS, ENLARGED, TITLE, GAP = 8, 2, 14, 4  # panels, times, pixels
MOST = 10_000  # scenes
WHITE = "#FFFFFF"


def draw_masks(model: DiffusionModel, *, count: int, world: World = 1) -> Image.Image:
    """Return a sheet of the first ``count`` masks of the benchmark."""
    panels = list(islice(_panels(model, world), count))
    width, height = panels[0].size
    rows = -(-len(panels) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width, rows * height), WHITE)
    for k, panel in enumerate(panels):
        sheet.paste(panel, (k % COLUMNS * width, k // COLUMNS * height))
    return sheet


def _panels(model: DiffusionModel, world: World) -> Iterator[Image.Image]:
    for exam in exams("evaluation", scenes=MOST, seed=0, world=world):
        asked = [one for one in exam.questions if one.present and not one.small]
        if not asked:
            continue
        found = Scene.open(exam.rendered.image, model).segment_all([one.query for one in asked])
        for one, item in zip(asked, found, strict=True):
            picture = np.array(item.overlay(enlarge=ENLARGED))
            truth = one.truth.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
            picture[truth & ~ndimage.binary_erosion(truth)] = 255
            score = f"{iou(item.binary(), one.truth):.2f}" if item.present else "missed"
            yield _titled(Image.fromarray(picture), f"{one.query}: {score}")


def _titled(picture: Image.Image, title: str) -> Image.Image:
    panel = Image.new("RGB", (picture.width + GAP, picture.height + TITLE + GAP), WHITE)
    panel.paste(picture, (0, TITLE))
    ImageDraw.Draw(panel).text((2, 2), title, fill="black")
    return panel


def main(
    file: Annotated[Path, typer.Argument(help="Where the sheet goes; the suffix says the format.")],
    count: Annotated[int, typer.Option(min=1, help="Masks.")] = 40,
    world: Annotated[int, typer.Option(min=1, max=2, help="Version of the world.")] = 1,
) -> None:
    """Draw the first masks of the benchmark on one sheet."""
    known: World = 1 if world == 1 else 2
    draw_masks(load("picturebook"), count=count, world=known).save(file, quality=90)
    typer.echo(f"wrote {file.name}")


if __name__ == "__main__":
    typer.run(main)
