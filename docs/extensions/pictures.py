"""The pictures of the examples: those that are asked about, and those that the last line shows."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.application import Sphinx
from sphinx_gallery.scrapers import figure_rst

from textseg.images import Picture, to_uint8
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import SceneDescription, Thing, render

SIZE = 256
SHOWN = 384  # pixels of the longer side, at least: smaller pictures are drawn with larger squares
BEACH = SceneDescription(
    "beach",
    (
        Thing("tree", "green", row=0.5, col=0.258, size=0.42, seed=80400),
        Thing("tree", "yellow", row=0.5, col=0.75, size=0.4, seed=299712),
        Thing("house", "blue", row=0.66, col=0.42, size=0.3, seed=481061),
    ),
    seed=422687,
)


def draw_asked(folder: Path) -> None:
    """Write the pictures that are asked about: those of the demo, and one with two trees."""
    scenes = {name: scene for name, (scene, _) in PICTURES.items()} | {"beach": BEACH}
    for name, scene in scenes.items():
        Image.fromarray(render(scene, size=SIZE).image).save(folder / f"{name}.png")


def draw_beside(app: Sphinx) -> None:
    """Write them where the examples run."""
    for header in Path(app.srcdir, "gallery_src").glob("*/GALLERY_HEADER.rst"):
        draw_asked(header.parent)


def scrape(block: object, variables: dict[str, Any], config: dict[str, Any]) -> str:
    """Return the lines that show the value of the last line: for sphinx-gallery."""
    names = variables["example_globals"]
    image = picture_of(names.get("___"))
    names["___"] = None  # it is shown once
    if image is None:
        return ""
    path = next(variables["image_path_iterator"])
    enlarge = -(-SHOWN // max(image.size))
    size = (image.width * enlarge, image.height * enlarge)
    image.resize(size, Image.Resampling.NEAREST).save(path)
    return figure_rst([path], config["src_dir"])


def picture_of(value: object) -> Image.Image | None:
    """Return what a notebook shows of a value, or the picture that it is; None for others."""
    if isinstance(value, Picture):
        return Image.fromarray(to_uint8(value.visible()))
    if hasattr(value, "_repr_mimebundle_"):
        png = base64.b64decode(value._repr_mimebundle_()["image/png"])
    elif hasattr(value, "_repr_png_"):
        png = value._repr_png_()
    else:
        return None
    return Image.open(io.BytesIO(png))


def _get_sg_image_scraper() -> Any:  # the name that sphinx-gallery asks for
    return scrape


def setup(app: Sphinx) -> dict[str, bool]:
    """Draw what the examples ask about, before sphinx-gallery runs them."""
    app.connect("builder-inited", draw_beside, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
