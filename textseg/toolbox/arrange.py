"""Move, copy, scale or mirror a thing in a picture: ``arrange_image``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from textseg.images import Picture, open_picture
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.provenance import Label, read_label
from textseg.retouching.words import Goal
from textseg.toolbox.arrange_facts import LARGER, ArrangeArguments, ArrangeResult
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.edit import Beside, EditAnswer, edit_scene, label_of, mode_notes, painter_of
from textseg.toolbox.edit_facts import EditArguments
from textseg.toolbox.meaning import (
    MadeAnswer,
    Where,
    count_outside,
    enhanced,
    find_where,
    read_mask,
    said,
)
from textseg.toolbox.running import Host, add_notes
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.retouching.edges import Frame
    from textseg.retouching.pieces import Piece
    from textseg.scene import Scene
    from textseg.toolbox.meaning import GivenMask

ArrangeAnswer = MadeAnswer[ArrangeResult]

TOGETHER = "its {number} regions went together; region says which one is meant"
CUT_OFF = "the thing reaches the edge of the picture, so where it is cut off shows"


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

    Args:
        arguments: what to do; checked already.
        setup: with which model, and where.
        model: a loaded model to use instead of the one that ``setup`` names.
        progress: called with the work done.
        cancel: looked at between the parts of the work.

    Raises:
        ImageError: picture or mask cannot be read; found before a model is loaded.
        InvalidInputError: the mask has another size; the thing would leave the picture.
        NotFoundError: a thing is not in the picture; knows the ``presence``.
        ModelError: the model cannot be loaded, or gives no numbers.
        Cancelled: ``cancel`` was raised.
    """
    picture = open_picture(arguments.image, max_pixels=setup.max_pixels)
    mask, host = read_mask(arguments.mask, picture, setup), Host(setup, model)
    label = read_label(arguments.image)

    def work(follow: Follow) -> ArrangeAnswer:
        def opened() -> Scene:
            return host.open(picture, follow)

        return arrange_picture(
            picture,
            arguments,
            mask=mask,
            label=label,
            open_scene=opened,
            setup=setup,
            follow=follow,
        )

    done = host.run(work, Follow(progress, cancel))
    return replace(done.outcome, result=add_notes(done.outcome.result, done.notes))


def arrange_picture(
    picture: Picture,
    arguments: ArrangeArguments,
    *,
    mask: GivenMask,
    label: Label | None,
    open_scene: Callable[[], Scene],
    setup: Setup,
    follow: Follow,
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
    """
    start = time.perf_counter()
    where = find_where(arguments, mask, open_scene, follow)
    made = _mirrored(picture) if where.mask is None else _moved(picture, arguments, where)
    if made.leaves_hole and arguments.action != "copy":
        filled = edit_scene(
            open_scene(),
            _removal(arguments),
            Beside(where.mask, painter_of(setup, _removal(arguments))),
            label=label_of(label),
            follow=follow,
        )
        made = made.over(filled)
    told = enhanced(label) if made.filled is None else made.filled.label
    result = _result(arguments, made, where, label=told, seconds=time.perf_counter() - start)
    return MadeAnswer(
        result, picture, made.picture, made.region if arguments.placed else None, told
    )


@dataclass(frozen=True, eq=False)
class _Moved:
    """A picture in which something was moved.

    Attributes:
        before: the picture that was given.
        picture: the picture with the thing in its new place.
        region: (H, W) in [0, 1], where it may have changed.
        boxes: around the thing before and afterwards: left, top, right, bottom.
        piece: the thing in its new place; None where the whole picture was mirrored.
        leaves_hole: some of where it was is not covered by where it is now.
        filled: what the hole was filled with; None where it was not.
    """

    before: Picture
    picture: Picture
    region: NDArray[np.float32]
    boxes: tuple[Frame, Frame]
    piece: Piece | None = None
    leaves_hole: bool = False
    filled: EditAnswer | None = None
    notes: tuple[str, ...] = ()

    def over(self, filled: EditAnswer) -> _Moved:
        """Return the same on a picture without the thing."""
        from textseg.retouching.pieces import lay

        assert self.piece is not None, "something was moved"
        picture, region = lay(filled.edit.picture, self.piece), filled.edit.mask
        return replace(self, picture=picture, region=np.maximum(self.region, region), filled=filled)


def _mirrored(picture: Picture) -> _Moved:
    from textseg.retouching.pieces import flip_picture

    height, width = picture.size
    box = (0, 0, width, height)
    return _Moved(picture, flip_picture(picture), np.ones(picture.size, np.float32), (box, box))


def _moved(picture: Picture, arguments: ArrangeArguments, where: Where) -> _Moved:
    """Return the picture with the thing in its new place, and still where it was."""
    from textseg.retouching.edges import weight_of
    from textseg.retouching.pieces import cover, cut_piece, lay

    assert where.mask is not None, "something is moved"
    weight = weight_of(where.mask, picture.size)
    piece = cut_piece(picture, weight)
    placed = _placed(arguments, piece, where, picture.size)
    covered = cover(placed, picture.size)
    return _Moved(
        picture,
        lay(picture, placed),
        covered,
        (piece.box, placed.box),
        placed,
        leaves_hole=bool(((weight > 0) & (covered < 1)).any()),
        notes=tuple(_remarks(piece, where, picture.size)),
    )


def _placed(
    arguments: ArrangeArguments, piece: Piece, where: Where, size: tuple[int, int]
) -> Piece:
    """Return the thing in its new place, size or direction."""
    from textseg.retouching.pieces import cut_box, flip, move, scale

    if arguments.action == "flip":
        return flip(piece)
    if arguments.action == "scale":
        return scale(piece, arguments.amount or LARGER, size)
    goal = arguments.goal or Goal(relation="next to")
    other = piece.box if where.other is None else cut_box(where.other.binary())
    return move(piece, goal, size, share=arguments.amount, other=other)


def _remarks(piece: Piece, where: Where, size: tuple[int, int]) -> Iterator[str]:
    left, top, right, bottom = piece.box
    if left == 0 or top == 0 or right == size[1] or bottom == size[0]:
        yield CUT_OFF
    number = 0 if isinstance(where.mask, np.ndarray | None) else len(where.mask.regions())
    if number > 1:
        yield TOGETHER.format(number=number)


def _removal(arguments: ArrangeArguments) -> EditArguments:
    """Return what an edit is asked that fills the hole."""
    return EditArguments(
        image=arguments.image,
        query=arguments.query,
        operation="remove",
        mask=arguments.mask,
        prompt=None if arguments.query else "",  # nothing names what is removed
        seed=arguments.seed,
        check=False,
    )


def _result(
    arguments: ArrangeArguments, made: _Moved, where: Where, *, label: Label, seconds: float
) -> ArrangeResult:
    filled = None if made.filled is None else made.filled.result
    notes = [*made.before.notes, *made.notes, *mode_notes(made.before.mode)]
    return ArrangeResult(
        **said(arguments),
        width=made.picture.size[1],
        height=made.picture.size[0],
        presence=None if where.found is None else where.found.presence,
        share=float((made.region > 0).mean()),
        changed_outside=count_outside(made.before, made.picture, made.region),
        source_type=label.source_type,
        evaluations=where.evaluations + (0 if filled is None else filled.evaluations.total),
        seconds=seconds,
        notes=list(dict.fromkeys([*notes, *(() if filled is None else filled.notes)])),
        model=where.model if filled is None else filled.model,
        to=arguments.to,
        amount=(arguments.amount or LARGER) if arguments.action == "scale" else arguments.amount,
        seed=arguments.seed,
        box_before=list(made.boxes[0]),
        box_after=list(made.boxes[1]),
        method=None if filled is None else filled.method,
        version=__version__,
    )
