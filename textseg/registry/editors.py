"""Names of other editors, and what each loads; see ``textseg.editing.external``.

Another package adds one through an entry point in the group ``textseg.editors``: a function
``load(*, device: str, dtype: str, local_files_only: bool)`` that returns what ``external`` takes.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from textseg.registry.named import Names, precision_name

if TYPE_CHECKING:
    import torch

EDITORS = Names(
    "editor",
    "textseg.editors",
    {},
    source='give the folder of a diffusers pipeline, or a hub id like "owner/name"',
)


def load_editor(
    editor: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    local_files_only: bool = False,
) -> Any:  # Any: a pipeline, or what another package registered
    """Return the editor behind a folder, a hub id or a name; loaded once and then shared.

    Args:
        editor: the folder of a diffusers pipeline with safetensors weights, its hub id, or a name
            that another package registered.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        dtype: "auto" (float32 on a processor, bfloat16 elsewhere), "float32", "float16",
            "bfloat16", or those of torch.
        local_files_only: keeps off the network.

    Raises:
        UnknownNameError: neither a name nor a folder nor a hub id.
        ModelError: files are missing or broken, or cannot be fetched.
        OutOfMemoryError: it does not fit on the device.
    """
    name = os.fspath(editor)
    found = EDITORS.find(name)
    if found is None:
        source = os.path.expanduser(name)
        EDITORS.check_source(source)
        from textseg.backends.editors import load_pipeline

        found = partial(load_pipeline, source)
    return EDITORS.load_once(
        found, name, device=str(device), dtype=precision_name(dtype), offline=local_files_only
    )
