"""What is on this machine of the hub, looked up without loading anything heavy."""

from __future__ import annotations

from textseg.errors import ModelError


def is_cached(hub_id: str) -> bool:
    """Return whether the hub's cache has the index of a model."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, "model_index.json"), str)


def check_cached(hub_id: str) -> None:
    """Raise ``ModelError`` for a model of which nothing is in the hub's cache."""
    if not is_cached(hub_id):
        raise ModelError(
            f"the model {hub_id!r} is not on this machine, and the hub is not asked (offline)",
            hint="check the hub id and download it once where there is a network "
            f"(hf download {hub_id}), or give the folder of a copy",
        )
