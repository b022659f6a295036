"""`textseg demo`: pictures of the embedded world, asked for what is there and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from textseg.files import usable_folder, write_files
from textseg.images import png_bytes
from textseg.picturebook.scenes import Scene as Description
from textseg.picturebook.scenes import Thing, render
from textseg.progress import Progress, ProgressCallback

PICTURES: dict[str, tuple[Description, tuple[str, ...]]] = {
    "meadow": (
        Description(
            "meadow",
            (
                Thing("tree", "green", 0.44, 0.84, 0.49, 12),
                Thing("house", "red", 0.52, 0.3, 0.48, 58),
                Thing("mushroom", "purple", 0.74, 0.64, 0.28, 59),
            ),
            13,
        ),
        ("red house", "tree", "mushroom", "boat"),
    ),
    "sea": (
        Description(
            "sea",
            (
                Thing("boat", "white", 0.46, 0.34, 0.5, 11),
                Thing("fish", "orange", 0.74, 0.74, 0.36, 2),
            ),
            4,
        ),
        ("boat", "orange fish", "blue fish", "tree"),
    ),
    "night": (
        Description(
            "night",
            (
                Thing("umbrella", "yellow", 0.5, 0.74, 0.48, 49),
                Thing("car", "blue", 0.66, 0.3, 0.47, 76),
            ),
            96,
        ),
        ("umbrella", "blue car", "red car", "flower"),
    ),
}
"""Name -> a scene, and the queries it is asked, as many each.

Chosen among variants so that the shipped model answers all of them rightly; how often it does on
pictures that nobody chose is measured by the benchmark.
"""


def run(folder: Path, progress: ProgressCallback) -> None:
    """Writes each picture, an overlay a query, and `demo.png` with all of them side by side.

    An earlier demo in the same folder is replaced.

    Args:
        folder: made when missing.
        progress: told of every picture.

    Raises:
        InvalidInputError: nothing can be written into `folder`.
    """
    usable_folder(folder)
    write_files(folder, _files(progress), force=True)


def _files(progress: ProgressCallback) -> Iterator[tuple[str, bytes]]:
    from textseg.scene import Scene
    from textseg.segmentation.drawing import COLOURS, Panel, figure, png

    panels = []
    for k, (name, (description, queries)) in enumerate(PICTURES.items()):
        progress(Progress("demo", k, len(PICTURES)))
        image = render(description).image
        yield f"{name}.png", png_bytes(image)
        found = Scene.open(image).segment_all(queries)
        panels.append(Panel(name, Image.fromarray(image)))
        for item, colour in zip(found, COLOURS, strict=False):
            yield f"{name}_{item.query.replace(' ', '_')}.png", png(item.overlay(enlarge=4))
            panels.append(item.panel(colour))
    yield "demo.png", png(figure(panels, columns=1 + max(len(q) for _, q in PICTURES.values())))
    progress(Progress("demo", len(PICTURES), len(PICTURES)))
