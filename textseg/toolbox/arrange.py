"""Move, copy, scale or mirror a thing in a picture: ``arrange_image``."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textseg.images import Picture
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.provenance import Label
from textseg.retouching.asking import LARGER
from textseg.toolbox.arrange_facts import ArrangeArguments, ArrangeResult
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.edit import Beside, EditAnswer, edit_scene, label_of, mode_notes, painter_of
from textseg.toolbox.edit_facts import EditArguments
from textseg.toolbox.meaning import (
    MadeAnswer,
    Where,
    change_file,
    count_outside,
    enhanced,
    find_where,
    said,
)
from textseg.toolbox.running import Host
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.retouching.arranging import Arranged
    from textseg.scene import Scene
    from textseg.toolbox.meaning import GivenMask

ArrangeAnswer = MadeAnswer[ArrangeResult]


def arrange_image(
    arguments: ArrangeArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> ArrangeAnswer:
    """Return a picture with a thing moved, copied, scaled or mirrored; writes nothing.

    Where it was and is no longer, the model fills the hole as ``edit_image`` does when it removes
    something; the thing itself is its own pixels.

    ``arguments`` say what to do; the others are those of ``segment_image``.

    Raises:
        ImageError: picture or mask cannot be read; found before a model is loaded.
        InvalidInputError: the mask has another size; the thing would leave the picture.
        NotFoundError: a thing is not in the picture; knows the ``presence``.
        ModelError: the model cannot be loaded, or gives no numbers.
        Cancelled: ``cancel`` was raised.
    """
    host, change = Host(setup, model), partial(arrange_picture, setup=setup)
    return change_file(change, arguments, host, Follow(progress, cancel), kind="edit")


def arrange_picture(
    picture: Picture,
    arguments: ArrangeArguments,
    *,
    mask: GivenMask,
    label: Label | None,
    open_scene: Callable[[], Scene],
    setup: Setup,
    follow: Follow,
    shown: str = "",
) -> ArrangeAnswer:
    """Return the same as ``arrange_image`` for a picture that was read already.

    Args:
        picture: before.
        arguments: what to do; its ``image`` and ``mask`` are only told.
        mask: where the thing is; None: where the query is, or the whole picture.
        label: how the picture came about, as far as it says so.
        open_scene: has a model read the picture; called where it is needed.
        setup: who paints.
        follow: who sees the work, and may stop it.
        shown: what the mask shows, where that is known; the hole is better filled then.
    """
    start = time.perf_counter()
    where = find_where(arguments, mask, open_scene, follow)
    made, filled = _arranged(picture, arguments, where), None
    if made.leaves_hole:
        removal = _removal(arguments, arguments.query or shown)
        filled = edit_scene(
            open_scene(),
            removal,
            Beside(where.mask, painter_of(setup, removal)),
            label=label_of(label),
            follow=follow,
        )
        made = made.over(filled.edit.picture, filled.edit.mask)
    told = enhanced(label) if filled is None else filled.label
    seconds = time.perf_counter() - start
    result = _result(arguments, made, where, filled, label=told, seconds=seconds)
    weight = made.region if arguments.placed else None
    return MadeAnswer(result, picture, made.picture, weight, told)


def _arranged(picture: Picture, arguments: ArrangeArguments, where: Where) -> Arranged:
    from textseg.retouching.arranging import arrange

    return arrange(
        picture,
        arguments.action,
        where.mask,
        to=arguments.to,
        amount=arguments.amount,
        other=where.other,
        max_pixels=picture.rgb[..., 0].size,
    )


def _removal(arguments: ArrangeArguments, query: str) -> EditArguments:
    """Return what an edit is asked that fills the hole."""
    return EditArguments(
        image=arguments.image,
        query=query,
        operation="remove",
        mask=arguments.mask,
        prompt=None if query else "",  # nothing names what is removed
        seed=arguments.seed,
        check=False,
    )


def _result(
    arguments: ArrangeArguments,
    made: Arranged,
    where: Where,
    filled: EditAnswer | None,
    *,
    label: Label,
    seconds: float,
) -> ArrangeResult:
    fill = None if filled is None else filled.result
    notes = [*made.before.notes, *made.notes, *mode_notes(made.before.mode)]
    return ArrangeResult(
        **said(arguments),
        width=made.picture.size[1],
        height=made.picture.size[0],
        presence=None if where.found is None else where.found.presence,
        share=float((made.region > 0).mean()),
        changed_outside=count_outside(made.before, made.picture, made.region),
        source_type=label.source_type,
        evaluations=where.evaluations + (0 if fill is None else fill.evaluations.total),
        seconds=seconds,
        notes=list(dict.fromkeys([*notes, *(() if fill is None else fill.notes)])),
        model=where.model if fill is None else fill.model,
        to=arguments.to,
        amount=(arguments.amount or LARGER) if arguments.action == "scale" else arguments.amount,
        seed=arguments.seed,
        box_before=list(made.box_before),
        box_after=list(made.box_after),
        method=None if fill is None else fill.method,
        version=__version__,
    )
