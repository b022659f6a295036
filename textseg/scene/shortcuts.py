"""Whole tasks in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from textseg.editing.result import Edit
from textseg.images import MAX_PIXELS, ImageLike
from textseg.scene.core import Scene
from textseg.scene.opening import check_queries
from textseg.scene.options import DeviceLike, EditKeywords, ModelLike, SegmentOptions
from textseg.segmentation.result import Segmentation


def segment(
    image: ImageLike,
    query: str,
    *,
    model: ModelLike = "picturebook",
    device: DeviceLike = "auto",
    max_pixels: int = MAX_PIXELS,
    **options: Unpack[SegmentOptions],
) -> Segmentation:
    """Return where ``query`` is; ``options`` are the keywords of ``Scene.segment_all``.

    For several queries or several calls about one picture, open a ``Scene``: it reads it once.
    Pictures with more than ``max_pixels`` are refused.
    """
    check_queries([query])  # before the slow part
    scene = Scene.open(image, model, device=device, max_pixels=max_pixels)
    return scene.segment(query, **options)


def edit(
    image: ImageLike,
    query: str,
    target: str,
    *,
    model: ModelLike = "picturebook",
    device: DeviceLike = "auto",
    max_pixels: int = MAX_PIXELS,
    **options: Unpack[EditKeywords],
) -> Edit:
    """Return the picture with what ``query`` names turned into ``target``, and nothing else.

    ``options`` are the keywords of ``Scene.edit``. For several edits open a ``Scene``.
    Pictures with more than ``max_pixels`` are refused.
    """
    if query.strip():
        check_queries([query])  # before the slow part
    scene = Scene.open(image, model, device=device, max_pixels=max_pixels)
    return scene.edit(query, target, **options)


@dataclass(frozen=True, eq=False)
class Creation:
    """A picture made from text and then changed, stage by stage.

    Attributes:
        scene: the generated picture, with ``scene.made``; ready for further edits.
        caption: what the captioner saw in it; ``None`` without a captioner.
        edit: the change, with the mask that it was confined to.
    """

    scene: Scene
    caption: str | None
    edit: Edit


def generate_and_edit(
    description: str,
    query: str,
    target: str,
    *,
    model: ModelLike = "picturebook",
    device: DeviceLike = "auto",
    **options: Unpack[EditKeywords],
) -> Creation:
    """Return a picture that is made from ``description`` and then changed from query to target.

    ``options`` are the keywords of ``Scene.edit``; its seed, steps, progress and cancel serve both
    parts. For more say in the first one, call ``Scene.generate`` and edit what it returns.
    """
    scene = Scene.generate(
        description,
        model,
        device=device,
        seed=options.get("seed", 0),
        steps=options.get("steps"),
        progress=options.get("progress"),
        cancel=options.get("cancel"),
    )
    return Creation(scene, scene.caption(), scene.edit(query, target, **options))
