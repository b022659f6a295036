"""Models, pictures and numbers on their way into a scene, checked before the slow part."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from textseg.checking import clean_query
from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError, QueryError, UnsupportedError
from textseg.images import size_words
from textseg.scene.options import CaptionerLike, DeviceLike, DtypeLike, ModelLike
from textseg.segmentation.difference import RawMaps
from textseg.segmentation.settings import SegmentSettings


def load(
    model: ModelLike = "picturebook",
    *,
    device: DeviceLike = "auto",
    dtype: DtypeLike = "auto",
    local_files_only: bool = False,
    base: str | os.PathLike[str] | None = None,
    lora: Sequence[str | os.PathLike[str]] = (),
) -> DiffusionModel:
    """Return a model that ``segment`` and ``Scene.open`` take.

    Args:
        model: a registered name, a local folder or file, a hub id or a loaded diffusers pipeline;
            a ``DiffusionModel`` is returned as it is.
        device: "auto", "cpu", "cuda", "mps" ...
        dtype: "auto", "float32", "float16" or "bfloat16", or one of torch's.
        local_files_only: never ask the hub.
        base: folder or hub id that a single file goes with: for the configs and vocabularies of a
            Stable Diffusion checkpoint, for all other parts of a transformer; ``None`` looks for it
            in the hub's cache.
        lora: files that are added to the weights, each perhaps with ":WEIGHT" after it; one may
            stand alone.

    Raises:
        ModelError: it cannot be found, read or used; the message says what to do.
    """
    from textseg.registry.models import load_model

    return load_model(
        model, device=device, dtype=dtype, local_files_only=local_files_only, base=base, lora=lora
    )


def captioner_for(given: CaptionerLike | None, model: DiffusionModel) -> CaptionerLike | None:
    """Return the captioner that was given, else the name of the one that belongs to the model."""
    return model.card.language.captioner if given is None else given


def describe(captioner: CaptionerLike, rgb: NDArray[np.float32], device: torch.device) -> str:
    """Return what a captioner says of a picture (H, W, 3) in [0, 1]; loaded to ``device``."""
    from textseg.captioning import Captioner, ask_captioner
    from textseg.registry.captioners import load_captioner

    if not isinstance(captioner, Captioner):
        captioner = load_captioner(captioner, device=str(device))
    return ask_captioner(captioner, rgb)


def check_queries(queries: Sequence[str]) -> list[str]:
    """Return the queries without surrounding space and repetitions."""
    if isinstance(queries, str):
        raise QueryError("queries is a list of texts, got a single text", hint="use segment()")
    for query in queries:
        if not isinstance(query, str):
            raise QueryError(f"a query is a text, got {type(query).__name__}")
    if not queries:
        raise QueryError("there is no query", hint='name what to look for, e.g. ["tree", "house"]')
    return list(dict.fromkeys(clean_query(query) for query in queries))


def check_size(model: DiffusionModel, size: tuple[int, int] | None) -> tuple[int, int]:
    """Return the size (H, W) of a new picture; ``None`` is what the model was made for."""
    if size is None:
        side = model.card.sizes.native
        if side is None:
            raise UnsupportedError(
                f"model {model.name!r} does not say what size it makes",
                hint="say how wide and high",
            )
        return side, side
    multiple = model.size_multiple
    if min(size) < 1 or size[0] % multiple or size[1] % multiple:
        near = [max(1, round(side / multiple)) * multiple for side in size]
        raise InvalidInputError(
            f"{model.name} makes sides that divide by {multiple}, not {size_words(size)}",
            hint=f"nearest: {size_words(near)} (width x height)",
        )
    longest = model.card.sizes.largest
    if longest is not None and max(size) > longest:
        raise InvalidInputError(
            f"{model.name} makes sides of at most {longest} pixels, not {size_words(size)}",
            hint="make it smaller, and enlarge it elsewhere",
        )
    return size


def remarks_on(raw: RawMaps, settings: SegmentSettings, batch_size: int) -> list[str]:
    """Return remarks for people on how the maps came about."""
    found = []
    if raw.batch_size < batch_size:
        found.append(
            f"memory ran out: batch_size was reduced from {batch_size} to {raw.batch_size}"
        )
    if raw.stopped_early:
        found.append(f"stopped after {raw.draws} of {settings.draws} draws: tolerance reached")
    if raw.unseen and settings.soften.attention:
        found.append(f"the mask is of the noise difference alone: {raw.unseen}")
    return found
