"""Open a toolbox on a folder: ``open_toolbox``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textseg.errors import WorkspaceError
from textseg.registry.models import check_model
from textseg.toolbox.box import Toolbox
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.outbox import opened_folder
from textseg.toolbox.running import Limits
from textseg.workspace import FileLimits, Workspace
from textseg.workspace.records import MIN_BITS


def open_toolbox(
    folder: Workspace | Path | str | None = None,
    *,
    roots: Sequence[Path | str] = (),
    setup: Setup = EMBEDDED,
    limits: Limits | None = None,
    handle_bits: int = MIN_BITS,
    exports: Path | str | None = None,
) -> Toolbox:
    """Return a toolbox on a workspace; the model is loaded by the first call that needs it.

    Args:
        folder: where results are kept, made when missing; None for a fresh private one; or a
            workspace that is open already, with roots of its own.
        roots: folders below which pictures may be named by file name.
        setup: which model, where it runs, and the largest picture that a new workspace takes in.
        limits: the most that one call may take.
        handle_bits: random bits in a new handle; more where strangers may call.
        exports: the folder that ``export_image`` writes into; None for nowhere.

    Raises:
        UnknownNameError: no such model; found before a folder is made.
        ModelError: there is no such folder of a model.
        InvalidInputError: a root is missing or too wide, ``folder`` is a file, or nothing can be
            written into ``exports``.
        WorkspaceError: the folder cannot be written; or its index is damaged or too new.
    """
    check_model(setup.model)
    exports = None if exports is None else opened_folder(exports)
    if not isinstance(folder, Workspace):
        allowed = FileLimits(max_pixels=setup.max_pixels)
        try:
            folder = Workspace.open(folder, roots=roots, limits=allowed, handle_bits=handle_bits)
        except WorkspaceError as error:  # whose own words are for assistants, too
            where = "a temporary folder" if folder is None else folder
            raise WorkspaceError(f"{where}: {error.message}", hint=error.hint) from None
    return Toolbox(folder, setup=setup, limits=limits, exports=exports)
