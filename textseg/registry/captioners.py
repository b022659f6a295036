"""Names of captioners, and what each loads.

Another package adds one through an entry point in the group ``textseg.captioners``: a function
``load(*, device: str, dtype: str, local_files_only: bool) -> Captioner``.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from textseg.registry.named import Names, Own, precision_name

if TYPE_CHECKING:
    import torch

    from textseg.captioning import Captioner

EMBEDDED = "picturebook"
CAPTIONERS = Names(
    "captioner",
    "textseg.captioners",
    {EMBEDDED: Own("textseg.picturebook.model:load_captioner")},
    source='or give the folder of a BLIP checkpoint, or a hub id like "owner/name"',
)


class CaptionerLoader(Protocol):
    """Loads one captioner."""

    def __call__(self, *, device: str, dtype: str, local_files_only: bool) -> Captioner:
        """Return it on ``device`` in ``dtype``; the latter may be "auto"."""


def load_captioner(
    captioner: str | os.PathLike[str] = EMBEDDED,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    local_files_only: bool = False,
) -> Captioner:
    """Return the captioner behind a name, a folder or a hub id; loaded once and then shared.

    Args:
        captioner: "picturebook", a name that another package registered, the folder of a BLIP
            captioning checkpoint, or its hub id.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        dtype: "auto" (float32 on a processor, float16 elsewhere), "float32", "float16", "bfloat16",
            or those of torch.
        local_files_only: keeps off the network.

    Raises:
        UnknownNameError: neither a name nor a folder nor a hub id; the known names are listed.
        ModelError: files are missing or broken, or cannot be fetched.
        UnsupportedError: not a BLIP captioning model.
    """
    name = os.fspath(captioner)
    loader: CaptionerLoader = CAPTIONERS.find(name) or partial(_load_checkpoint, name)
    found = CAPTIONERS.load_once(
        loader, name, device=str(device), dtype=precision_name(dtype), offline=local_files_only
    )
    return cast("Captioner", found)


def captioners() -> list[str]:
    """Return the registered names. Loads nothing."""
    return CAPTIONERS.names()


def _load_checkpoint(name: str, *, device: str, dtype: str, local_files_only: bool) -> Captioner:
    """Return the checkpoint behind a folder or a hub id."""
    from textseg.captioning import load_blip

    source = os.path.expanduser(name)
    CAPTIONERS.check_source(source)
    return load_blip(source, name, device=device, dtype=dtype, local_files_only=local_files_only)
