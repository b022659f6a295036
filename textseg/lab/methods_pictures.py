"""What each edit method made of one scene: ``python -m textseg.lab.methods_pictures NAME ...``.

Before, mask and after, side by side, for the table of methods: the first kind of edit that a method
is for, with the options and the seed of the benchmark, on a scene that is in none of its numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from textseg.images import to_uint8
from textseg.lab.bench.editing.by_method import operations_of
from textseg.lab.bench.editing.editors import make_editor
from textseg.lab.bench.editing.scene_tasks import Operation, SceneTask, scene_tasks
from textseg.lab.bench.editing.tasks import Editor

SCENE = 312_000_009


def task_of(operation: Operation) -> SceneTask:
    """Return what is asked of the scene."""
    tasks = {task.operation: task for task in scene_tasks("calibration", SCENE)}
    return tasks[operation]


def draw(editor: Editor, task: SceneTask) -> Image.Image:
    """Return the picture before, the mask in grey and the picture after, side by side."""
    answer = editor.open(task.image)(task)
    mask = np.ones(task.region.shape) if answer.mask is None else answer.mask
    sides = (task.image, np.repeat(mask[..., None], 3, axis=2), answer.rgb)
    return Image.fromarray(to_uint8(np.concatenate(sides, axis=1)))


def main(
    names: Annotated[list[str], typer.Argument(help="Of the methods.")],
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("docs/methods"),
) -> None:
    """Draw what methods make of the scene, as JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        sides = draw(make_editor(name), task_of(operations_of(name)[0]))
        sides.save(folder / f"{name}.jpg", quality=85)


if __name__ == "__main__":
    typer.run(main)
