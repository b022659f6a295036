"""What the last line of an example shows, as a notebook would show it: for sphinx-gallery."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image
from sphinx_gallery.scrapers import figure_rst

SHOWN = 384  # pixels of the longer side, at least: smaller pictures are drawn with larger squares


def scrape(block: object, variables: dict[str, Any], config: dict[str, Any]) -> str:
    """Return the lines that show the value of the last line, where it is a picture or has one."""
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
    """Return what a notebook shows of a value, where that is a picture."""
    if isinstance(value, Image.Image):
        return value
    if hasattr(value, "_repr_mimebundle_"):
        data = value._repr_mimebundle_()["image/png"]
        return Image.open(io.BytesIO(base64.b64decode(data)))
    if hasattr(value, "_repr_png_"):
        return Image.open(io.BytesIO(value._repr_png_()))
    return None


def _get_sg_image_scraper() -> Any:  # the name that sphinx-gallery asks for
    return scrape
