"""The toolbox that panels share, and how pictures come into it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from textseg.images import ImageLike
from textseg.toolbox import Limits, Setup, Toolbox, open_toolbox
from textseg.workspace import Workspace

HANDLE: Final = re.compile("latest|(img|mask)_[0-9a-z]+")
MODELS_OPEN: Final = 4
ROOM: Final = 4_000_000_000  # bytes of a folder that nobody chose: some hundred large masks

UNRATIONED: Final = Limits(
    seconds=24 * 60 * 60, steps=1000, draws=1000, queries=100, changes=20, side=8192
)
"""The limits of people on their own machines: they can see how long it takes, and cancel it."""


def toolbox_of(model: str) -> Toolbox:
    """Return the toolbox that all panels and magics of a process share, for a model.

    Pictures made with one model can be gone on from with another: all are in one workspace, a fresh
    private folder, which stays until somebody removes it. Where it fills up, old masks that can be
    found again make room.

    Args:
        model: registered name, folder of a diffusers checkpoint, or hub id.
    """
    first = _toolbox(Setup().model)
    return first if model == Setup().model else _toolbox(model)


def bring_in(toolbox: Toolbox, image: ImageLike | None) -> str:
    """Return the handle of a picture, which is taken into the workspace where it is new there.

    Args:
        toolbox: whose workspace.
        image: a handle, "latest", a path, a PIL image, an array ...; None is no picture: "".

    Raises:
        UnknownHandleError: there is nothing of this name.
        ImageError: it cannot be read.
    """
    if image is None:
        return ""
    if isinstance(image, str) and HANDLE.fullmatch(image):
        return toolbox.workspace.resolve(image).handle
    return toolbox.shelf.import_image(image).handle


@lru_cache(maxsize=MODELS_OPEN)
def _toolbox(model: str) -> Toolbox:
    setup = Setup(model=model)
    first = model == Setup().model
    workspace = Workspace.open(None, room=ROOM) if first else _toolbox(Setup().model).workspace
    return open_toolbox(workspace, setup=setup, limits=UNRATIONED)
