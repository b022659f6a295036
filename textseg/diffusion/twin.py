"""A second network to train on one picture, which shares every weight but those it trains.

Nothing of the first network is written to, so nothing has to be put back: a fit that fails or is
cancelled leaves no trace, and other threads may ask the first one meanwhile. What a twin costs in
memory are its trained weights.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self, cast, runtime_checkable

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError, UnsupportedError


@runtime_checkable
class Refittable(Protocol):
    """What a ``DiffusionModel`` has as well when its network can be another one of the same build.

    ``model.with_network(twin(model.network, pattern).network)`` is a model to fit and to ask.
    """

    @property
    def network(self) -> Module:
        """What ``predict`` asks."""

    def with_network(self, network: Module) -> Self:
        """Return the same model around another network; this one stays as it is."""


def refittable(model: DiffusionModel) -> Refittable:
    """Return the model as one whose weights can be fitted; raises ``UnsupportedError``."""
    if not all(hasattr(model, part) for part in ("network", "with_network")):
        raise UnsupportedError(
            f"the weights of the model {model.name!r} cannot be fitted to a picture",
            hint="use an edit method that does without, or a model that has network and "
            "with_network, as all those made of a diffusers pipeline do",
        )
    return cast(Refittable, model)


@dataclass(frozen=True, eq=False)
class Twin:
    """A network and those of its weights that are its own, by name; they ask for gradients."""

    network: Module
    trained: Mapping[str, Parameter]


def twin(network: Module, pattern: str) -> Twin:
    r"""Return a copy that shares all tensors but the parameters whose name holds ``pattern``.

    Those start as copies, in the precision of the network; what is shared asks for no gradients,
    so that none are left on the first network. A compiled network has a twin that is not.

    Args:
        network: the first one.
        pattern: a regular expression, such as ``r"attn2\.to_[kv]"``.

    Raises:
        InvalidInputError: no parameter has such a name.
        UnsupportedError: something in the network cannot be shared or trained.
    """
    network = getattr(network, "_orig_mod", network)  # what torch.compile wraps
    own = {name for name, _ in network.named_parameters() if re.search(pattern, name)}
    if not own:
        raise InvalidInputError(
            f"no parameter of {type(network).__name__} has a name with {pattern!r}",
            hint="network.named_parameters() has the names",
        )
    _check(network, own)
    second = copy.deepcopy(network, _shared(network, own))
    trained = {name: each for name, each in second.named_parameters() if name in own}
    for each in trained.values():
        each.requires_grad_(True)
    return Twin(second, trained)


def _shared(network: Module, own: set[str]) -> dict[int, object]:
    """Return what a deep copy is to take instead of copying, by the id of the first."""
    memo: dict[int, object] = {}
    for module in network.modules():
        for each in (*vars(module).values(), *module.buffers(recurse=False)):
            if isinstance(each, Tensor | torch.ScriptObject):  # packed weights are the latter
                memo[id(each)] = each
    for name, each in network.named_parameters():
        if name not in own:
            memo[id(each)] = Parameter(each.detach(), False) if each.requires_grad else each
    return memo


def _check(network: Module, own: set[str]) -> None:
    for name, module in network.named_modules():
        if "forward" in vars(module):  # a copy would still run the first one's
            raise UnsupportedError(
                f"the forward of {name or type(module).__name__!r} was replaced, as offloading, "
                "caching and casting of layers do: it cannot be shared",
                hint="load the model without them",
            )
    for name, each in network.named_parameters():
        if each.device.type == "meta":
            raise UnsupportedError(
                f"the weights {name!r} are not in memory", hint="load the model without offloading"
            )
        if name in own and not each.is_floating_point():
            raise UnsupportedError(
                f"the weights {name!r} are quantised, {each.dtype}: they cannot be trained",
                hint="train other weights, or load the model without quantisation",
            )
