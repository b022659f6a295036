"""Results as files: what they are called, that they can be written, and writing all or none.

Nothing is replaced unless somebody says so, and what was read never is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from textseg.errors import InvalidInputError
from textseg.files import fitting, refuse_existing, usable_folder, write_files
from textseg.images import Picture, open_picture, to_uint8
from textseg.provenance import EDITED, GENERATED, read_credentials, sign, source_metadata
from textseg.provenance import Credentials as Credentials
from textseg.saving import check_writable, format_of, loss_note, picture_bytes, save_picture
from textseg.segmentation.export import stems
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.create_facts import CreateArguments, CreateResult
from textseg.toolbox.edit_facts import EditArguments, EditResult, PlanResult
from textseg.toolbox.exported import (
    create_contents,
    create_names,
    every_name,
    placed_in,
    segment_contents,
    segment_names,
    with_files,
)
from textseg.toolbox.meaning import MadeAnswer, MadeT
from textseg.toolbox.retouch_facts import Meant
from textseg.toolbox.running import add_notes
from textseg.toolbox.segment_facts import SegmentArguments, SegmentResult

if TYPE_CHECKING:
    from textseg.toolbox.create import CreateAnswer
    from textseg.toolbox.edit import EditAnswer, PlanAnswer
    from textseg.toolbox.segment import SegmentAnswer

UNSIGNED = (
    "the Content Credentials of the picture were not carried over; sign the edit to have them in it"
)


def refuse_segment_output(
    arguments: SegmentArguments, folder: Path, *, force: bool = False
) -> None:
    """Raise what ``save_segment`` would raise for these arguments, before anything slow is done.

    Raises:
        OutputExistsError: a file would be overwritten and ``force`` is false.
        InvalidInputError: nothing can be written into ``folder``.
    """
    usable_folder(folder)
    names = segment_names(arguments.image, arguments.queries)
    refuse_existing([folder / name for each in names for name in every_name(each)], force=force)


def save_segment(answer: SegmentAnswer, folder: Path, *, force: bool = False) -> SegmentResult:
    """Write overlay, soft mask, binary mask and facts of each query; return the result with paths.

    All files of the call are written, or none.

    Args:
        answer: what ``segment_image`` returned.
        folder: made when missing.
        force: replace files that exist.

    Raises:
        OutputExistsError: a file exists and ``force`` is false.
    """
    names = segment_names(answer.result.image, [facts.query for facts in answer.result.queries])
    write_files(folder, segment_contents(with_files(answer.result, names), answer), force=force)
    return with_files(answer.result, [placed_in(folder, each) for each in names])


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
    _refuse_picture_output(arguments, path, setup=setup, force=force, transparent=False)


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
    result, picture = answer.result, answer.edit.picture
    _refuse_inputs(path, [result.image, result.mask])
    saved = save_picture(
        path,
        picture.pixels(),
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


def made_name(arguments: Meant) -> str:
    """Return a file name for a retouched or arranged picture, made of that of the picture."""
    ending = f"_{arguments.action}.png"
    return fitting(Path(arguments.image).stem, [ending]) + ending


def refuse_made_output(
    arguments: Meant, path: Path, *, setup: Setup = EMBEDDED, force: bool = False
) -> None:
    """Raise what ``save_made`` would, before anything slow is done; as ``refuse_edit_output``."""
    transparent = arguments.action == "cut_out"
    _refuse_picture_output(arguments, path, setup=setup, force=force, transparent=transparent)


def _refuse_picture_output(
    arguments: EditArguments | Meant, path: Path, *, setup: Setup, force: bool, transparent: bool
) -> None:
    """Raise where the changed picture could not be written; ``transparent``: parts of it become."""
    format = format_of(path)
    _refuse_inputs(path, [arguments.image, arguments.mask])
    usable_folder(path.parent)
    refuse_existing([path], force=force)
    picture = open_picture(arguments.image, max_pixels=setup.max_pixels)
    transparent = transparent or picture.alpha is not None
    check_writable(format, size=picture.size, transparent=transparent)


def save_made(
    answer: MadeAnswer[MadeT],
    path: Path,
    *,
    force: bool = False,
    label: bool = True,
    keep_metadata: bool = False,
) -> MadeT:
    """Write a retouched or arranged picture, labelled; return the result with its file.

    Args:
        answer: what ``retouch_image`` or ``arrange_image`` returned.
        path: PNG, TIFF, WebP or JPEG, by its suffix; the folder is made when missing. The picture
            that was changed is never replaced.
        force: replace a file that exists.
        label: false writes no label, which is for a person to decide: no tool may offer it.
        keep_metadata: hand on camera, date, author, place ... of the file that was changed.

    Raises:
        OutputExistsError: the file exists and ``force`` is false.
        InvalidInputError: it is one of the files that were read, or cannot be written so.
    """
    result = answer.result
    _refuse_inputs(path, [result.image, result.mask])
    saved = save_picture(
        path,
        answer.picture.pixels(),
        label=answer.label if label else None,
        icc_profile=answer.picture.icc_profile,
        metadata=source_metadata(result.image) if keep_metadata else None,
        force=force,
    )
    loss = loss_note(format_of(path))
    unsigned = UNSIGNED if read_credentials(result.image) else None
    notes = [*result.notes, *filter(None, (loss, unsigned))]
    return result.model_copy(update={"notes": notes, "file": str(saved)})


def save_plan(answer: PlanAnswer, path: Path, *, force: bool = False) -> PlanResult:
    """Write the picture with the place of a plan lit up; return the result with its path.

    Raises:
        OutputExistsError: the file exists and ``force`` is false.
        InvalidInputError: it is the picture itself, or cannot be written so.
    """
    _refuse_inputs(path, [answer.result.image])
    lit = np.asarray(answer.plan.overlay().convert("RGB"))
    saved = save_picture(path, lit, label=None, force=force)
    return answer.result.model_copy(update={"file": str(saved)})


def created_name(arguments: CreateArguments) -> str:
    """Return a file name for the picture, made of its prompt."""
    return f"{stems([arguments.prompt])[0]}.png"


def refuse_create_output(
    arguments: CreateArguments, path: Path, *, stages: bool = False, force: bool = False
) -> None:
    """Raise what ``save_create`` would raise for these arguments, as far as it is known before.

    Raises:
        OutputExistsError: a file would be overwritten and ``force`` is false.
        InvalidInputError: the suffix belongs to no format, the format holds no picture of this
            size, or nothing can be written there.
    """
    format = format_of(path)
    if arguments.shape is not None:
        check_writable(format, size=arguments.shape, transparent=False)
    usable_folder(path.parent)
    names = create_names(path, len(arguments.changes), stages=stages)
    refuse_existing([path.parent / name for name in every_name(names)], force=force)


def save_create(
    answer: CreateAnswer,
    path: Path,
    *,
    stages: bool = False,
    force: bool = False,
    label: bool = True,
    credentials: Credentials | None = None,
) -> CreateResult:
    """Write the last picture, and with ``stages`` all others; return the result with paths.

    All files are written, or none. Every picture is labelled as made by a model altogether, also
    those that were changed: IPTC's other term is for a composition with something that no model
    made, and there is nothing of that kind in them.

    Args:
        answer: what ``generate_and_edit`` returned.
        path: of the last picture; PNG, TIFF, WebP or JPEG, by its suffix. The stages lie beside
            it: ``<stem>_generated``, and for each change ``<stem>_1_mask.png`` and ``<stem>_1``,
            and the facts in ``<stem>.json``.
        stages: keep them.
        force: replace files that exist.
        label: false writes no labels, which is for a person to decide: no tool may offer it.
        credentials: who signs the labels; None signs nothing.

    Raises:
        OutputExistsError: a file exists and ``force`` is false.
        InvalidInputError: a picture cannot be written so.
        MissingExtraError: credentials are given, and c2pa-python is not installed.
    """
    if credentials is not None and not label:
        raise InvalidInputError("a signature vouches for a label, and there is to be none")
    names = create_names(path, len(answer.edits), stages=stages)
    format = format_of(path)
    loss = loss_note(format)
    result = add_notes(answer.result, [loss] if loss and answer.edits else [])

    def content(picture: Picture) -> bytes:
        found = picture_bytes(to_uint8(picture.rgb), format, label=GENERATED if label else None)
        return sign(found, label=GENERATED, credentials=credentials) if credentials else found

    named = result.model_copy(update={"files": names})
    write_files(path.parent, create_contents(answer, named, content), force=force)
    return result.model_copy(update={"files": placed_in(path.parent, names)})


def _refuse_inputs(path: Path, read: Sequence[str | None]) -> None:
    for name in read:
        if name and os.path.exists(path) and os.path.exists(name) and os.path.samefile(path, name):
            raise InvalidInputError(
                f"{path} is a file that is read; it is never replaced",
                hint="write the result under another name",
            )
