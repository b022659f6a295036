"""Say what you mean in words, see exactly where a diffusion model thinks it is.

    import textseg

    found = textseg.segment("photo.jpg", "red house")       # where is it, and is it there at all?
    found.soft, found.presence, found.regions()

    scene = textseg.Scene.open("photo.jpg")                 # read once, asked often
    scene.segment_all(["tree", "red house"])["tree"].save("masks")
    scene.select("red house and not door").pick("left")     # masks are put together
    scene.edit("red house", "blue house").image             # all else stays, bit for bit

Importing this package loads no model and no heavy library; each name does so when it is used.
"""

from __future__ import annotations

from importlib import import_module

from textseg.version import __version__

TYPE_CHECKING = False  # as `typing` has it, which takes a moment to load
if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from textseg.editing.result import Edit, constrain
    from textseg.errors import (
        BusyError,
        Cancelled,
        ImageError,
        InvalidInputError,
        MissingExtraError,
        ModelError,
        NotFoundError,
        NothingToUndoError,
        OutOfMemoryError,
        OutputExistsError,
        OutsideWorkspaceError,
        PrecisionError,
        QueryError,
        TextsegError,
        TimeLimitError,
        UnknownHandleError,
        UnknownNameError,
        UnsupportedError,
        WorkspaceError,
    )
    from textseg.registry.methods import methods
    from textseg.registry.models import models
    from textseg.scene import Creation, Scene, edit, generate_and_edit, load, segment
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.places import place
    from textseg.segmentation.result import Segmentation, Segmentations

__all__ = [
    "BusyError",
    "Cancelled",
    "Creation",
    "Edit",
    "ImageError",
    "InvalidInputError",
    "Mask",
    "MissingExtraError",
    "ModelError",
    "NotFoundError",
    "NothingToUndoError",
    "OutOfMemoryError",
    "OutputExistsError",
    "OutsideWorkspaceError",
    "PrecisionError",
    "QueryError",
    "Scene",
    "Segmentation",
    "Segmentations",
    "TextsegError",
    "TimeLimitError",
    "UnknownHandleError",
    "UnknownNameError",
    "UnsupportedError",
    "WorkspaceError",
    "__version__",
    "constrain",
    "edit",
    "generate_and_edit",
    "load",
    "methods",
    "models",
    "place",
    "segment",
]

_HOMES = {
    "Scene": "textseg.scene",
    "Creation": "textseg.scene",
    "edit": "textseg.scene",
    "generate_and_edit": "textseg.scene",
    "load": "textseg.scene",
    "segment": "textseg.scene",
    "methods": "textseg.registry.methods",
    "models": "textseg.registry.models",
    "Edit": "textseg.editing.result",
    "constrain": "textseg.editing.result",
    "Mask": "textseg.segmentation.mask",
    "Segmentation": "textseg.segmentation.result",
    "Segmentations": "textseg.segmentation.result",
    "place": "textseg.segmentation.places",
}


def __getattr__(name: str) -> object:
    """Import a public name from where it lives, on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "textseg.errors")), name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give a notebook ``%segment`` and ``%%edit``; called by ``%load_ext textseg``."""
    from textseg.panels.magics import register

    register(shell)


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
