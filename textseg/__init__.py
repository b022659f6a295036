"""Say what you mean in words, see exactly where a diffusion model thinks it is.

    import textseg

    found = textseg.segment("photo.jpg", "red house")       # where is it, and is it there at all?
    found.soft, found.presence, found.regions()

    scene = textseg.Scene.open("photo.jpg")                 # read once, asked often
    scene.segment_all(["tree", "red house"])["tree"].save("masks")

Importing this package loads no model and no heavy library; each name does so when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textseg.errors import (
        Cancelled,
        ImageError,
        InvalidInputError,
        MissingExtraError,
        ModelError,
        OutOfMemoryError,
        OutputExistsError,
        QueryError,
        TextsegError,
        UnknownNameError,
        UnsupportedError,
    )
    from textseg.registry import models
    from textseg.scene import Scene, load, segment
    from textseg.segmentation.result import Segmentation, Segmentations

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "ImageError",
    "InvalidInputError",
    "MissingExtraError",
    "ModelError",
    "OutOfMemoryError",
    "OutputExistsError",
    "QueryError",
    "Scene",
    "Segmentation",
    "Segmentations",
    "TextsegError",
    "UnknownNameError",
    "UnsupportedError",
    "__version__",
    "load",
    "models",
    "segment",
]

_HOMES = {
    "Scene": "textseg.scene",
    "load": "textseg.scene",
    "segment": "textseg.scene",
    "models": "textseg.registry",
    "Segmentation": "textseg.segmentation.result",
    "Segmentations": "textseg.segmentation.result",
}


def __getattr__(name: str) -> object:
    """Import a public name from where it lives, on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "textseg.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
