"""Change a thing in a picture, or what is around it, without a model: ``retouch_image``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textseg.images import Picture
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.provenance import Label
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.edit import mode_notes
from textseg.toolbox.meaning import (
    MadeAnswer,
    Where,
    change_file,
    count_outside,
    enhanced,
    find_where,
    said,
)
from textseg.toolbox.retouch_facts import RetouchArguments, RetouchResult
from textseg.toolbox.running import Host
from textseg.toolbox.selecting import mean_rgb
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.retouching.actions import Retouched
    from textseg.scene import Scene
    from textseg.toolbox.meaning import GivenMask


RetouchAnswer = MadeAnswer[RetouchResult]


def retouch_image(
    arguments: RetouchArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> RetouchAnswer:
    """Return a picture changed without a model. Writes nothing; ``save_made`` does.

    A model looks for the query; where a mask says it all, none is loaded.

    ``arguments`` say what to do; the others are those of ``segment_image``.

    Raises:
        ImageError: picture or mask cannot be read; found before a model is loaded.
        InvalidInputError: the mask has another size.
        NotFoundError: a thing is not in the picture; knows the ``presence``.
        ModelError: the model cannot be loaded, or gives no numbers.
        Cancelled: ``cancel`` was raised.
    """
    host, follow = Host(setup, model), Follow(progress, cancel)
    return change_file(retouch_picture, arguments, host, follow, kind="find")


def retouch_picture(
    picture: Picture,
    arguments: RetouchArguments,
    *,
    mask: GivenMask,
    label: Label | None,
    open_scene: Callable[[], Scene],
    follow: Follow,
) -> RetouchAnswer:
    """Return the same as ``retouch_image`` for a picture that was read already.

    Args:
        picture: before.
        arguments: what to do; its ``image`` and ``mask`` are only told.
        mask: where; None: where the query is, or everywhere.
        label: how the picture came about, as far as it says so.
        open_scene: has a model read the picture; called where something is to be found.
        follow: who sees the work, and may stop it.
    """
    from textseg.retouching.actions import retouch

    start, told = time.perf_counter(), enhanced(label)
    where = find_where(arguments, mask, open_scene, follow)
    made = retouch(
        picture,
        arguments.action,
        where.mask,
        amount=arguments.amount,
        colour=arguments.colour,
        other=where.other,
        margin=arguments.margin,
        aspect=arguments.aspect,
        max_pixels=picture.rgb[..., 0].size,
    )
    result = _result(
        arguments, picture, made, where, label=told, seconds=time.perf_counter() - start
    )
    weight = made.weight if arguments.placed else None
    return MadeAnswer(result, picture, made.picture, weight, told)


def _result(
    arguments: RetouchArguments,
    before: Picture,
    made: Retouched,
    where: Where,
    *,
    label: Label,
    seconds: float,
) -> RetouchResult:
    inside, after = made.weight > 0, made.picture
    return RetouchResult(
        **said(arguments),
        colour=arguments.colour,
        width=after.size[1],
        height=after.size[0],
        presence=None if where.found is None else where.found.presence,
        share=float(inside.mean()),
        changed_outside=count_outside(before, after, made.weight),
        source_type=label.source_type,
        evaluations=where.evaluations,
        seconds=seconds,
        notes=[*before.notes, *made.notes, *mode_notes(before.mode)],
        model=where.model,
        amount=made.amount,
        mean_rgb_before=mean_rgb(before.rgb, inside),
        mean_rgb_after=mean_rgb(after.rgb, inside) if after.size == before.size else None,
        version=__version__,
    )
