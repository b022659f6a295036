"""Masks or edits to look at, beside the truth: `python -m textseg.lab.bench.sheet FILE`.

The first questions of a benchmark, none left out. Of masks, about things that are there: what was
found is in colour inside an orange line, the truth inside a white one; above each its IoU, or that
the query was taken for absent. Of edits, a block for each kind: before, after and the rendered
truth; above them what was asked, and whether the judge finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw
from scipy import ndimage

from textseg.diffusion.model import DiffusionModel
from textseg.images import to_uint8
from textseg.lab.bench.editing.editors import DEFAULT, make_editor
from textseg.lab.bench.editing.judging import RegionJudge, judge_picture
from textseg.lab.bench.editing.scene_tasks import (
    OPERATIONS,
    SceneTask,
    scene_numbers,
    scene_tasks,
)
from textseg.lab.bench.editing.tasks import Answer, Editor
from textseg.lab.bench.questions import exams
from textseg.lab.bench.scores import iou
from textseg.lab.judge import load_judge
from textseg.picturebook.worlds import World
from textseg.scene import Scene, load

COLUMNS, ENLARGED, TITLE, GAP = 8, 2, 14, 4  # panels, times, pixels
EDIT_COLUMNS = 5
MOST = 10_000  # scenes
WHITE = "#FFFFFF"


def draw_masks(model: DiffusionModel, *, count: int, world: World = 1) -> Image.Image:
    """Return a sheet of the first ``count`` masks of the benchmark."""
    return _laid_out(list(islice(_panels(model, world), count)), COLUMNS)


def draw_edits(editor: Editor, judge: RegionJudge, *, count: int) -> Image.Image:
    """Return a sheet of the first ``count`` edits of each kind of the benchmark."""
    panels: dict[str, list[Image.Image]] = {operation: [] for operation in OPERATIONS}
    for number in scene_numbers("evaluation", scenes=count, seed=0):
        tasks = scene_tasks("evaluation", number)
        edit = editor.open(tasks[0].image)
        for task in tasks:
            panels[task.operation].append(edit_panel(task, edit(task), judge))
    return stack_blocks([_laid_out(block, EDIT_COLUMNS) for block in panels.values()])


def edit_panel(task: SceneTask, answer: Answer, judge: RegionJudge) -> Image.Image:
    """Return one edit: before, after and truth, under what was asked and what came of it."""
    sides = [to_uint8(rgb) for rgb in (task.image, answer.rgb, task.truth)]
    came_off = answer.found and judge_picture(task, answer.rgb, judge).success
    verdict = ("yes" if came_off else "no") if answer.found else "not found"
    asked = f"{task.query or '+'} > {task.target or 'nothing'}: {verdict}"
    return _titled(Image.fromarray(np.concatenate(sides, 1)), asked)


def stack_blocks(blocks: Sequence[Image.Image]) -> Image.Image:
    """Return pictures of one width below one another."""
    sheet = Image.new("RGB", (blocks[0].width, sum(each.height for each in blocks)), WHITE)
    top = 0
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet


def _laid_out(panels: Sequence[Image.Image], columns: int) -> Image.Image:
    width, height = panels[0].size
    rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), WHITE)
    for k, panel in enumerate(panels):
        sheet.paste(panel, (k % columns * width, k // columns * height))
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
    count: Annotated[int, typer.Option(min=1, help="Masks, or edits of each kind.")] = 40,
    world: Annotated[int, typer.Option(min=1, max=2, help="Version of the world.")] = 1,
    edits: Annotated[bool, typer.Option("--edits", help="Edits, of the first world.")] = False,
) -> None:
    """Draw the first masks or edits of the benchmark on one sheet."""
    known: World = 1 if world == 1 else 2
    if edits:
        sheet = draw_edits(make_editor(DEFAULT), load_judge(), count=count)
    else:
        sheet = draw_masks(load("picturebook"), count=count, world=known)
    sheet.save(file, quality=90)
    typer.echo(f"wrote {file.name}")


if __name__ == "__main__":
    typer.run(main)
