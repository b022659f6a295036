"""What people have done to a loaded pipeline: compiled, moved off, added to; nothing is undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import Module

from textseg.backends.loading import undisturbed
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

LIBRARIES = ("diffusers", "transformers")
CHECKERS = ("safety_checker", "image_encoder")  # networks that have no say in what is predicted


def plain(part: Any) -> Any:  # Any: of any kind
    """Return a part itself where torch has compiled it, else the part."""
    return getattr(part, "_orig_mod", part)


def class_of(part: Any) -> str:  # Any: as above
    """Return the name of the class of a part; of one that people derived theirs from, if any."""
    kinds = type(plain(part)).__mro__
    known = (kind for kind in kinds if kind.__module__.split(".")[0] in LIBRARIES)
    return next(known, kinds[0]).__name__


def refuse_pictures(parts: Mapping[str, Any], source: str) -> None:  # Any: as in Loaded
    """Raise ``UnsupportedError`` for a network that an IP-Adapter has taught to see pictures."""
    for part in map(plain, parts.values()):
        projection = getattr(part, "encoder_hid_proj", None)
        shown = type(projection).__name__ == "MultiIPAdapterImageProjection"
        if shown or getattr(part, "image_proj", None) is not None:
            raise UnsupportedError(
                f"the model {source!r} is not supported: an IP-Adapter is loaded, and its network "
                "wants a picture as well",
                hint="pipeline.unload_ip_adapter() takes it away; wrap the pipeline then",
            )


def in_float32(vae: Any, device: torch.device) -> Any:  # Any: an autoencoder of diffusers
    """Return a copy of an autoencoder in float32 on ``device``, without the hooks that it has.

    It comes back as it is where its weights are elsewhere until they are needed.
    """
    original = plain(vae)
    if any(weight.is_meta for weight in original.parameters()):
        return vae
    with undisturbed():
        copy = type(original).from_config(original.config)
    copy.load_state_dict(original.state_dict())
    return copy.float().to(device).eval().requires_grad_(False)


def remarks_on_pipeline(pipeline: DiffusionPipeline, used: Iterable[str]) -> tuple[str, ...]:
    """Return remarks for people on what a pipeline has and does, and a model made of it does not.

    ``used`` are the names of the parts that the model uses.
    """
    return tuple(_remarks(pipeline, {*used, *CHECKERS}))


def _remarks(pipeline: DiffusionPipeline, used: set[str]) -> Iterator[str]:
    components: Mapping[str, Any] = pipeline.components  # Any: parts of any kind
    for name, part in components.items():
        if isinstance(part, Module | list | tuple) and name not in used:
            yield f"the {name} of the pipeline is not used"
    if "PAG" in type(pipeline).__name__:
        yield "the perturbed attention guidance of the pipeline is not used"
    modules = (
        module
        for name, part in components.items()
        if name in used and isinstance(part, Module)
        for module in part.modules()
    )
    if any(getattr(getattr(module, "_hf_hook", None), "offload", False) for module in modules):
        yield (
            "sequential offload fetches every layer anew for every evaluation, which is slow; "
            "pipeline.enable_model_cpu_offload() or enable_group_offload() save memory too"
        )
