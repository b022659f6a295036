"""Which adapters (LoRAs) a network has now: who holds a pipeline may change them at any time."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from torch.nn import Module

_STATES = ("active_adapters", "disable_adapters", "merged_adapters", "scaling")


def adapter_state(network: Module) -> Hashable:
    """Return what is added to the weights of a network: equal as long as nothing is changed."""
    if not getattr(network, "peft_config", None):
        return ()
    return tuple(_states(network))


def _states(network: Module) -> Iterator[Hashable]:
    for name, module in network.named_modules():
        if hasattr(module, "active_adapters") and hasattr(module, "scaling"):  # a layer of peft's
            yield name, *(_frozen(getattr(module, state, None)) for state in _STATES)


def _frozen(state: object) -> Hashable:
    return tuple(sorted(state.items())) if isinstance(state, dict) else str(state)
