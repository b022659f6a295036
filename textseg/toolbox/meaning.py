"""Where the things are that a change without a model is about: looked for, or given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from textseg.images import Picture, open_picture, to_uint8
from textseg.provenance import ENHANCED, Label, read_label
from textseg.toolbox.common import Setup
from textseg.toolbox.retouch_facts import MadeFacts, Meant
from textseg.toolbox.selecting import Narrowed
from textseg.toolbox.selecting_facts import Selecting

MadeT = TypeVar("MadeT", bound=MadeFacts)

if TYPE_CHECKING:
    from textseg.progress import Follow
    from textseg.scene import Scene
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation
    from textseg.toolbox.running import Host

    GivenMask = NDArray[np.float32] | Mask | None


@dataclass(frozen=True, eq=False)
class Where:
    """Where a change is to be, and how that was found out.

    Attributes:
        mask: where the thing is; None where the whole picture is meant.
        other: where the other thing is; None where there is none.
        found: what was found for the query; None where it was not looked for.
        evaluations: of the network.
        model: that was asked; None where none was.
    """

    mask: GivenMask
    other: Mask | None = None
    found: Segmentation | None = None
    evaluations: int = 0
    model: str | None = None


@dataclass(frozen=True, eq=False)
class MadeAnswer(Generic[MadeT]):
    """The facts of a change together with the pictures they are about.

    Attributes:
        result: the facts.
        before: the picture that was given.
        picture: the picture afterwards.
        weight: (H, W) in [0, 1], where the picture before may have changed; None: everywhere.
        label: how the new picture came about.
    """

    result: MadeT
    before: Picture
    picture: Picture
    weight: NDArray[np.float32] | None
    label: Label


def find_where(
    asked: Meant, mask: GivenMask, open_scene: Callable[[], Scene], follow: Follow
) -> Where:
    """Return where the things are, looked for only where something is to be found.

    Args:
        asked: what is meant.
        mask: where, where that is given.
        open_scene: has the model read the picture.
        follow: who sees the work, and may stop it.

    Raises:
        NotFoundError: one of them is not in the picture, or nothing is left of it.
    """
    if not asked.queries:
        return Where(_around(mask) if asked.invert else mask)
    scene = open_scene()
    found = scene.segment_all(asked.queries, progress=follow.progress, cancel=follow.cancel)
    only = Selecting(exclude=asked.exclude, region=asked.region)
    others = found[asked.exclude] if asked.exclude else None
    first = None
    if mask is None:
        first = found[asked.query]
        mask = _meant(Narrowed(first, others, only, None), scene)
    return Where(
        _around(mask) if asked.invert else mask,
        _meant(Narrowed(found[asked.other], None, Selecting(), None), scene)
        if asked.other
        else None,
        first,
        found.evaluations,
        scene.model.name,
    )


def change_file(
    change: Callable[..., MadeAnswer[MadeT]],
    arguments: Meant,
    host: Host,
    follow: Follow,
    *,
    kind: str,
) -> MadeAnswer[MadeT]:
    """Return what a change makes of a picture that is a file; files are read before a model is.

    Args:
        change: takes what ``retouch_picture`` takes.
        arguments: what to do; the names of picture and mask are among them.
        host: has the model that things are looked for with.
        follow: who sees the work, and may stop it.
        kind: of the work; see ``Host.run``.
    """
    picture = open_picture(arguments.image, max_pixels=host.setup.max_pixels)
    mask, label = open_mask(arguments.mask, picture, host.setup), read_label(arguments.image)

    def work(at_work: Follow) -> MadeAnswer[MadeT]:
        opened = partial(host.open, picture, at_work)
        return change(picture, arguments, mask=mask, label=label, open_scene=opened, follow=at_work)

    return host.run(work, follow, kind=kind)


def open_mask(
    name: str | None, picture: Picture, setup: Setup, *, resize: bool = False
) -> NDArray[np.float32] | None:
    """Return a mask that is a file, for a picture; None for no file.

    Raises:
        ImageError: it cannot be read.
        InvalidInputError: it has another size and is not to be resized, or nothing is inside of it.
    """
    from textseg.editing.masks import paint_mask

    if name is None:
        return None
    painted = open_picture(name, max_pixels=setup.max_pixels)
    return paint_mask(painted, picture.size, resize=resize)


def said(asked: Meant) -> dict[str, Any]:  # Any: fields of different types
    """Return what results repeat of what was meant."""
    return {name: getattr(asked, name) for name in Meant.model_fields}


def enhanced(source: Label | None) -> Label:
    """Return the label of a picture that no model had a part in changing; what it had stays."""
    return ENHANCED if source is None else source


def count_outside(before: Picture, after: Picture, weight: NDArray[np.float32]) -> int | None:
    """Return how many pixels without weight have other 8-bit colours; None for another size."""
    if after.size != before.size:
        return None
    differs = (to_uint8(after.rgb) != to_uint8(before.rgb)).any(-1)
    return int((differs & (weight == 0)).sum())


def _meant(narrowed: Narrowed, scene: Scene) -> Mask:
    if not narrowed.mask.binary().any():
        raise narrowed.why_empty(scene.model)
    return narrowed.mask


def _around(mask: GivenMask) -> GivenMask:
    """Return all but what a mask shows; one that was painted keeps its own edge."""
    from textseg.retouching.edges import solid

    if mask is None:
        return None
    return 1 - mask if isinstance(mask, np.ndarray) else ~solid(mask)
