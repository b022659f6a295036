"""`textseg demo`: pictures of the embedded world, asked about, changed, and made from words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from textseg.files import usable_folder, write_files
from textseg.images import png_bytes, to_uint8
from textseg.picturebook.scenes import SIDE, SceneDescription, Thing, render
from textseg.progress import Progress, ProgressCallback
from textseg.provenance import EDITED, GENERATED
from textseg.saving import picture_bytes
from textseg.segmentation.drawing import COLOURS, FigureField, figure, png

if TYPE_CHECKING:
    from textseg.editing.result import Edit
    from textseg.scene import Scene

PICTURES: dict[str, tuple[SceneDescription, tuple[str, ...]]] = {
    "meadow": (
        SceneDescription(
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
        SceneDescription(
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
        SceneDescription(
            "night",
            (
                Thing("umbrella", "yellow", 0.5, 0.74, 0.48, 49),
                Thing("car", "blue", 0.66, 0.3, 0.47, 76),
            ),
            96,
        ),
        ("umbrella", "blue car", "red car", "house"),
    ),
}
"""Name -> a scene, and the queries it is asked, as many each.

Chosen among variants so that the shipped model answers all of them rightly; how often it does on
pictures that nobody chose is measured by the benchmark.
"""


EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "meadow": (("purple mushroom", "red mushroom"), ("mushroom", ""), ("meadow", "snow")),
    "sea": (("orange fish", "red fish"),),
    "night": (("yellow umbrella", "red umbrella"),),
}
"""Name of a picture -> (what to change, what it becomes); an empty target removes. Chosen, too."""

EDIT_SEED = 1  # so is this: it looked best on most of them

CREATIONS: dict[str, tuple[str, int, str, str]] = {
    "tree": ("a green tree on a meadow", 6, "tree", "orange tree"),
}
"""Name -> a text to draw, a seed, what to change in the drawing, what it becomes."""


def run(folder: Path, progress: ProgressCallback) -> None:
    """Write all pictures, and four sheets with what belongs together side by side.

    `demo.png` has every picture with an overlay a query, `edits.png` every edit before and after
    with its mask, `created.png` what was drawn and then changed, `front.png` some of the first two.
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

    done, of = 0, 2 * len(PICTURES) + len(CREATIONS)
    scenes: dict[str, Scene] = {}
    for name, (description, _) in PICTURES.items():
        image = render(description, size=SIDE).image
        yield f"{name}.png", png_bytes(image)
        scenes[name] = Scene.open(image)
    panels: list[FigureField] = []
    front: dict[str, list[FigureField]] = {}
    for name, scene in scenes.items():
        progress(Progress("demo", done, of))
        done += 1
        row: list[FigureField] = []
        yield from _segmented(name, scene, row)
        panels += row
        front[name] = [row[0], row[1], row[-1]]  # the first query is there, the last is not
    yield "demo.png", png(figure(panels, columns=1 + max(len(q) for _, q in PICTURES.values())))
    panels = []
    for name, scene in scenes.items():
        progress(Progress("demo", done, of))
        done += 1
        for query, target in EDITS[name]:
            yield from _edited(name, scene.edit(query, target, seed=EDIT_SEED), panels)
        front[name].append(panels[-1])
    yield "edits.png", png(figure(panels, columns=3))
    yield "front.png", png(figure([panel for row in front.values() for panel in row]))
    panels = []
    for name, (prompt, seed, query, target) in CREATIONS.items():
        progress(Progress("demo", done, of))
        done += 1
        created = Scene.generate(prompt, seed=seed)
        yield from _edited(name, created.edit(query, target, seed=seed), panels, drawn=prompt)
    yield "created.png", png(figure(panels, columns=3))
    progress(Progress("demo", of, of))


def _segmented(name: str, scene: Scene, panels: list[FigureField]) -> Iterator[tuple[str, bytes]]:
    """Yield an overlay a query, and add the panels of the sheet."""
    found = scene.segment_all(PICTURES[name][1])
    panels.append(FigureField(name, Image.fromarray(to_uint8(scene.rgb))))
    for item, colour in zip(found, COLOURS, strict=False):
        yield f"{name}_{item.query.replace(' ', '_')}.png", png(item.overlay(enlarge=4))
        panels.append(item.panel(colour))


def _edited(
    name: str, edit: Edit, panels: list[FigureField], *, drawn: str | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield the labelled result of an edit, and adds the panels of the sheet."""
    change = f"{edit.query} -> {edit.target}" if edit.target else f"{edit.query} removed"
    label = EDITED if drawn is None else GENERATED
    stem = f"{name}_{(edit.target or 'without_' + edit.query).replace(' ', '_')}"
    if drawn is not None:
        before = edit.before.pixels()
        yield f"{name}_created.png", picture_bytes(before, "PNG", label=label)
    yield f"{stem}.png", picture_bytes(edit.picture.pixels(), "PNG", label=label)
    panels += [
        FigureField(drawn or name, Image.fromarray(edit.before.pixels())),
        FigureField(
            f"may change: {edit.share:.0%}", Image.fromarray(to_uint8(edit.mask)).convert("RGB")
        ),
        FigureField(change, edit.image),
    ]
