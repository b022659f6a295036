"""The model and the captioner that ship with the package, as they are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textseg.picturebook import weights_folder

if TYPE_CHECKING:
    from textseg.captioning import Captioner
    from textseg.diffusion.model import DiffusionModel

NAME = "picturebook"


def load_model(*, device: str, dtype: str, local_files_only: bool) -> DiffusionModel:
    """Return the model; its files are there, whether or not the network may be used."""
    from textseg.registry.families import load_family

    return load_family(
        weights_folder(),
        device=device,
        dtype=dtype,
        local_files_only=True,
        name=NAME,
    )


def load_captioner(*, device: str, dtype: str, local_files_only: bool) -> Captioner:
    """Return the captioner; its files are there, whether or not the network may be used."""
    from textseg.captioning import load_blip

    folder = weights_folder().with_name("captioner_weights")
    return load_blip(str(folder), NAME, device=device, dtype=dtype, local_files_only=True)
