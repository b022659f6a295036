"""The package itself as an editor for the published benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError, NotFoundError
from textseg.lab.bench.editing_items import Captioner, EditedPicture, EditItem, Editor
from textseg.scene import Scene


def scene_editor(model: DiffusionModel, *, method: str | None) -> Editor:
    """Return an editor that goes through `Scene.edit` with a method's defaults, or its own.

    It takes the prompts as they are given. Where the query is not found it hands the picture back.
    """

    def edit(item: EditItem) -> EditedPicture:
        start = time.perf_counter()
        scene = Scene.open(item.image, model)
        try:
            found = scene.edit(
                item.query,
                item.target,
                method=method,
                mask=item.mask,
                source=item.source_prompt,
                prompt=item.target_prompt or None,
                seed=item.seed,
            )
        except NotFoundError:
            return EditedPicture(item.image, 0, time.perf_counter() - start)
        seconds = time.perf_counter() - start
        return EditedPicture(found.picture.rgb, found.evaluations.total, seconds)

    return edit


def scene_captioner(model: DiffusionModel, given: str | None) -> Captioner:
    """Return what describes pictures: a captioner by name, or the one that belongs to the model.

    Raises:
        InvalidInputError: neither is there.
    """
    from textseg.registry.captioners import load_captioner

    name = given or model.card.language.captioner
    if name is None:
        raise InvalidInputError(
            f"no captioner belongs to {model.name!r}, and TEdBench has no source prompts",
            hint="name one with --captioner: a BLIP folder or hub id",
        )
    caption: Callable[[NDArray[np.float32]], str] = load_captioner(name).caption
    return caption
