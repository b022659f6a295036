"""The door: which family a model belongs to, by the classes that its index or pipeline names.

Other packages add families through entry points in the group ``textseg.families``: named after the
class of a pipeline or of its network, they stand for a ``Family``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Protocol

from textseg.backends.index import Index, class_name, index_of, read_index
from textseg.diffusion.model import DiffusionModel
from textseg.errors import UnsupportedError
from textseg.registry.plugins import loaded, plugins

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

GROUP = "textseg.families"


class Load(Protocol):
    """Loads a model from a folder or a hub id."""

    def __call__(
        self,
        source: str | os.PathLike[str],
        *,
        device: str,
        dtype: str,
        local_files_only: bool,
        name: str | None,
        known_words: frozenset[str] | None,
    ) -> DiffusionModel:
        """Return the model; "auto" is a device and a precision. See ``load_family``."""


class Wrap(Protocol):
    """Makes a model of a loaded pipeline."""

    def __call__(self, pipeline: DiffusionPipeline, *, device: str, dtype: str) -> DiffusionModel:
        """Return the model, which shares the pipeline's networks and changes nothing in it."""


@dataclass(frozen=True)
class Family:
    """How the models of a family are made."""

    load: Load
    wrap: Wrap


_UNET = ("Stable Diffusion 1.x, 2.x and XL", "textseg.backends.diffusers_unet:FAMILY")
_SD3 = ("Stable Diffusion 3 and 3.5", "textseg.backends.stable_diffusion_3:FAMILY")
FAMILIES: Mapping[str, tuple[str, str]] = {
    "StableDiffusionPipeline": _UNET,
    "StableDiffusionXLPipeline": _UNET,
    "UNet2DConditionModel": _UNET,
    "StableDiffusion3Pipeline": _SD3,
    "SD3Transformer2DModel": _SD3,
}
"""Class of a pipeline, or of a network that serves several -> what people call it, and its home."""


def load_family(
    source: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: str = "auto",
    local_files_only: bool = False,
    name: str | None = None,
    known_words: frozenset[str] | None = None,
) -> DiffusionModel:
    """Return the model in a diffusers folder or behind a hub id, whatever its family.

    Args:
        source: folder or hub id.
        device: "auto", "cpu", "cuda" ...
        dtype: "auto", "float32", "float16" or "bfloat16".
        local_files_only: keeps off the network.
        name: what people call it; ``None`` is the source.
        known_words: the lower-case words of a closed vocabulary; ``None`` is an open one.

    Raises:
        ModelError: files are missing or broken.
        UnsupportedError: no family that is known here.
    """
    index = read_index(str(source), local_files_only=local_files_only)
    family = _family_of(index, str(source))
    return family.load(
        source,
        device=device,
        dtype=dtype,
        local_files_only=local_files_only,
        name=name,
        known_words=known_words,
    )


def wrap_family(
    pipeline: DiffusionPipeline, *, device: str = "auto", dtype: str = "auto"
) -> DiffusionModel:
    """Use a loaded pipeline where it is and as it is, whatever its family.

    Raises ``UnsupportedError``, and ``InvalidInputError`` when ``device`` or ``dtype`` ask for
    something other than what it has.
    """
    own = [kind.__name__ for kind in type(pipeline).__mro__]
    family = _family_of(index_of(pipeline), type(pipeline).__name__, *own)
    return family.wrap(pipeline, device=device, dtype=dtype)


def _family_of(index: Index, source: str, *names: str) -> Family:
    """Return the family of the first of these classes that has one: pipeline, then its parts."""
    pipeline = str(index.get("_class_name", "pipeline"))
    others = {point.name: point for point in plugins(GROUP, own=FAMILIES)}
    for name in (*names, pipeline, *_parts(index)):
        point = others.get(name)
        if name in FAMILIES:
            point = EntryPoint(name, FAMILIES[name][1], GROUP)
        if point is not None:
            family: Family = loaded(point, "family")
            return family
    supported = dict.fromkeys([*(title for title, _ in FAMILIES.values()), *sorted(others)])
    raise UnsupportedError(
        f"the model {source!r} is not supported: {pipeline} is of no family that is known here",
        hint=f"supported: {'; '.join(supported)}",
    )


def _parts(index: Index) -> Iterator[str]:
    for part in sorted(index):
        if found := class_name(index, part):
            yield found
