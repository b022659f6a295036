"""Change one thing in a picture: ``edit_image``, and the file that it gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from textseg.editing.options import METHOD_OPTIONS, EditOptions
from textseg.errors import InvalidInputError
from textseg.files import fitting, refuse_existing, usable_folder
from textseg.images import Picture, open_picture
from textseg.progress import CancelToken, ProgressCallback
from textseg.provenance import (
    EDITED,
    GENERATED,
    Credentials,
    Label,
    read_credentials,
    read_label,
    source_metadata,
)
from textseg.registry.methods import make_method
from textseg.saving import check_writable, format_of, loss_note, save_picture
from textseg.segmentation.places import place
from textseg.toolbox.changing import Changed, change_facts, change_scene
from textseg.toolbox.common import EMBEDDED, Setup, open_scene, precise_enough, silent
from textseg.toolbox.edit_facts import EditArguments, EditResult
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.editing.base import EditMethod
    from textseg.editing.result import Edit
    from textseg.scene import EditKeywords, Scene
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation

UNSIGNED = (
    "the Content Credentials of the picture were not carried over; sign the edit to have them in it"
)


@dataclass(frozen=True)
class EditAnswer:
    """The facts of an edit together with the pictures they are about.

    Attributes:
        result: the facts.
        edit: the picture before and after, and the mask.
        label: how the edited picture came about.
        scene: of the edited picture, to go on from.
    """

    result: EditResult
    edit: Edit
    label: Label
    scene: Scene


def edit_image(
    arguments: EditArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> EditAnswer:
    """Return the picture with one thing changed. Writes nothing; ``save_edit`` does.

    Where half precision gives no numbers, the model is loaded again in float32, once.

    Args:
        arguments: what to change; checked already.
        setup: with which model, and where.
        model: a loaded model to use instead of the one that ``setup`` names.
        progress: called with the work done.
        cancel: looked at between the parts of the work.

    Raises:
        ImageError: picture or mask cannot be read; found before a model is loaded.
        InvalidInputError: the mask has another size, a method has no such option ...
        NotFoundError: the query is not in the picture; knows the ``presence``.
        ModelError: the model cannot be loaded, or gives no numbers.
        OutOfMemoryError: the picture does not fit on the device.
        Cancelled: ``cancel`` was raised.
    """
    picture = open_picture(arguments.image, max_pixels=setup.max_pixels)
    label, mask = label_of(read_label(arguments.image)), _read_mask(arguments, setup, picture)
    check_method(arguments)
    painter = painter_of(setup, arguments)

    def work(dtype: str) -> EditAnswer:
        scene = open_scene(picture, setup, model, dtype=dtype, report=progress or silent)
        return edit_scene(
            scene,
            arguments,
            mask=mask,
            label=label,
            painter=painter,
            progress=progress,
            cancel=cancel,
        )

    attempt = precise_enough(work, model)
    answer = attempt.outcome
    return replace(answer, result=add_notes(answer.result, attempt.notes))


def edit_scene(
    scene: Scene,
    arguments: EditArguments,
    *,
    mask: NDArray[np.float32] | Mask | Segmentation | None,
    label: Label,
    painter: EditMethod | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> EditAnswer:
    """Return the same as ``edit_image`` for a picture that a model has read already.

    Args:
        scene: of the picture.
        arguments: what to change; its ``image`` and ``mask`` are only told.
        mask: where to change; None: where the query is, or where the words of ``region`` say.
        label: how the edited picture will have come about.
        painter: who makes the edit where no method is named; None: the model.
        progress: called with the work done.
        cancel: looked at between the parts of the work.
    """
    if mask is None and arguments.operation == "add":
        mask = place(arguments.region, scene.picture.size)
    caption = scene.caption() if arguments.source is None else None
    changed = change_scene(
        scene,
        arguments.query,
        arguments.target,
        selecting=arguments,
        check=arguments.check,
        options={
            **_options(arguments, _method(arguments, scene, painter), mask),
            "progress": progress,
            "cancel": cancel,
        },
    )
    result = _result(arguments, changed, caption)
    return EditAnswer(result, changed.edit, label, changed.scene)


def edited_name(arguments: EditArguments) -> str:
    """Return a file name for the edited picture, made of that of the picture."""
    ending = "_edited.png"
    return fitting(Path(arguments.image).stem, [ending]) + ending


def refuse_edit_output(
    arguments: EditArguments, path: Path, *, setup: Setup = EMBEDDED, force: bool = False
) -> None:
    """Raise what ``save_edit`` would raise for these arguments, before anything slow is done.

    Raises:
        OutputExistsError: the file exists and ``force`` is false.
        InvalidInputError: it is one of the files that are read, its suffix belongs to no format,
            or the format cannot hold the picture.
        ImageError: the picture cannot be read.
    """
    format = format_of(path)
    _refuse_inputs(path, [arguments.image, arguments.mask])
    usable_folder(path.parent)
    refuse_existing([path], force=force)
    picture = open_picture(arguments.image, max_pixels=setup.max_pixels)
    check_writable(format, size=picture.size, transparent=picture.alpha is not None)


def save_edit(
    answer: EditAnswer,
    path: Path,
    *,
    force: bool = False,
    label: bool = True,
    keep_metadata: bool = False,
    credentials: Credentials | None = None,
) -> EditResult:
    """Write the edited picture, labelled, in the format of the suffix; return the result with it.

    The label says that a model changed a part of the picture; of a picture that says of itself
    that a model made all of it, that this is still so. The pixels of the picture that was edited
    are never replaced, not even with ``force``.

    Args:
        answer: what ``edit_image`` returned.
        path: PNG, TIFF, WebP or JPEG, by its suffix; the folder is made when missing.
        force: replace a file that exists.
        label: false writes no label, which is for a person to decide: no tool may offer it.
        keep_metadata: hand on camera, date, author, place ... of the file that was edited.
        credentials: who signs the label; None signs nothing. A signed edit is always labelled as
            one, because it names the file that was edited, and carries what that one claims.

    Raises:
        OutputExistsError: the file exists and ``force`` is false.
        InvalidInputError: it is one of the files that were read, or cannot be written so.
        MissingExtraError: credentials are given, and c2pa-python is not installed.
    """
    from textseg.editing.result import pixels_of

    result, picture = answer.result, answer.edit.picture
    _refuse_inputs(path, [result.image, result.mask])
    saved = save_picture(
        path,
        pixels_of(picture),
        label=(EDITED if credentials else answer.label) if label else None,
        icc_profile=picture.icc_profile,
        metadata=source_metadata(result.image) if keep_metadata else None,
        credentials=credentials,
        source=Path(result.image).read_bytes() if credentials else None,
        force=force,
    )
    notes = [loss] if (loss := loss_note(format_of(path))) else []
    if credentials is None and read_credentials(result.image):
        notes.append(UNSIGNED)
    return add_notes(result, notes).model_copy(update={"file": str(saved)})


def add_notes(result: EditResult, notes: Sequence[str]) -> EditResult:
    """Return the result with further remarks."""
    return result.model_copy(update={"notes": [*result.notes, *notes]})


def _options(
    arguments: EditArguments,
    method: EditMethod | None,
    mask: NDArray[np.float32] | Mask | Segmentation | None,
) -> EditKeywords:
    """Return the keywords of ``Scene.edit``; a method that is made has its numbers already."""
    options = {name: getattr(arguments, name) for name in EditOptions.model_fields}
    made = {} if method is None else dict.fromkeys(METHOD_OPTIONS)
    return cast("EditKeywords", {**options, **made, "method": method, "mask": mask})


def _result(arguments: EditArguments, changed: Changed, caption: str | None) -> EditResult:
    facts, edit = change_facts(changed), changed.edit
    return EditResult(
        **facts.model_dump(exclude={"notes"}),
        notes=[*facts.notes, *_kept(edit.before.mode)],
        image=arguments.image,
        width=edit.size[1],
        height=edit.size[0],
        operation=arguments.operation,
        mask=arguments.mask,
        model=changed.scene.model.name,
        card=edit.card,
        caption=caption,
        version=__version__,
    )


def _kept(mode: str) -> list[str]:
    """Return remarks on what becomes of a picture of a PIL mode that is not RGB."""
    if mode in ("RGB", "RGBA", "RGBX", "RGBa"):
        return []
    if mode.endswith(";16") and not mode.startswith("I"):
        return ["its colours of 16 bits a channel become 8 bits a channel"]
    if mode == "F" or mode.startswith("I"):
        return [f"a grey picture of more than 8 bits ({mode}) becomes RGB of 8 bits a channel"]
    return [f"the picture's colours ({mode}) become RGB"]


def check_method(arguments: EditArguments, scene: Scene | None = None) -> EditMethod | None:
    """Return the method, checked before anything slow is done; None leaves it to the change.

    Args:
        arguments: which one, and its options.
        scene: what is edited, for the options that nobody gave; None before it is there.

    Raises:
        InvalidInputError: there is no such method, or it has no such option.
    """
    own = {name: getattr(arguments, name) for name in METHOD_OPTIONS}
    twice = [name for name in arguments.options if own.get(name) is not None]
    if twice:
        raise InvalidInputError(f"{twice[0]} is given twice, also among the options")
    if arguments.method is not None:
        usual = {} if scene is None else _usual_options(arguments.method, scene)
        said = {name: value for name, value in own.items() if value is not None}
        return make_method(arguments.method, {**usual, **said, **arguments.options})
    if arguments.options:
        raise InvalidInputError(
            f"{next(iter(arguments.options))} is an option of a method, and none is named",
            hint="name the method as well",
        )
    return None


def painter_of(setup: Setup, arguments: EditArguments) -> EditMethod | None:
    """Return the editor that a person chose, loaded; None where the edit is the model's own."""
    if setup.editor is None or arguments.method is not None:
        return None
    from textseg.editing.external import external
    from textseg.registry.editors import load_editor

    return external(load_editor(setup.editor, device=setup.device))


def _method(
    arguments: EditArguments, scene: Scene, painter: EditMethod | None
) -> EditMethod | None:
    named = check_method(arguments, scene)
    if named is not None or painter is None:
        return named
    return make_method(painter, {name: getattr(arguments, name) for name in METHOD_OPTIONS})


def _usual_options(method: str, scene: Scene) -> dict[str, object]:
    from textseg.editing.planning import usual_options

    return usual_options(
        method, card=scene.model.card, steps=scene.made.steps if scene.made else None
    )


def label_of(source: Label | None) -> Label:
    """Return the label of an edit of a picture that has a label already, or none.

    IPTC has one term for what a trained model made, and one for what was composed of that and of
    something else. A picture that a model made altogether stays so when a model edits it.
    """
    made = source is not None and source.source_type == GENERATED.source_type
    return GENERATED if made else EDITED


def _read_mask(
    arguments: EditArguments, setup: Setup, picture: Picture
) -> NDArray[np.float32] | None:
    from textseg.editing.masks import paint_mask

    if arguments.mask is None:
        return None
    painted = open_picture(arguments.mask, max_pixels=setup.max_pixels)
    return paint_mask(painted, picture.size, resize=arguments.resize_mask)


def _refuse_inputs(path: Path, read: Sequence[str | None]) -> None:
    for name in read:
        if name and os.path.exists(path) and os.path.exists(name) and os.path.samefile(path, name):
            raise InvalidInputError(
                f"{path} is a file that is read; it is never replaced",
                hint="write the result under another name",
            )
